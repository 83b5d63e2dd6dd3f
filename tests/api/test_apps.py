"""Apps over REST: the vendor's two operations, and what /v2 has beyond them."""

from datetime import UTC, datetime, timedelta

import pytest
from cloudflare import Cloudflare
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.live_server_helper import LiveServer

from streams.livestreams.services import create_livestream
from streams.models import ApiKey, App, AuditEntry
from streams.organizations.apps import APPS_MAX
from streams.organizations.services import SYSTEM, NewOrganization, create_api_key
from tests.api.clients import ApiClient, basic, dyte_client, read, realtimekit_client

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def of_account(home: NewOrganization) -> ApiClient:
    return ApiClient(
        "realtimekit",
        f"/client/v4/accounts/{home.organization.pk.hex}/realtime/kit",
        realtimekit_client(home).authorization,
    )


@pytest.fixture(params=[dyte_client, of_account], ids=["dyte", "realtimekit"])
def apps_api(request: pytest.FixtureRequest, home: NewOrganization) -> ApiClient:
    found: ApiClient = request.param(home)
    return found


def filled(home: NewOrganization, *, number: int) -> list[App]:
    """Return the default app and others, made a minute apart from noon, oldest first."""
    rows = [home.app, *(App.objects.create(organization=home.organization, name=f"App {i}") for i in range(number))]
    for index, row in enumerate(rows):
        App.objects.filter(pk=row.pk).update(created_at=NOON + timedelta(minutes=index))
    return rows


def ids(rows: list[App]) -> list[str]:
    return [row.pk.hex for row in rows]


def bound(home: NewOrganization, app: App) -> ApiClient:
    _, text = create_api_key(organization=home.organization, name="Bound", kind="basic", actor=SYSTEM, app=app)
    return ApiClient("dyte", "/v2", basic(home.organization.pk.hex, text))


class TestList:
    def test_is_newest_first_with_paging_beside_it(self, apps_api: ApiClient, home: NewOrganization) -> None:
        rows = filled(home, number=3)

        answer = read(apps_api.get("/apps?per_page=3"))

        assert [item["id"] for item in answer["data"]] == ids(rows[:0:-1])
        assert answer["data"][0] == {"id": rows[3].pk.hex, "name": "App 2", "created_at": "2026-03-01T12:03:00.000Z"}
        assert answer["paging"] == {"total_count": 4, "start_offset": 1, "end_offset": 3}

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("?sort_order=ASC", [0, 1, 2]),
            ("?sort_order=DESC", [2, 1, 0]),
            ("?sort_order=DSC", [2, 1, 0]),
            ("?search=aPP", [2, 1]),
            ("?search=%25", []),
            ("?page_no=2&per_page=2", [0]),
        ],
    )
    def test_is_sorted_and_searched(
        self, apps_api: ApiClient, home: NewOrganization, query: str, found: list[int]
    ) -> None:
        rows = filled(home, number=2)

        assert [item["id"] for item in read(apps_api.get(f"/apps{query}"))["data"]] == ids([rows[i] for i in found])

    def test_refuses_another_order(self, apps_api: ApiClient) -> None:
        assert apps_api.get("/apps?sort_order=UP").status_code == 400

    def test_holds_no_other_tenants(self, apps_api: ApiClient, home: NewOrganization, abroad: NewOrganization) -> None:
        assert [item["id"] for item in read(apps_api.get("/apps"))["data"]] == [home.app.pk.hex]

    @pytest.mark.usefixtures("remembered")
    @pytest.mark.parametrize("per_page", [5, 10])
    def test_takes_as_many_queries_for_more(self, apps_api: ApiClient, home: NewOrganization, per_page: int) -> None:
        filled(home, number=12)
        apps_api.get("/apps")

        with CaptureQueriesContext(connection) as captured:
            apps_api.get(f"/apps?per_page={per_page}")

        assert len(captured) == 2


class TestCreate:
    def test_makes_one_that_programs_reach_at_once(self, apps_api: ApiClient, home: NewOrganization) -> None:
        answer = read(apps_api.post("/apps", {"name": "Autumn conference"}))

        made = App.objects.get(pk=answer["data"]["app"]["id"])
        assert answer["data"]["app"].keys() == {"id", "name", "created_at"}
        assert (made.organization, made.name, made.is_default) == (home.organization, "Autumn conference", False)
        theirs = create_livestream(app=made, name="There", actor=SYSTEM)
        listed = read(of_account(home).get(f"/{made.pk.hex}/livestreams"))["data"]["livestreams"]
        assert [item["id"] for item in listed] == [str(theirs.pk)]
        # Meetings can be held there at once.
        names = {item["name"] for item in read(of_account(home).get(f"/{made.pk.hex}/presets"))["data"]}
        assert {"group_call_host", "webinar_viewer", "livestream_viewer"} <= names

    def test_makes_no_more_than_anybody_needs(self, dyte: ApiClient, home: NewOrganization) -> None:
        App.objects.bulk_create(App(organization=home.organization, name=str(number)) for number in range(APPS_MAX - 1))

        answer = dyte.post("/apps", {"name": "One too many"})

        assert (answer.status_code, [*read(answer)["error"]["fields"]]) == (422, ["name"])
        assert App.objects.filter(organization=home.organization).count() == APPS_MAX

    @pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "bell\x07"}, {"name": 7}, {"name": None}])
    def test_refuses_what_is_no_name(self, apps_api: ApiClient, body: object) -> None:
        response = apps_api.post("/apps", body)

        assert response.status_code == 422
        assert read(response)["error"]["fields"].keys() == {"name"}
        assert App.objects.count() == 1

    def test_is_not_for_a_key_of_one_app(self, home: NewOrganization) -> None:
        response = bound(home, home.app).post("/apps", {"name": "Beyond"})

        assert response.status_code == 403
        assert read(response)["error"]["type"] == "key_of_one_app"
        assert App.objects.count() == 1

    def test_is_written_down_with_key_and_address(self, dyte: ApiClient, home: NewOrganization) -> None:
        made = read(dyte.post("/apps", {"name": "Autumn conference"}))["data"]["app"]
        dyte.patch(f"/apps/{made['id']}", {"name": "Winter conference"})

        key = ApiKey.objects.get(organization=home.organization, kind=ApiKey.Kind.BASIC)
        entries = AuditEntry.objects.filter(target_id=made["id"]).order_by("id")
        assert [(entry.action, entry.api_key, entry.address) for entry in entries] == [
            ("app.created", key, "127.0.0.1"),
            ("app.renamed", key, "127.0.0.1"),
        ]
        assert entries[1].detail == {"old": "Autumn conference", "new": "Winter conference"}


class TestOneApp:
    def test_is_shown_and_renamed(self, dyte: ApiClient, home: NewOrganization) -> None:
        renamed = read(dyte.patch(f"/apps/{home.app.pk.hex}", {"name": "Main"}))

        assert renamed["data"]["app"]["name"] == "Main"
        assert read(dyte.get(f"/apps/{home.app.pk}")) == renamed

    def test_with_the_same_name_is_not_written_down(self, dyte: ApiClient, home: NewOrganization) -> None:
        before = AuditEntry.objects.count()

        assert dyte.patch(f"/apps/{home.app.pk.hex}", {"name": home.app.name}).status_code == 200

        assert AuditEntry.objects.count() == before

    def test_of_another_key_is_one_that_nobody_has(self, home: NewOrganization) -> None:
        own = App.objects.create(organization=home.organization, name="Own")
        program, nobodys = bound(home, own), "0" * 32

        of_other, of_nobody = program.get(f"/apps/{home.app.pk.hex}"), program.get(f"/apps/{nobodys}")

        assert [item["id"] for item in read(program.get("/apps"))["data"]] == [own.pk.hex]
        assert of_other.status_code == of_nobody.status_code == 404
        said = read(of_other)["error"]["message"].replace(str(home.app.pk), "ID")
        assert said == read(of_nobody)["error"]["message"].replace("00000000-0000-0000-0000-000000000000", "ID")
        assert program.patch(f"/apps/{home.app.pk.hex}", {"name": "Taken"}).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_cloudflares_client_makes_and_lists_them(live_server: LiveServer, home: NewOrganization) -> None:
    account_id = home.organization.pk.hex
    with Cloudflare(
        api_token=home.api_token,
        base_url=f"{live_server.url}/client/v4",
        _strict_response_validation=True,
        max_retries=0,
    ) as client:
        made = client.realtime_kit.apps.post(account_id=account_id, name="Autumn conference").data
        listed = client.realtime_kit.apps.get(account_id=account_id, search="autumn", sort_order="ASC")

    assert made is not None
    assert made.app is not None
    assert made.app.id is not None
    assert len(made.app.id) == 32
    assert [app.id for app in listed.data or []] == [made.app.id]
    assert listed.paging is not None
    assert listed.paging.total_count == 1
