"""The feed over REST; that it never misses anything is proved in tests/webhooks/test_feed.py."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from streams.organizations.services import SYSTEM, NewOrganization
from tests.api.clients import ApiClient, read
from tests.api.test_schema import described, whole
from tests.services import wait_until
from tests.webhooks.happenings import happened, listening
from webhooks.catalogue import EVENT_NAMES, Family
from webhooks.models import Event
from webhooks.payloads import Message, body_of
from webhooks.replays import send_test

# Tests of other processes run in the same cluster, each in a transaction that the feed waits for.
_OTHERS_S = 120
TYPES = [known.name for known in EVENT_NAMES.values() if known.family == Family.LIVEHUB and known.is_emitted]


def told(dyte: ApiClient, count: int) -> list[dict[str, Any]]:
    """Return the first page, once it has so many events."""

    def page() -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = read(dyte.get("/events?per_page=100"))["data"]
        return events

    wait_until(lambda: len(page()) >= count, timeout_s=_OTHERS_S, what="The feed")
    return page()


@pytest.mark.django_db(transaction=True)
class TestFeed:
    def test_tells_what_has_happened_as_webhooks_do(
        self, dyte: ApiClient, home: NewOrganization, abroad: NewOrganization
    ) -> None:
        happened(abroad.app)
        events = [happened(home.app, event_type) for event_type in TYPES]
        # Nothing that has happened.
        send_test(endpoint=listening(home.app), actor=SYSTEM)

        found = told(dyte, len(events))

        bodies = [body_of(Message.of(event, name=event.type, format="dyte")) for event in events]
        assert found == [json.loads(body) for body in bodies]
        answer = read(dyte.get("/events"))
        schema = described("v2")["paths"]["/v2/events"]["get"]["responses"]["200"]["content"]["application/json"]
        Draft202012Validator(whole(described("v2"), schema["schema"])).validate(answer)
        assert {name for event in found for name in event} == _members()

    def test_goes_on_by_a_cursor_that_also_waits(self, dyte: ApiClient, home: NewOrganization) -> None:
        first, second, third = (str(happened(home.app).uid) for _ in range(3))
        told(dyte, 3)

        response = dyte.get("/events?per_page=2")
        answer = read(response)
        assert [event["id"] for event in answer["data"]] == [first, second]
        cursor = answer["paging"]["next_cursor"]
        assert answer["paging"]["has_more"] is True
        assert f"after={cursor.replace('=', '%3D')}" in response.headers["Link"]

        response = dyte.get(f"/events?after={cursor}")
        rest = read(response)
        assert [event["id"] for event in rest["data"]] == [third]
        assert rest["paging"]["has_more"] is False
        assert "Link" not in response.headers
        fourth = str(happened(home.app).uid)
        told(dyte, 4)
        assert [event["id"] for event in _after(dyte, rest["paging"]["next_cursor"])] == [fourth]


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("after=x", "cursor_unknown"),
        ("after=%00", "invalid_query"),
        ("after=" + "A" * 32, "cursor_unknown"),
        ("after=%F0%9F%92%A9", "cursor_unknown"),
        ("per_page=101", "invalid_query"),
        ("per_page=x", "invalid_query"),
    ],
)
def test_refuses_what_it_does_not_have(dyte: ApiClient, query: str, kind: str) -> None:
    response = dyte.get(f"/events?{query}")

    assert (response.status_code, read(response)["error"]["type"]) == (400, kind)


def test_is_not_there_on_realtimekit(realtimekit: ApiClient) -> None:
    assert realtimekit.get("/events").status_code == 404
    assert not Event.objects.exists()


def _after(dyte: ApiClient, cursor: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = read(dyte.get(f"/events?after={cursor}"))["data"]
    return events


def _members() -> set[str]:
    event = described("v2")["components"]["schemas"]["Event"]
    # Those of meetings go out under the vendors' names only.
    return set(event["properties"]) - {"meeting", "participant"}
