"""Webhooks over REST: as each vendor's clients have them, and what LiveHub has beyond."""

from typing import Any

import pytest

from livehub.core import clock, crypto
from streams.models import ApiKey, App, AuditEntry
from streams.organizations.services import SYSTEM, NewOrganization, create_api_key
from tests.api.clients import ApiClient, basic, dyte_client, read, realtimekit_client
from tests.webhooks.happenings import LIVE, URL, listening
from webhooks.catalogue import EVENT_NAMES, Family
from webhooks.models import Endpoint
from webhooks.services import change_endpoint
from webhooks.states import DisabledReason

VENDORS = {"id", "name", "url", "events", "enabled", "created_at", "updated_at"}
BEYOND = {"format", "disabled_reason", "last_success_at", "failing_since", "last_error"}
# Source: Dyte, REST API Quickstart.
BODY: dict[str, Any] = {
    "name": "Attendance",
    "url": "https://webhook.site/#!/b23a5bbd-c8b0-4ced-a9e2-78ae7889897e",
    "events": ["meeting.participantJoined", "meeting.participantLeft"],
}


def replaced(api: ApiClient, webhook_id: object, body: object) -> Any:
    return api.request("PUT", f"/webhooks/{webhook_id}", body=body)


@pytest.fixture
def made(api: ApiClient) -> dict[str, Any]:
    webhook: dict[str, Any] = read(api.post("/webhooks", BODY))["data"]
    return webhook


class TestBothVendors:
    def test_create_one(self, api: ApiClient, home: NewOrganization) -> None:
        response = api.post("/webhooks", BODY)

        data = read(response)["data"]
        assert response.status_code == 201
        row = Endpoint.objects.get()
        assert BODY.items() <= data.items()
        assert (data["id"], data["enabled"], data["secret"]) == (str(row.pk), True, row.secret)
        assert data["created_at"] == clock.isoformat(row.created_at)
        # Payloads are those of the dialect in which it was made.
        assert (row.app, row.format) == (home.app, api.name)
        assert data.keys() == {*VENDORS, "secret", *(BEYOND if api.name == "dyte" else ())}

    def test_show_it_without_its_secret(self, api: ApiClient, made: dict[str, Any]) -> None:
        webhook_id = made["id"]
        shown = {name: value for name, value in made.items() if name != "secret"}

        assert read(api.get(f"/webhooks/{webhook_id}"))["data"] == shown
        # Neither has pages of them.
        assert read(api.get("/webhooks")) == {"success": True, "data": [shown]}

    def test_list_all_of_the_app_oldest_first(self, api: ApiClient, home: NewOrganization) -> None:
        second = App.objects.create(organization=home.organization, name="Second")
        listening(second)
        mine = [str(listening(home.app).pk) for _ in range(3)]

        assert [webhook["id"] for webhook in read(api.get("/webhooks"))["data"]] == mine

    def test_change_some_of_it(self, api: ApiClient, made: dict[str, Any]) -> None:
        data = read(api.patch(f"/webhooks/{made['id']}", {"name": "Presence", "enabled": False}))["data"]

        assert data["updated_at"] > made["updated_at"]
        assert {**BODY, "name": "Presence", "enabled": False}.items() <= data.items()
        entry = AuditEntry.objects.latest("id")
        assert (entry.action, entry.detail) == ("webhook.changed", {"changed": ["enabled", "name"]})
        assert entry.api_key is not None

    def test_replace_it(self, api: ApiClient, made: dict[str, Any]) -> None:
        api.patch(f"/webhooks/{made['id']}", {"enabled": False})
        secret = Endpoint.objects.get().secret
        body = {"name": "Presence", "url": URL, "events": ["meeting.ended"]}

        data = read(replaced(api, made["id"], body))["data"]

        # What is not said is as in a new one.
        assert {**body, "enabled": True}.items() <= data.items()
        assert Endpoint.objects.get().secret == secret
        assert replaced(api, made["id"], {"name": "Presence"}).status_code == 422

    def test_delete_it_and_say_what_it_was(self, api: ApiClient, made: dict[str, Any]) -> None:
        shown = read(api.get(f"/webhooks/{made['id']}"))["data"]
        response = api.delete(f"/webhooks/{made['id']}")

        assert (response.status_code, read(response)["data"]) == (200, shown)
        for after in (
            api.get(f"/webhooks/{made['id']}"),
            api.delete(f"/webhooks/{made['id']}"),
            api.patch(f"/webhooks/{made['id']}", {"name": "Anew"}),
            replaced(api, made["id"], BODY),
        ):
            assert after.status_code == 404
        assert read(api.get("/webhooks"))["data"] == []

    @pytest.mark.parametrize(
        ("member", "value"),
        [
            ("name", None),
            ("name", 5),
            ("name", " "),
            ("name", "x" * 256),
            ("name", "\u202e"),
            ("url", "ftp://example.com/"),
            ("url", "http://user:secret@example.com/"),
            ("url", ["https://example.com/"]),
            ("url", "https://example.com/" + "x" * 2100),
            ("events", []),
            ("events", None),
            ("events", "meeting.ended"),
            ("events", ["meeting.exploded"]),
            ("events", [5]),
            ("events", [["meeting.ended"]]),
            ("events", ["meeting.ended"] * 10_000),
            ("enabled", "true"),
            ("enabled", None),
            ("enabled", 1),
        ],
    )
    def test_refuse_what_cannot_be_used(self, api: ApiClient, home: NewOrganization, member: str, value: Any) -> None:
        endpoint = listening(home.app)
        before = Endpoint.objects.values().get()
        for response in (
            api.post("/webhooks", {**BODY, member: value}),
            api.patch(f"/webhooks/{endpoint.pk}", {member: value}),
            replaced(api, endpoint.pk, {**BODY, member: value}),
        ):
            assert response.status_code == 422
            assert read(response)["error"]["fields"].keys() == {member}
        assert Endpoint.objects.values().get() == before

    def test_name_every_complaint_at_once(self, api: ApiClient) -> None:
        nothing = api.post("/webhooks", {})
        wrong = api.post("/webhooks", {"name": "", "url": "x", "events": ["meeting.ended"]})

        assert read(nothing)["error"]["fields"].keys() == {"name", "url", "events"}
        assert read(wrong)["error"]["fields"].keys() == {"name", "url"}

    def test_take_what_nothing_tells_of_yet(self, api: ApiClient) -> None:
        assert not EVENT_NAMES["meeting.transcript"].is_emitted

        response = api.post("/webhooks", {**BODY, "events": ["meeting.transcript", "meeting.summary"]})

        assert response.status_code == 201

    def test_read_with_the_scope_for_it_and_change_with_another(self, home: NewOrganization) -> None:
        def program(scope: ApiKey.Scope) -> ApiClient:
            made = create_api_key(
                organization=home.organization, name="One", kind="basic", scopes=[scope], actor=SYSTEM
            )
            return ApiClient("dyte", "/v2", basic(home.organization.pk.hex, made.secret))

        webhooks, reads, others = (program(ApiKey.Scope(scope)) for scope in ("webhooks", "read", "livestreams"))

        webhook_id = read(webhooks.post("/webhooks", BODY))["data"]["id"]
        assert reads.get(f"/webhooks/{webhook_id}").status_code == 200
        for refused in (webhooks.get("/webhooks"), reads.post("/webhooks", BODY), others.post("/webhooks", BODY)):
            assert refused.status_code == 403

    def test_send_stream_keys_only_where_somebody_says_who_is_told_them(self, home: NewOrganization) -> None:
        def program(*scopes: ApiKey.Scope) -> ApiClient:
            made = create_api_key(
                organization=home.organization, name="One", kind="bearer", scopes=list(scopes), actor=SYSTEM
            )
            return ApiClient("realtimekit", realtimekit_client(home).prefix, f"Bearer {made.secret}")

        scope = ApiKey.Scope
        narrow, wide = program(scope.WEBHOOKS), program(scope.WEBHOOKS, scope.LIVESTREAMS, scope.MEETINGS)
        # Made where somebody may, and bent elsewhere.
        body, elsewhere = {**BODY, "events": ["livestreaming.statusUpdate"]}, {"url": "https://example.com/elsewhere"}
        carrying, plain = (read(wide.post("/webhooks", made))["data"]["id"] for made in (body, BODY))

        for refused in (
            narrow.post("/webhooks", body),
            narrow.patch(f"/webhooks/{carrying}", elsewhere),
            replaced(narrow, carrying, {**body, **elsewhere}),
            narrow.patch(f"/webhooks/{plain}", {"events": body["events"]}),
            program(scope.WEBHOOKS, scope.LIVESTREAMS).post("/webhooks", body),
        ):
            assert refused.status_code == 403
        for taken in (
            narrow.patch(f"/webhooks/{carrying}", {"name": "Anew"}),
            narrow.patch(f"/webhooks/{plain}", elsewhere),
            wide.patch(f"/webhooks/{carrying}", elsewhere),
            # Dyte's has no key in it.
            dyte_client(home).post("/webhooks", body),
        ):
            assert taken.status_code in {200, 201}

    def test_make_one_once(self, api: ApiClient) -> None:
        headers = {"Idempotency-Key": "one"}
        first, second = (api.request("POST", "/webhooks", body=BODY, headers=headers) for _ in range(2))

        assert read(first) == read(second)
        assert Endpoint.objects.count() == 1


class TestNames:
    def test_are_those_of_the_vendor_on_realtimekit(self, realtimekit: ApiClient) -> None:
        names = read(realtimekit.get("/webhooks/all"))["data"]

        # Source: Cloudflare RealtimeKit.
        assert sorted(names) == [
            "livestreaming.statusUpdate",
            "meeting.chatSynced",
            "meeting.ended",
            "meeting.participantJoined",
            "meeting.participantLeft",
            "meeting.started",
            "meeting.summary",
            "meeting.transcript",
            "recording.statusUpdate",
        ]
        assert realtimekit.post("/webhooks", {**BODY, "events": [LIVE]}).status_code == 422

    def test_are_all_that_there_are_on_v2(self, dyte: ApiClient) -> None:
        assert read(dyte.get("/webhooks/all"))["data"] == list(EVENT_NAMES)
        for name in EVENT_NAMES:
            assert dyte.post("/webhooks", {**BODY, "events": [name]}).status_code == 201

    def test_are_explained_on_v2(self, dyte: ApiClient, realtimekit: ApiClient) -> None:
        found = {known["name"]: known for known in read(dyte.get("/webhooks/events"))["data"]}

        assert list(found) == list(EVENT_NAMES)
        assert found["livestreaming.statusUpdate"] == {
            "name": "livestreaming.statusUpdate",
            "family": "vendors",
            "summary": "A livestream went live, or offline.",
            "types": ["livestream.live", "livestream.ended", "livestream.errored"],
            "emitted": True,
        }
        assert not found["meeting.chatSynced"]["emitted"]
        assert realtimekit.get("/webhooks/events").status_code == 404

    def test_that_a_client_is_not_told_are_not_taken_away_by_it(
        self, dyte: ApiClient, realtimekit: ApiClient, home: NewOrganization
    ) -> None:
        endpoint = listening(home.app, LIVE, "meeting.ended", "stream-created")
        path = f"/webhooks/{endpoint.pk}"
        assert read(realtimekit.get(path))["data"]["events"] == ["meeting.ended"]

        body = {**BODY, "events": ["meeting.started"]}
        assert read(replaced(realtimekit, endpoint.pk, body))["data"]["events"] == ["meeting.started"]
        assert read(dyte.get(path))["data"]["events"] == [LIVE, "meeting.started", "stream-created"]
        realtimekit.patch(path, {"events": ["meeting.summary"]})
        assert read(dyte.get(path))["data"]["events"] == [LIVE, "meeting.summary", "stream-created"]
        realtimekit.patch(path, {"name": "Presence"})
        assert read(dyte.get(path))["data"]["events"] == [LIVE, "meeting.summary", "stream-created"]
        # Whoever is told of them takes them away.
        dyte.patch(path, {"events": ["meeting.ended"]})
        assert read(dyte.get(path))["data"]["events"] == ["meeting.ended"]


class TestHowItFares:
    def test_is_told_on_v2(self, dyte: ApiClient, home: NewOrganization) -> None:
        endpoint = listening(home.app)
        path = f"/webhooks/{endpoint.pk}"
        shown = read(dyte.get(path))["data"]
        assert {name: shown[name] for name in BEYOND} == {**dict.fromkeys(BEYOND), "format": "dyte"}

        now = clock.now()
        fares = {"last_success_at": now, "failing_since": now, "last_error": "HTTP 500"}
        Endpoint.objects.update(**fares, enabled=False, disabled_reason=DisabledReason.FAILING)

        shown = read(dyte.get(path))["data"]
        assert (shown["enabled"], shown["disabled_reason"], shown["last_error"]) == (False, "failing", "HTTP 500")
        assert shown["last_success_at"] == shown["failing_since"] == clock.isoformat(now)
        enabled = read(dyte.patch(path, {"enabled": True}))["data"]
        assert (enabled["disabled_reason"], enabled["failing_since"], enabled["last_error"]) == (None, None, None)


class TestRotateSecret:
    def test_gives_another_one(self, dyte: ApiClient, realtimekit: ApiClient, home: NewOrganization) -> None:
        endpoint = listening(home.app)

        response = dyte.post(f"/webhooks/{endpoint.pk}/rotate-secret")

        data = read(response)["data"]
        row = Endpoint.objects.get()
        assert response.status_code == 200
        assert data["secret"] == row.secret != endpoint.secret
        assert row.previous_secret_until is not None
        assert data["previous_secret_until"] == clock.isoformat(row.previous_secret_until)
        assert crypto.decrypt(row.previous_secret_encrypted) == endpoint.secret
        assert AuditEntry.objects.latest("id").action == "webhook.secret_rotated"
        assert realtimekit.post(f"/webhooks/{endpoint.pk}/rotate-secret").status_code == 404


def test_catalogue_has_what_realtimekit_has() -> None:
    assert len([known for known in EVENT_NAMES.values() if known.family == Family.VENDORS]) == 9


def test_another_ones_is_not_found(api: ApiClient, home: NewOrganization, abroad: NewOrganization) -> None:
    second = App.objects.create(organization=home.organization, name="Second")
    for foreign in (listening(second), listening(abroad.app)):
        assert api.get(f"/webhooks/{foreign.pk}").status_code == 404
        assert api.patch(f"/webhooks/{foreign.pk}", {"name": "Mine"}).status_code == 404
        assert change_endpoint(endpoint=foreign, actor=SYSTEM).name == "Attendance"
