"""How broadcasts wait and end, and what happened to one, as programs say and read it."""

import json

import pytest

from streams.livestreams import leases, services
from streams.livestreams.states import EndReason
from streams.models import Livestream, Session
from streams.organizations.services import SYSTEM
from tests.api.clients import ApiClient, read
from tests.runs import claimed, connected

pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting(livestream: Livestream) -> Session:
    """A session whose encoder has dropped."""
    services.change_livestream(livestream=livestream, reconnect_window_s=60, actor=SYSTEM)
    session = connected(livestream)
    lease = claimed(session)
    leases.mark_live(lease)
    leases.mark_away(lease, reason=EndReason.ENCODER_STOPPED)
    return session


class TestSettings:
    def test_are_60_seconds_and_no_second_encoder_as_they_come(self, dyte: ApiClient) -> None:
        made = read(dyte.post("/livestreams", {"name": "Keynote"}))["data"]

        names = ("reconnect_window_s", "duplicate_publisher", "end_hold_s", "max_duration_s")
        settings = {name: made[name] for name in names}
        assert settings == {
            "reconnect_window_s": 60,
            "duplicate_publisher": "reject",
            "end_hold_s": 60,
            "max_duration_s": None,
        }
        assert made["held_until"] is None

    def test_are_made_and_changed(self, dyte: ApiClient) -> None:
        made = read(dyte.post("/livestreams", {"reconnect_window_s": 0, "duplicate_publisher": "replace"}))["data"]
        changed = read(dyte.patch(f"/livestreams/{made['id']}", {"reconnect_window_s": 1800, "end_hold_s": 0}))["data"]

        assert (made["reconnect_window_s"], made["duplicate_publisher"]) == (0, "replace")
        told = [changed[name] for name in ("reconnect_window_s", "duplicate_publisher", "end_hold_s")]
        assert told == [1800, "replace", 0]

    def test_the_longest_duration_is_made_changed_and_taken_back(self, dyte: ApiClient) -> None:
        made = read(dyte.post("/livestreams", {"max_duration_s": 7200}))["data"]
        path = f"/livestreams/{made['id']}"

        changed = read(dyte.patch(path, {"max_duration_s": 60}))["data"]
        kept = Livestream.objects.get().max_runtime_s
        taken_back = read(dyte.patch(path, {"max_duration_s": None}))["data"]

        assert (made["max_duration_s"], changed["max_duration_s"], kept) == (7200, 60, 60)
        assert taken_back["max_duration_s"] is None

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("reconnect_window_s", -1),
            ("reconnect_window_s", 1801),
            ("reconnect_window_s", None),
            ("end_hold_s", 3601),
            ("max_duration_s", 0),
            ("max_duration_s", 2_592_001),
            ("duplicate_publisher", "both"),
        ],
    )
    def test_that_cannot_be_are_refused(
        self, dyte: ApiClient, livestream: Livestream, name: str, value: object
    ) -> None:
        response = dyte.patch(f"/livestreams/{livestream.pk}", {name: value})

        assert response.status_code == 422
        assert name in response.content.decode()

    def test_are_cloudinarys_time_out(self, dyte: ApiClient, cloudinary: ApiClient, livestream: Livestream) -> None:
        dyte.patch(f"/livestreams/{livestream.pk}", {"reconnect_window_s": 45})

        assert read(cloudinary.get(f"/live_streams/{livestream.pk.hex}"))["data"]["idle_timeout_sec"] == 45


class TestWaiting:
    def test_is_live_and_active_by_the_vendors_words(
        self,
        dyte: ApiClient,
        realtimekit: ApiClient,
        cloudinary: ApiClient,
        liveapi: ApiClient,
        waiting: Session,
    ) -> None:
        address = f"/livestreams/{waiting.livestream_id}"

        assert read(dyte.get(address))["data"]["status"] == "LIVE"
        assert read(realtimekit.get(address))["data"]["livestream"]["status"] == "LIVE"
        stream = read(cloudinary.get(f"/live_streams/{waiting.livestream_id.hex}"))["data"]
        assert stream["status"] == "active"
        (online,) = json.loads(liveapi.get("/live_streams").content)
        assert online["broadcasting_status"] == "online"
        found = read(dyte.get("/livestreams?status=LIVE"))["data"]
        assert [row["id"] for row in found] == [str(waiting.livestream_id)]

    def test_says_until_when(self, dyte: ApiClient, waiting: Session) -> None:
        active = read(dyte.get(f"/livestreams/{waiting.livestream_id}/active-livestream-session"))["data"]["session"]

        waiting.refresh_from_db()
        assert waiting.reconnect_until is not None
        assert active["reconnect_until"][:19] == waiting.reconnect_until.isoformat()[:19]


class TestEvents:
    def test_are_told_newest_first_with_reasons_and_seconds(self, dyte: ApiClient, waiting: Session) -> None:
        answer = read(dyte.get(f"/livestreams/sessions/{waiting.pk}/events"))

        told = [(event["kind"], event["reason"], event["seconds"], event["by"]) for event in answer["data"]]
        assert told == [
            ("reconnecting", "Encoder stopped; it is waited for 60 s", 60, None),
            ("live", "Viewers can watch", None, None),
            ("connecting", "Encoder connected", None, None),
        ]
        assert answer["paging"]["total_count"] == 3

    def test_tell_for_how_long_an_encoder_was_silent(self, dyte: ApiClient, livestream: Livestream) -> None:
        session = connected(livestream)
        lease = claimed(session)
        leases.note_silence(lease, instead="the slate")
        leases.note_end_of_silence(lease, silent_s=4.4, count=1)

        answer = read(dyte.get(f"/livestreams/sessions/{session.pk}/events"))

        told = [(event["kind"], event["reason"], event["seconds"]) for event in answer["data"]]
        assert told[:2] == [
            ("sends_again", "After 4 s", 4),
            ("silent", "Nothing comes from it; viewers see the slate.", None),
        ]

    def test_come_in_pages(self, dyte: ApiClient, waiting: Session) -> None:
        answer = read(dyte.get(f"/livestreams/sessions/{waiting.pk}/events?per_page=1&page_no=2"))

        assert [event["kind"] for event in answer["data"]] == ["live"]

    def test_of_somebody_elses_session_are_not_there(self, dyte: ApiClient, foreign_livestream: Livestream) -> None:
        session = connected(foreign_livestream)

        assert dyte.get(f"/livestreams/sessions/{session.pk}/events").status_code == 404
