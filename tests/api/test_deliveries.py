"""Deliveries over REST: listed, looked at, sent again; and tests."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from livehub.core import clock
from streams.models import App, AuditEntry
from streams.organizations.services import SYSTEM, NewOrganization
from tests.api.clients import ApiClient, read
from tests.webhooks.apart import apart
from tests.webhooks.happenings import ENDED, LIVE, URL, delivery_of, happened, listening
from webhooks.models import Attempt, Delivery, Endpoint
from webhooks.replays import replay_failed
from webhooks.requests_shown import MASK
from webhooks.states import DeliveryState

HOUR = timedelta(hours=1)
STATUS = "livestreaming.statusUpdate"
MOMENTS = [
    "0001-01-01T00:00:00%2B23:59",
    "0001-01-01T00:00:00-23:59",
    "9999-12-31T23:59:59.999999-23:59",
    "9999-12-31T23:59:59.999999%2B23:59",
    "0000-00-00T00:00:00Z",
    "1969-12-31T23:59:59.999Z",
    "20260101",
    "1e99",
    "%00",
]


@pytest.fixture
def endpoint(home: NewOrganization) -> Endpoint:
    return listening(home.app)


@pytest.fixture
def path(endpoint: Endpoint) -> str:
    return f"/webhooks/{endpoint.pk}"


def ids(answer: dict[str, Any]) -> list[str]:
    return [delivery["id"] for delivery in answer["data"]]


def ago(time: timedelta) -> str:
    return clock.isoformat(clock.now() - time)


class TestList:
    def test_says_what_became_of_each(
        self, dyte: ApiClient, home: NewOrganization, endpoint: Endpoint, path: str
    ) -> None:
        event = happened(home.app)
        waiting = delivery_of(endpoint, event)
        failed = delivery_of(endpoint, happened(home.app, subject_id=event.subject_id), state=DeliveryState.FAILED)

        answer = read(dyte.get(f"{path}/deliveries"))

        first, second = answer["data"]
        assert second == {
            "id": str(waiting.uid),
            "event_id": str(event.uid),
            "event": LIVE,
            "event_type": LIVE,
            "subject_type": "livestream",
            "subject_id": str(event.subject_id),
            "sequence": 1,
            "test": False,
            "state": "pending",
            "attempt_count": 0,
            "happened_at": clock.isoformat(event.at),
            "created_at": clock.isoformat(waiting.created_at),
            "next_attempt_at": clock.isoformat(waiting.due_at),
            "finished_at": None,
            "last_status": None,
            "last_error": None,
        }
        assert (first["id"], first["sequence"], first["state"]) == (str(failed.uid), 2, "failed")
        assert (first["attempt_count"], first["last_status"], first["last_error"]) == (3, 500, "HTTP 500")
        assert first["next_attempt_at"] is None
        assert first["finished_at"]
        assert answer["paging"] == {"next_cursor": None, "has_more": False}

    def test_goes_on_by_a_cursor(self, dyte: ApiClient, home: NewOrganization, endpoint: Endpoint, path: str) -> None:
        for _ in range(5):
            happened(home.app)
        whole = ids(read(dyte.get(f"{path}/deliveries")))
        address, found = f"{path}/deliveries?per_page=2&state=pending", []

        for _ in range(3):
            response = dyte.get(address)
            found += ids(read(response))
            address = response.headers.get("Link", "").partition(">")[0].removeprefix("</v2")
            # What happens meanwhile moves nothing.
            happened(home.app)

        assert found == whole
        assert address == ""
        paging = read(dyte.get(f"{path}/deliveries?per_page=2"))["paging"]
        assert paging == {"next_cursor": ids(read(dyte.get(f"{path}/deliveries?per_page=2")))[1], "has_more": True}

    def test_is_filtered(self, dyte: ApiClient, home: NewOrganization) -> None:
        endpoint = listening(home.app, LIVE, ENDED)
        old = delivery_of(endpoint, happened(home.app, ago=3 * HOUR), state=DeliveryState.FAILED)
        new = delivery_of(endpoint, happened(home.app, ENDED, ago=HOUR))

        def found(**wanted: str) -> list[str]:
            query = "&".join(f"{name}={quote(value)}" for name, value in wanted.items())
            return ids(read(dyte.get(f"/webhooks/{endpoint.pk}/deliveries?{query}")))

        assert found() == [str(new.uid), str(old.uid)]
        assert found(state="failed") == found(event=LIVE) == found(until=ago(2 * HOUR)) == [str(old.uid)]
        assert found(state="pending") == found(event=ENDED) == found(since=ago(2 * HOUR)) == [str(new.uid)]
        assert found(state="delivered") == found(since=ago(timedelta())) == []

    @pytest.mark.parametrize(
        ("query", "kind"),
        [
            ("state=lost", "invalid_query"),
            ("event=livestream.exploded", "invalid_query"),
            ("since=yesterday", "invalid_query"),
            ("until=%00", "invalid_query"),
            ("per_page=101", "invalid_query"),
            ("per_page=0", "invalid_query"),
            ("after=x", "cursor_unknown"),
            ("after=5b2c0e0e-7f0c-4f6e-9a51-6d1c2b7e8f90", "cursor_unknown"),
            ("after=%00", "invalid_query"),
        ],
    )
    def test_refuses_what_it_does_not_have(self, dyte: ApiClient, path: str, query: str, kind: str) -> None:
        response = dyte.get(f"{path}/deliveries?{query}")

        assert (response.status_code, read(response)["error"]["type"]) == (400, kind)

    def test_has_no_cursors_of_other_webhooks(self, dyte: ApiClient, home: NewOrganization, path: str) -> None:
        other = delivery_of(listening(home.app), happened(home.app))

        assert dyte.get(f"{path}/deliveries?after={other.uid}").status_code == 400

    @pytest.mark.parametrize("moment", MOMENTS)
    def test_takes_any_time_there_is_and_refuses_any_other(self, dyte: ApiClient, path: str, moment: str) -> None:
        for address in (f"?since={moment}", f"?until={moment}", f"?since={moment}&until={moment}"):
            assert dyte.get(f"{path}/deliveries{address}").status_code in {200, 400}
        for operation in ("replay", "replay-failed"):
            assert dyte.post(f"{path}/{operation}?since={moment}&until={moment}").status_code in {200, 400}


class TestOne:
    def test_is_shown_with_every_attempt(
        self, dyte: ApiClient, home: NewOrganization, endpoint: Endpoint, path: str
    ) -> None:
        delivery = delivery_of(endpoint, happened(home.app), state=DeliveryState.FAILED)
        at = clock.now()
        Attempt.objects.create(delivery=delivery, number=1, at=at, duration_ms=15_000, error="No answer in 15 s")
        Attempt.objects.create(
            delivery=delivery,
            number=2,
            at=at,
            duration_ms=41,
            status=500,
            error="HTTP 500",
            headers={"webhook-id": str(delivery.uid)},
            answer="Oops",
            answer_headers={"Server": "nginx"},
        )

        listed = read(dyte.get(f"{path}/deliveries"))["data"][0]
        data = read(dyte.get(f"{path}/deliveries/{delivery.uid}"))["data"]

        assert {name: data[name] for name in listed} == listed
        assert data.keys() - listed.keys() == {"request", "attempts"}
        assert data["attempts"] == [
            {
                "number": 1,
                "at": clock.isoformat(at),
                "duration_ms": 15_000,
                "status": None,
                "error": "No answer in 15 s",
                "request_headers": {},
                "answer_headers": {},
                "answer": "",
            },
            {
                "number": 2,
                "at": clock.isoformat(at),
                "duration_ms": 41,
                "status": 500,
                "error": "HTTP 500",
                "request_headers": {"webhook-id": str(delivery.uid)},
                "answer_headers": {"Server": "nginx"},
                "answer": "Oops",
            },
        ]
        assert (data["request"]["method"], data["request"]["url"]) == ("POST", URL)
        assert json.loads(data["request"]["body"])["livestream"]["name"] == "Autumn keynote"

    def test_shows_no_stream_key(self, dyte: ApiClient, home: NewOrganization) -> None:
        endpoint = listening(home.app, STATUS)
        Endpoint.objects.update(format="realtimekit")
        delivery = delivery_of(endpoint, happened(home.app))

        data = read(dyte.get(f"/webhooks/{endpoint.pk}/deliveries/{delivery.uid}"))["data"]

        body = json.loads(data["request"]["body"])
        assert (body["event"], body["streamKey"]) == (STATUS, MASK)


class TestReplay:
    def test_of_one_is_sent_under_the_same_id(
        self, dyte: ApiClient, home: NewOrganization, endpoint: Endpoint, path: str
    ) -> None:
        delivery = delivery_of(endpoint, happened(home.app), state=DeliveryState.DELIVERED)

        response = dyte.post(f"{path}/deliveries/{delivery.uid}/replay")

        data = read(response)["data"]
        assert (response.status_code, data["id"], data["state"]) == (200, str(delivery.uid), "pending")
        assert data["attempt_count"] == 3
        assert Delivery.objects.get().state == DeliveryState.PENDING
        entry = AuditEntry.objects.latest("id")
        assert (entry.action, entry.detail) == ("webhook.replayed", {"delivery": str(delivery.uid)})
        assert entry.api_key is not None

    def test_of_what_failed(self, dyte: ApiClient, home: NewOrganization, endpoint: Endpoint, path: str) -> None:
        old, new = (
            delivery_of(endpoint, happened(home.app, ago=ago), state=DeliveryState.FAILED) for ago in (3 * HOUR, HOUR)
        )
        address = f"{path}/replay-failed?since={ago(2 * HOUR)}"

        assert read(dyte.post(address))["data"] == {"count": 1}
        assert read(dyte.post(address))["data"] == {"count": 0}
        whole = f"{path}/replay-failed?since={ago(9 * HOUR)}&until={ago(2 * HOUR)}"
        assert read(dyte.post(whole))["data"] == {"count": 1}
        states = Delivery.objects.filter(pk__in=[old.pk, new.pk]).values_list("state", flat=True)
        assert set(states) == {"pending"}

    def test_of_everything(self, dyte: ApiClient, home: NewOrganization) -> None:
        for _ in range(2):
            happened(home.app)
        endpoint = listening(home.app)

        assert read(dyte.post(f"/webhooks/{endpoint.pk}/replay?since={ago(HOUR)}"))["data"] == {"count": 2}
        assert endpoint.deliveries.count() == 2

    @pytest.mark.parametrize("query", ["", "?since=", "?since=yesterday", "?until=2026-11-21T20:00:00Z"])
    @pytest.mark.parametrize("operation", ["replay", "replay-failed"])
    def test_has_to_be_told_since_when(self, dyte: ApiClient, path: str, operation: str, query: str) -> None:
        response = dyte.post(f"{path}/{operation}{query}")

        assert response.status_code == 400
        assert read(response)["error"]["fields"].keys() == {"since"}

    def test_does_not_reach_a_disabled_webhook(
        self, dyte: ApiClient, home: NewOrganization, endpoint: Endpoint, path: str
    ) -> None:
        delivery = delivery_of(endpoint, happened(home.app), state=DeliveryState.FAILED)
        Endpoint.objects.update(enabled=False)

        for operation in (
            f"deliveries/{delivery.uid}/replay",
            f"replay-failed?since={ago(HOUR)}",
            f"replay?since={ago(HOUR)}",
            "test",
        ):
            response = dyte.post(f"{path}/{operation}")
            assert (response.status_code, read(response)["error"]["type"]) == (422, "webhook_disabled")

    @pytest.mark.django_db(transaction=True)
    def test_of_many_is_refused_while_another_is_started(
        self, dyte: ApiClient, home: NewOrganization, endpoint: Endpoint, path: str
    ) -> None:
        address = f"{path}/replay?since={ago(HOUR)}"
        with apart() as first:
            first.do(lambda: replay_failed(endpoint=endpoint, since=clock.now() - HOUR, actor=SYSTEM))

            response = dyte.post(address)

        assert (response.status_code, read(response)["error"]["type"]) == (409, "replay_under_way")
        assert (response.headers["x-should-retry"], response.headers["Retry-After"]) == ("true", "2")
        assert dyte.post(address).status_code == 200

    def test_is_done_once(self, dyte: ApiClient, home: NewOrganization, endpoint: Endpoint, path: str) -> None:
        delivery_of(endpoint, happened(home.app), state=DeliveryState.FAILED)
        address, headers = f"{path}/replay-failed?since={ago(HOUR)}", {"Idempotency-Key": "one"}

        first, second = (dyte.request("POST", address, headers=headers) for _ in range(2))

        assert read(first) == read(second) == {"success": True, "data": {"count": 1}}
        assert second.headers["Idempotent-Replayed"] == "true"


class TestTest:
    def test_says_that_it_is_one(self, dyte: ApiClient, endpoint: Endpoint, path: str) -> None:
        response = dyte.post(f"{path}/test", {"event": "meeting.ended"})

        data = read(response)["data"]
        assert response.status_code == 201
        assert (data["event"], data["test"], data["state"]) == ("meeting.ended", True, "pending")
        assert (data["subject_type"], data["subject_id"]) == ("endpoint", str(endpoint.pk))
        body = json.loads(read(dyte.get(f"{path}/deliveries/{data['id']}"))["data"]["request"]["body"])
        assert (body["event"], body["test"]) == ("meeting.ended", True)
        assert AuditEntry.objects.latest("id").action == "webhook.tested"

    def test_needs_no_body(self, dyte: ApiClient, path: str) -> None:
        assert read(dyte.post(f"{path}/test"))["data"]["event"] == LIVE

    @pytest.mark.parametrize("event", ["livestream.exploded", "meeting.summary", 5, None, [], {"name": LIVE}])
    def test_is_of_something_that_is_sent(self, dyte: ApiClient, path: str, event: object) -> None:
        response = dyte.post(f"{path}/test", {"event": event})

        assert response.status_code == 422
        assert read(response)["error"]["fields"].keys() == {"event"}


def test_nothing_of_it_is_found_through_another_webhook(
    dyte: ApiClient, home: NewOrganization, abroad: NewOrganization, path: str
) -> None:
    second = App.objects.create(organization=home.organization, name="Second")
    for app in (home.app, second, abroad.app):
        other = listening(app)
        delivery = delivery_of(other, happened(app), state=DeliveryState.FAILED)
        before = Delivery.objects.values().get(pk=delivery.pk)
        assert dyte.get(f"{path}/deliveries/{delivery.uid}").status_code == 404
        assert dyte.post(f"{path}/deliveries/{delivery.uid}/replay").status_code == 404
        if app != home.app:
            for operation in ("deliveries", f"deliveries/{delivery.uid}"):
                assert dyte.get(f"/webhooks/{other.pk}/{operation}").status_code == 404
            for operation in ("test", "rotate-secret", "replay", f"replay-failed?since={ago(HOUR)}"):
                assert dyte.post(f"/webhooks/{other.pk}/{operation}").status_code == 404
        assert Delivery.objects.values().get(pk=delivery.pk) == before
