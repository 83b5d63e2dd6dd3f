"""Keys over REST: listed, made within what the asking key may itself, revoked."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from livehub.core import clock
from streams.models import ApiKey, App, AuditEntry
from streams.organizations.credentials import Credential, authenticate_api_key, split_key
from streams.organizations.services import (
    API_KEYS_MAX,
    SYSTEM,
    Actor,
    ApiKeyRejectedError,
    NewOrganization,
    create_api_key,
    revoke_api_key,
)
from tests.api.clients import ApiClient, basic, read

Scope = ApiKey.Scope


def program(home: NewOrganization, **reach: object) -> ApiClient:
    """Return one with a key that opens only so much."""
    made = create_api_key(organization=home.organization, name="Asking", kind="basic", actor=SYSTEM, **reach)  # type: ignore[arg-type]  # As the test says.
    return ApiClient("dyte", "/v2", basic(home.organization.pk.hex, made.secret))


@pytest.fixture
def second(home: NewOrganization) -> App:
    return App.objects.create(organization=home.organization, name="Second")


class TestCreate:
    @pytest.mark.parametrize("kind", ApiKey.Kind.values)
    def test_makes_one_that_opens_its_dialect(self, dyte: ApiClient, home: NewOrganization, kind: str) -> None:
        response = dyte.post("/api-keys", {"name": "Booking system", "kind": kind, "scopes": ["read"]})

        made = read(response)["data"]
        assert response.status_code == 201
        is_pair = kind in {"liveapi", "cloudinary"}
        shown = Credential(made["key_id"], made["secret"]) if is_pair else split_key(made["secret"])
        key = authenticate_api_key(shown, kind=kind, organization_id=home.organization.pk)
        assert (str(key.pk), key.name, key.scopes, key.app) == (made["id"], "Booking system", ["read"], None)

    def test_makes_no_more_than_anybody_needs(self, dyte: ApiClient, home: NewOrganization) -> None:
        known = ApiKey.objects.filter(organization=home.organization)
        ApiKey.objects.bulk_create(
            ApiKey(organization=home.organization, name="One", kind="basic", lookup=f"{number:012}", scopes=["read"])
            for number in range(API_KEYS_MAX - known.count())
        )

        answer = dyte.post("/api-keys", {"name": "One too many"})

        assert (answer.status_code, [*read(answer)["error"]["fields"]]) == (422, ["name"])
        dyte.delete(f"/api-keys/{known.get(lookup=f'{0:012}').pk}")
        assert dyte.post("/api-keys", {"name": "In its place"}).status_code == 201

    def test_without_a_word_is_as_the_one_that_asks(self, home: NewOrganization, second: App) -> None:
        expires_at = clock.now() + timedelta(days=7)
        asking = program(home, app=second, scopes=[Scope.ADMIN, Scope.READ], expires_at=expires_at)

        made = read(asking.post("/api-keys", {"name": "Same"}))["data"]

        assert (made["kind"], made["scopes"], made["app_id"]) == ("basic", ["read", "admin"], second.pk.hex)
        assert made["expires_at"] == clock.isoformat(expires_at)

    @pytest.mark.parametrize(
        ("field", "more"),
        [
            ("scopes", ["read", "meetings"]),
            ("scopes", []),
            ("expires_at", "2999-01-01T00:00:00Z"),
            ("expires_at", "2020-01-01T00:00:00Z"),
        ],
    )
    def test_gives_no_more_than_the_one_that_asks(self, home: NewOrganization, field: str, more: object) -> None:
        asking = program(home, scopes=[Scope.ADMIN, Scope.READ], expires_at=clock.now() + timedelta(days=7))
        before = ApiKey.objects.count()

        response = asking.post("/api-keys", {"name": "More", field: more})

        assert response.status_code == 422
        assert read(response)["error"]["fields"].keys() == {field}
        assert ApiKey.objects.count() == before

    def test_reaches_no_other_app(self, home: NewOrganization, abroad: NewOrganization, second: App) -> None:
        asking, said = program(home, app=second), set()

        for app_id in (home.app.pk, abroad.app.pk, uuid4()):
            response = asking.post("/api-keys", {"name": "Other", "app_id": app_id.hex})
            assert response.status_code == 422
            said.add(response.content.decode().replace(str(app_id), "ID"))

        assert len({text.partition('"errors"')[0] for text in said}) == 1
        assert not ApiKey.objects.filter(name="Other").exists()

    def test_of_one_app_is_made_by_a_key_of_all(self, dyte: ApiClient, second: App) -> None:
        made = read(dyte.post("/api-keys", {"name": "Of the second", "app_id": second.pk.hex}))["data"]

        assert ApiKey.objects.get(pk=made["id"]).app == second

    @pytest.mark.parametrize(
        ("field", "wrong"),
        [
            ("name", ""),
            ("name", "bell\x07"),
            ("kind", "password"),
            ("scopes", ["root"]),
            ("app_id", "x"),
            ("app_id", 1),
        ],
    )
    def test_refuses_what_makes_no_key(self, dyte: ApiClient, field: str, wrong: object) -> None:
        response = dyte.post("/api-keys", {"name": "Booking system", field: wrong})

        assert response.status_code == 422
        assert read(response)["error"]["fields"].keys() == {field}

    def test_is_not_for_one_that_was_revoked_a_moment_ago(self, home: NewOrganization) -> None:
        """Others may remember for a second what it opened."""
        asking = ApiKey.objects.get(organization=home.organization, kind=ApiKey.Kind.BASIC)
        revoke_api_key(api_key=asking, actor=SYSTEM)

        with pytest.raises(ApiKeyRejectedError):
            create_api_key(
                organization=home.organization, name="Late", kind="basic", actor=Actor(api_key=asking, address=None)
            )

    def test_is_written_down_without_the_secret(self, dyte: ApiClient, home: NewOrganization) -> None:
        made = read(dyte.post("/api-keys", {"name": "Booking system", "scopes": ["read"]}))["data"]

        entry = AuditEntry.objects.get(action="api_key.created", target_id=made["id"])
        asking = ApiKey.objects.get(organization=home.organization, kind=ApiKey.Kind.BASIC, name="First API key")
        assert (entry.api_key, entry.user, entry.address) == (asking, None, "127.0.0.1")
        assert entry.detail == {"name": "Booking system", "kind": "basic", "scopes": "read"}


class TestList:
    def test_holds_what_is_not_revoked_without_secrets(self, dyte: ApiClient, home: NewOrganization) -> None:
        made = read(dyte.post("/api-keys", {"name": "Newest"}))["data"]
        dyte.delete(f"/api-keys/{ApiKey.objects.get(organization=home.organization, kind='bearer').pk}")

        answer = read(dyte.get("/api-keys"))

        names = ["Newest", "First Cloudinary key", "First LiveAPI key", "First API key"]
        assert [item["name"] for item in answer["data"]] == names
        assert answer["data"][0] == {name: value for name, value in made.items() if name != "secret"}
        assert answer["paging"] == {"total_count": 4, "start_offset": 1, "end_offset": 4}

    def test_of_one_app_holds_that_apps(self, home: NewOrganization, second: App) -> None:
        asking = program(home, app=second)

        assert [item["name"] for item in read(asking.get("/api-keys"))["data"]] == ["Asking"]

    @pytest.mark.usefixtures("remembered")
    @pytest.mark.parametrize("number", [1, 9])
    def test_takes_one_query_whatever_it_holds(self, dyte: ApiClient, home: NewOrganization, number: int) -> None:
        for index in range(number):
            create_api_key(organization=home.organization, name=f"Key {index}", kind="basic", actor=SYSTEM)
        dyte.get("/api-keys")

        with CaptureQueriesContext(connection) as captured:
            dyte.get("/api-keys")

        assert len(captured) == 1


class TestRevoke:
    def test_ends_it_and_says_who(self, dyte: ApiClient, home: NewOrganization) -> None:
        key = ApiKey.objects.get(organization=home.organization, kind=ApiKey.Kind.LIVEAPI)

        assert dyte.delete(f"/api-keys/{key.pk}").status_code == 200

        key.refresh_from_db()
        assert key.revoked_at is not None
        entry = AuditEntry.objects.get(action="api_key.revoked")
        assert entry.api_key == ApiKey.objects.get(organization=home.organization, kind=ApiKey.Kind.BASIC)
        assert entry.address == "127.0.0.1"
        assert dyte.delete(f"/api-keys/{key.pk}").status_code == 404

    def test_reaches_nobody_elses(self, home: NewOrganization, abroad: NewOrganization, second: App) -> None:
        asking = program(home, app=second)
        theirs = ApiKey.objects.filter(organization=abroad.organization)[0]
        of_all = ApiKey.objects.get(organization=home.organization, kind=ApiKey.Kind.BASIC, app=None)

        for key_id in (theirs.pk, of_all.pk, uuid4(), "nonsense"):
            response = asking.delete(f"/api-keys/{key_id}")
            assert response.status_code == 404
        assert not ApiKey.objects.exclude(revoked_at=None).exists()


class TestScope:
    @pytest.mark.parametrize("scope", Scope)
    def test_decides_on_each_operation(self, home: NewOrganization, scope: ApiKey.Scope) -> None:
        asking = program(home, scopes=[scope])
        key = create_api_key(organization=home.organization, name="Old", kind="basic", actor=SYSTEM).row
        reads = {f"/apps/{home.app.pk.hex}": Scope.READ, "/apps": Scope.READ, "/api-keys": Scope.ADMIN}

        for path, needed in reads.items():
            assert (asking.get(path).status_code == 200) is (scope == needed), path
        changes = [
            asking.post("/apps", {"name": "New"}),
            asking.patch(f"/apps/{home.app.pk.hex}", {"name": "New"}),
            asking.post("/api-keys", {"name": "New"}),
            asking.delete(f"/api-keys/{key.pk}"),
        ]
        assert {answer.status_code == 403 for answer in changes} == {scope != Scope.ADMIN}
