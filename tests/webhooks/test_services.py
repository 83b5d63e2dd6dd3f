"""Endpoints: made, changed, deleted, given another secret; each is written down with who did it."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks as Capture
from pytest_django import Settings

from livehub.core import clock, crypto
from livehub.core.errors import NotFoundError, ValidationFailedError
from streams.models import AuditEntry
from streams.organizations.services import SYSTEM, Actor, NewOrganization
from tests.conftest import Broker
from tests.webhooks.happenings import LIVE, URL, listening
from webhooks import secrets, services
from webhooks.models import Endpoint
from webhooks.services import ENDPOINTS_MAX, change_endpoint, create_endpoint, delete_endpoint, rotate_secret
from webhooks.states import ROTATION_OVERLAP, DisabledReason, PayloadFormat

WRONG_URLS = [
    "",
    "example.com/webhooks",
    "ftp://example.com/",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "http://",
    "https:///path",
    "http://[::1",
    "http://example.com:0/",
    "http://example.com:99999/",
    "http://exa mple.com/",
    "http://example.com/\n",
    "http://example.com/\x00",
    "https://münchen.example/",
    "http://user@example.com/",
    "https://:secret@example.com/",
    "https://example.com/" + "x" * 2030,
]
GOOD_URLS = [
    "http://example.com",
    "https://webhook.site/#!/b23a5bbd-c8b0-4ced-a9e2-78ae7889897e",
    "https://example.com:8443/a?b=c&d=%20",
    "http://xn--mnchen-3ya.example/",
    "HTTPS://EXAMPLE.COM/",
]


@pytest.fixture
def endpoint(home: NewOrganization) -> Endpoint:
    return listening(home.app)


def complaints(**values: Any) -> dict[str, list[str]]:
    with pytest.raises(ValidationFailedError) as caught:
        create_endpoint(**{"name": "Attendance", "url": URL, "events": [LIVE], "actor": SYSTEM, **values})
    return caught.value.fields


class TestCreateEndpoint:
    def test_keeps_what_was_asked_for_and_who_asked(self, home: NewOrganization) -> None:
        made = create_endpoint(
            app=home.app,
            name=" Attendance ",
            url=URL,
            events=["meeting.ended", LIVE, LIVE],
            format=PayloadFormat.REALTIMEKIT,
            actor=Actor(user=home.owner),
        )

        row = Endpoint.objects.get()
        assert (row.app, row.name, row.url, row.format, row.enabled) == (
            home.app,
            "Attendance",
            URL,
            "realtimekit",
            True,
        )
        # Each once, as the catalogue has them.
        assert row.events == [LIVE, "meeting.ended"]
        entry = AuditEntry.objects.latest("id")
        assert (entry.action, entry.target_type, entry.target_id) == ("webhook.created", "endpoint", row.pk)
        assert (entry.user, entry.detail) == (home.owner, {"host": "example.com"})
        assert made.row == row

    def test_makes_a_secret_that_receivers_libraries_take(self, home: NewOrganization) -> None:
        made, other = (
            create_endpoint(app=home.app, name="One", url=URL, events=[LIVE], actor=SYSTEM) for _ in range(2)
        )

        assert made.secret.startswith("whsec_")
        assert len(base64.b64decode(made.secret.removeprefix("whsec_"), validate=True)) == 32
        assert made.secret != other.secret
        row = Endpoint.objects.get(pk=made.row.pk)
        assert row.secret == made.secret
        assert secrets.key_of(made.secret)
        # Nobody who reads the table or the audit log has it.
        assert made.secret not in str(Endpoint.objects.filter(pk=row.pk).values())
        assert made.secret not in str(list(AuditEntry.objects.values()))

    def test_writes_down_no_more_of_the_url_than_its_host(self, home: NewOrganization) -> None:
        url = "https://example.com:8443/hooks/T0KEN?key=T0KEN"
        endpoint = create_endpoint(app=home.app, name="One", url=url, events=[LIVE], actor=SYSTEM).row
        change_endpoint(endpoint=endpoint, url=url.replace(".com", ".org"), actor=SYSTEM)

        made, moved = AuditEntry.objects.order_by("id").filter(target_id=endpoint.pk)

        assert made.detail == {"host": "example.com:8443"}
        assert moved.detail == {"changed": ["url"], "host": "example.org:8443"}

    @pytest.mark.parametrize("url", GOOD_URLS)
    def test_takes_a_url(self, home: NewOrganization, url: str) -> None:
        assert create_endpoint(app=home.app, name="One", url=url, events=[LIVE], actor=SYSTEM).row.url == url

    @pytest.mark.parametrize("url", WRONG_URLS)
    def test_refuses_a_url_that_nothing_can_be_sent_to(self, home: NewOrganization, url: str) -> None:
        assert complaints(app=home.app, url=url).keys() == {"url"}
        assert not Endpoint.objects.exists()

    @pytest.mark.parametrize("port", [22, 25, 445, 6379, 10080])
    def test_refuses_a_port_that_is_another_services(
        self, home: NewOrganization, endpoint: Endpoint, port: int
    ) -> None:
        url = f"https://example.com:{port}/webhooks"

        assert f"Port {port} is not for the web" in complaints(app=home.app, url=url)["url"][0]
        with pytest.raises(ValidationFailedError):
            change_endpoint(endpoint=endpoint, url=url, actor=SYSTEM)

    @pytest.mark.parametrize("host", ["127.0.0.1", "10.1.2.3:8080", "169.254.169.254", "[::1]", "[::ffff:10.0.0.1]"])
    def test_refuses_an_address_inside_unless_the_operator_allows_it(
        self, home: NewOrganization, endpoint: Endpoint, settings: Settings, host: str
    ) -> None:
        settings.OUTGOING_ALLOWED_NETWORKS = []
        assert "inside" in complaints(app=home.app, url=f"http://{host}/webhooks")["url"][0]
        with pytest.raises(ValidationFailedError):
            change_endpoint(endpoint=endpoint, url=f"http://{host}/webhooks", actor=SYSTEM)

        settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8", "10.0.0.0/8", "169.254.0.0/16", "::1/128"]
        change_endpoint(endpoint=endpoint, url=f"http://{host}/webhooks", actor=SYSTEM)

    def test_names_all_that_cannot_be_used(self, home: NewOrganization) -> None:
        found = complaints(app=home.app, name=" ", url="x", events=["livestream.exploded"], format="xml")

        assert found.keys() == {"name", "url", "events", "format"}
        assert found["events"] == ["There is no event livestream.exploded."]
        assert complaints(app=home.app, events=[])["events"] == ["Choose at least one event."]
        assert complaints(app=home.app, name="\x00").keys() == {"name"}

    def test_may_be_disabled_from_the_beginning(self, home: NewOrganization) -> None:
        assert not Endpoint.objects.get(pk=listening(home.app, enabled=False).pk).enabled

    def test_makes_no_more_than_an_app_needs(
        self, home: NewOrganization, abroad: NewOrganization, endpoint: Endpoint
    ) -> None:
        others = [
            Endpoint(app=home.app, name="One", url=URL, events=[LIVE], secret_encrypted="")
            for _ in range(ENDPOINTS_MAX - 1)
        ]
        Endpoint.objects.bulk_create(others)

        assert complaints(app=home.app).keys() == {"name"}
        listening(abroad.app)
        # A deleted one makes room.
        delete_endpoint(endpoint=endpoint, actor=SYSTEM)
        listening(home.app)


class TestChangeEndpoint:
    def test_changes_what_is_said_and_nothing_else(self, home: NewOrganization, endpoint: Endpoint) -> None:
        change_endpoint(endpoint=endpoint, name="Presence", events=["meeting.started"], actor=Actor(user=home.owner))

        row = Endpoint.objects.get()
        assert (row.name, row.url, row.events, row.enabled) == ("Presence", URL, ["meeting.started"], True)
        assert row.secret == endpoint.secret
        assert row.updated_at > endpoint.updated_at
        entry = AuditEntry.objects.latest("id")
        assert (entry.action, entry.user, entry.detail) == (
            "webhook.changed",
            home.owner,
            {"changed": ["events", "name"]},
        )

    def test_changes_nothing_when_one_of_it_cannot_be_used(self, endpoint: Endpoint) -> None:
        before = list(AuditEntry.objects.values())
        with pytest.raises(ValidationFailedError) as caught:
            change_endpoint(endpoint=endpoint, name="Presence", url="x", enabled=False, actor=SYSTEM)

        assert caught.value.fields.keys() == {"url"}
        row = Endpoint.objects.get()
        assert (row.name, row.enabled) == ("Attendance", True)
        assert list(AuditEntry.objects.values()) == before

    def test_writes_down_only_what_is_another_now(self, endpoint: Endpoint) -> None:
        before = AuditEntry.objects.count()
        change_endpoint(endpoint=endpoint, name=endpoint.name, url=URL, enabled=True, actor=SYSTEM)

        assert AuditEntry.objects.count() == before
        assert Endpoint.objects.get().updated_at == endpoint.updated_at

    @pytest.mark.parametrize("changes", [{"enabled": True}, {"url": "https://new.example/"}])
    def test_tries_one_anew_that_is_enabled_or_is_elsewhere_now(
        self, endpoint: Endpoint, broker: Broker, capture: Capture, changes: Any
    ) -> None:
        is_enabled = "url" in changes
        fares: dict[str, Any] = {
            "failures": 14,
            "failing_since": clock.now() - timedelta(days=5),
            "open_until": clock.now() + timedelta(minutes=5),
            "last_error": "HTTP 500",
            "enabled": is_enabled,
            "disabled_reason": "" if is_enabled else DisabledReason.FAILING,
        }
        Endpoint.objects.update(**fares)

        with capture(execute=True):
            change_endpoint(endpoint=endpoint, actor=SYSTEM, **changes)

        row = Endpoint.objects.get()
        assert (row.failures, row.failing_since, row.open_until, row.last_error) == (0, None, None, "")
        assert (row.enabled, row.disabled_reason) == (True, "")
        assert broker.queues == [("webhooks.deliver", "webhooks")]
        assert broker.arguments[0][1] == {"endpoint_ids": [str(row.pk)]}

    @pytest.mark.parametrize("changes", [{"enabled": True, "url": URL}, {"name": "Presence"}, {"enabled": False}])
    def test_forgets_nothing_of_one_that_stays_as_it_is(
        self, endpoint: Endpoint, broker: Broker, capture: Capture, changes: Any
    ) -> None:
        failing_since = clock.now() - timedelta(days=4)
        Endpoint.objects.update(failures=14, failing_since=failing_since)

        with capture(execute=True):
            change_endpoint(endpoint=endpoint, actor=SYSTEM, **changes)

        row = Endpoint.objects.get()
        assert (row.failures, row.failing_since) == (14, failing_since)
        assert broker.names == []

    def test_says_no_more_why_it_is_disabled_once_somebody_has_changed_that(self, endpoint: Endpoint) -> None:
        Endpoint.objects.update(enabled=False, disabled_reason=DisabledReason.GONE)

        assert change_endpoint(endpoint=endpoint, name="Presence", actor=SYSTEM).disabled_reason == "gone"
        assert change_endpoint(endpoint=endpoint, enabled=True, actor=SYSTEM).disabled_reason == ""

    def test_starts_from_what_is_there_now(self, endpoint: Endpoint) -> None:
        Endpoint.objects.update(events=["meeting.started"], last_error="HTTP 500")

        change_endpoint(endpoint=endpoint, name="Presence", actor=SYSTEM)

        row = Endpoint.objects.get()
        assert (row.events, row.last_error) == (["meeting.started"], "HTTP 500")


class TestDeleteEndpoint:
    def test_leaves_nothing_to_be_found_or_changed(self, home: NewOrganization, endpoint: Endpoint) -> None:
        gone = delete_endpoint(endpoint=endpoint, actor=Actor(user=home.owner))

        assert (gone.pk, gone.name, gone.events) == (endpoint.pk, "Attendance", [LIVE])
        assert not Endpoint.objects.existing().exists()
        assert AuditEntry.objects.latest("id").action == "webhook.deleted"
        for again in (services.delete_endpoint, services.change_endpoint, services.rotate_secret):
            with pytest.raises(NotFoundError):
                again(endpoint=endpoint, actor=SYSTEM)

    def test_forgets_its_secrets(self, endpoint: Endpoint) -> None:
        rotate_secret(endpoint=endpoint, actor=SYSTEM)
        delete_endpoint(endpoint=endpoint, actor=SYSTEM)

        row = Endpoint.objects.get()
        assert (row.secret_encrypted, row.previous_secret_encrypted) == ("", "")


class TestRotateSecret:
    def test_gives_another_one_that_the_present_one_signs_beside(self, endpoint: Endpoint) -> None:
        before = clock.now()
        made = rotate_secret(endpoint=endpoint, actor=SYSTEM)

        row = Endpoint.objects.get()
        assert row.secret == made.secret != endpoint.secret
        assert crypto.decrypt(row.previous_secret_encrypted) == endpoint.secret
        assert row.previous_secret_until is not None
        assert before + ROTATION_OVERLAP <= row.previous_secret_until <= clock.now() + ROTATION_OVERLAP
        entry = AuditEntry.objects.latest("id")
        assert (entry.action, entry.detail) == ("webhook.secret_rotated", {})

    def test_keeps_one_earlier_secret(self, endpoint: Endpoint) -> None:
        second = rotate_secret(endpoint=endpoint, actor=SYSTEM)
        rotate_secret(endpoint=endpoint, actor=SYSTEM)

        assert crypto.decrypt(Endpoint.objects.get().previous_secret_encrypted) == second.secret
