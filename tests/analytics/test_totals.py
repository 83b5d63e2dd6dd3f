"""What the vendors' routes tell: every second on its own day, all days together what there was."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from livehub.core import clock
from streams.livestreams.services import create_livestream, delete_livestream
from streams.meetings.services.meetings import create_meeting
from streams.models import App, Livestream, Meeting, Peer, Recording, SessionParticipant
from streams.organizations.services import SYSTEM, NewOrganization, get_internal_app
from streams.recordings.states import RecordingStatus
from tests.analytics.rows import broadcast, stay, watched
from tests.api.clients import ApiClient, read
from tests.meetings.people import added, joined
from tests.meetings.queries import asked_for
from tests.runs import claimed, connected, taken_in

pytestmark = pytest.mark.django_db

OVERALL, DAYWISE = "/analytics/livestreams/overall", "/analytics/livestreams/daywise"
ORGANIZATION = "/analytics/daywise"
Values = dict[str, Any]


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{text}").replace(tzinfo=UTC)


def unix(moment: datetime) -> int:
    return int(moment.timestamp())


def between(start: str, end: str) -> str:
    return f"?start_time={unix(at(start))}&end_time={unix(at(end))}"


def overall(api: ApiClient, query: str) -> Values:
    data: Values = read(api.get(f"{OVERALL}{query}"))["data"]
    return data


def days(api: ApiClient, query: str) -> dict[str, tuple[int, int, int]]:
    told = read(api.get(f"{DAYWISE}{query}"))["data"]
    return {day["date"][-2:]: (day["count"], day["total_ingest_seconds"], day["total_viewer_seconds"]) for day in told}


class TestLivestreams:
    def test_are_told_overall_and_by_day_in_both_dialects(self, api: ApiClient, keynote: Livestream) -> None:
        first = broadcast(keynote, at("02T10:00"), until=at("02T11:00"))
        broadcast(keynote, at("02T12:00"), until=at("02T12:10"))
        watched(first, at("02T10:05"), viewer_ms=90_500)
        watched(first, at("02T10:06"), viewer_ms=30_000)

        assert overall(api, between("01", "04")) == {
            "count": 2,
            "total_ingest_seconds": 4200,
            "total_viewer_seconds": 120,
        }
        assert days(api, between("01", "04")) == {"01": (0, 0, 0), "02": (2, 4200, 120), "03": (0, 0, 0)}

    def test_of_livehubs_own_broadcasts_are_nobodys(self, api: ApiClient, keynote: Livestream) -> None:
        own = create_livestream(app=get_internal_app(), name="Self-test", actor=SYSTEM)
        watched(broadcast(own, at("02T10:00"), until=at("02T10:01")), at("02T10:00"), viewer_ms=60_000, views=1)

        assert overall(api, between("01", "04")) == {
            "count": 0,
            "total_ingest_seconds": 0,
            "total_viewer_seconds": 0,
        }

    def test_split_a_broadcast_at_midnight_and_lose_nothing(self, dyte: ApiClient, keynote: Livestream) -> None:
        # Of 3 h, 1 h lies before midnight; 10,799.999 s of media came.
        night = broadcast(keynote, at("02T23:00"), until=at("03T02:00"), media_ms=10_799_999)
        watched(night, at("02T23:59"), viewer_ms=1_600)
        watched(night, at("03T00:00"), viewer_ms=1_600)

        told = days(dyte, between("01", "05"))
        assert told == {"01": (0, 0, 0), "02": (1, 3599, 1), "03": (0, 7200, 2), "04": (0, 0, 0)}
        assert overall(dyte, between("01", "05")) == {
            "count": 1,
            "total_ingest_seconds": 10_799,
            "total_viewer_seconds": 3,
        }

    def test_days_sum_to_the_overall_figures_exactly(self, dyte: ApiClient, keynote: Livestream) -> None:
        for number in range(7):
            began_at = at("03T20:00") + timedelta(hours=5 * number, milliseconds=17 * number)
            session = broadcast(
                keynote, began_at, until=began_at + timedelta(hours=4, milliseconds=333), media_ms=14_401_777
            )
            for hour in range(4):
                watched(session, began_at + timedelta(hours=hour), viewer_ms=12_345 + 777 * hour)

        for query in (between("01", "09"), between("03T21:17", "05T03:01"), between("04T00:00", "04T12:30")):
            told, whole = days(dyte, query), overall(dyte, query)
            assert sum(day[0] for day in told.values()) == whole["count"]
            assert sum(day[1] for day in told.values()) == whole["total_ingest_seconds"] > 0
            assert sum(day[2] for day in told.values()) == whole["total_viewer_seconds"] > 0

    def test_ranges_that_follow_each_other_leave_nothing_out(self, dyte: ApiClient, keynote: Livestream) -> None:
        session = broadcast(keynote, at("02T10:00"), until=at("02T11:00"))
        for minute in range(60):
            watched(session, at("02T10:00") + timedelta(minutes=minute), viewer_ms=60_000)
        cuts = ["02T09:00", "02T10:20", "02T10:20:30", "02T11:00", "03T00:00"]

        parts = [overall(dyte, between(start, end)) for start, end in pairwise(cuts)]
        assert [part["count"] for part in parts] == [1, 0, 0, 0]
        # A minute is where it begins: that of 10:20 in the second one.
        assert [part["total_viewer_seconds"] for part in parts] == [20 * 60, 60, 39 * 60, 0]
        assert [part["total_ingest_seconds"] for part in parts] == [20 * 60, 30, 39 * 60 + 30, 0]

    def test_count_media_until_it_was_seen_last(self, dyte: ApiClient, keynote: Livestream) -> None:
        """Its encoder was gone an hour before midnight, and that was noticed after it."""
        broadcast(keynote, at("02T22:00"), until=at("03T00:30"), media_ms=3_600_000, last_seen_at=at("02T23:00"))

        assert days(dyte, between("02", "04")) == {"02": (1, 3600, 0), "03": (0, 0, 0)}

    def test_count_media_that_came_in_a_moment(self, dyte: ApiClient, keynote: Livestream) -> None:
        session = broadcast(keynote, at("02T22:00"), until=at("02T23:00"), media_ms=0)
        stay(session, at("02T22:30"), until=at("02T22:30"), media_ms=5_000)

        assert days(dyte, between("02", "03")) == {"02": (1, 5, 0)}

    def test_are_true_while_live(self, dyte: ApiClient, keynote: Livestream) -> None:
        session = connected(keynote)
        claimed(session)
        taken_in(session, media_ms=4_200)
        watched(session, clock.now(), viewer_ms=2_500)
        assert overall(dyte, "") == {"count": 1, "total_ingest_seconds": 4, "total_viewer_seconds": 2}

        taken_in(session, media_ms=5_300)
        watched(session, clock.now(), viewer_ms=2_500)
        until = f"?end_time={unix(clock.now() + timedelta(hours=1))}"
        assert overall(dyte, until) == {"count": 1, "total_ingest_seconds": 5, "total_viewer_seconds": 5}

    def test_keep_what_was_broadcast_of_one_that_is_deleted(self, dyte: ApiClient, keynote: Livestream) -> None:
        watched(broadcast(keynote, at("02T10:00"), until=at("02T11:00")), at("02T10:05"), viewer_ms=7_000)
        delete_livestream(livestream=keynote, actor=SYSTEM)

        assert days(dyte, between("02", "03")) == {"02": (1, 3600, 7)}

    def test_are_each_app_s_own(
        self, dyte: ApiClient, stranger: ApiClient, keynote: Livestream, home: NewOrganization
    ) -> None:
        other = App.objects.create(organization=home.organization, name="Another")
        elsewhere = create_livestream(app=other, name="Elsewhere", actor=SYSTEM)
        for livestream, viewer_ms in ((keynote, 1_000), (elsewhere, 2_000)):
            session = broadcast(livestream, at("02T10:00"), until=at("02T10:00:10"))
            watched(session, at("02T10:00"), viewer_ms=viewer_ms)

        for query in (between("02", "03"), between("02T09:00", "02T11:00")):
            assert overall(dyte, query) == {"count": 1, "total_ingest_seconds": 10, "total_viewer_seconds": 1}
            assert overall(stranger, query) == {"count": 0, "total_ingest_seconds": 0, "total_viewer_seconds": 0}

    def test_take_so_many_queries_however_many_there_were(self, dyte: ApiClient, keynote: Livestream) -> None:
        for hour in range(3):
            session = broadcast(keynote, at(f"02T1{hour}:00"), until=at(f"02T1{hour}:30"))
            watched(session, at(f"02T1{hour}:05"), viewer_ms=1_000)

        assert asked_for(lambda: dyte.get(f"{OVERALL}{between('01', '05')}")) == 3
        assert asked_for(lambda: dyte.get(f"{DAYWISE}{between('01', '05')}")) == 3
        # And for what is around whole days.
        assert asked_for(lambda: dyte.get(f"{OVERALL}{between('01T05:00', '04T05:00')}")) == 5


class TestRange:
    @pytest.mark.parametrize("start", ["1793613600", "2026-11-02T10:00:00Z", "2026-11-02T11:00:00%2B01:00"])
    def test_is_in_unix_seconds_or_iso_8601(self, api: ApiClient, keynote: Livestream, start: str) -> None:
        broadcast(keynote, at("02T09:59:59"), until=at("02T10:30"))
        broadcast(keynote, at("02T10:00"), until=at("02T10:30"))

        assert overall(api, f"?start_time={start}&end_time=2026-11-02T10:00:01")["count"] == 1

    def test_without_a_value_asks_for_nothing(self, api: ApiClient) -> None:
        assert api.get(f"{OVERALL}?start_time=&end_time=&filters=").status_code == 200
        assert api.get(f"{ORGANIZATION}?start_date=&end_date=").status_code == 200

    def test_is_the_last_thirty_days_by_default(self, api: ApiClient, keynote: Livestream) -> None:
        today = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        for days_ago in (29, 30):
            began_at = today - timedelta(days=days_ago)
            broadcast(keynote, began_at, until=began_at + timedelta(seconds=5))

        assert overall(api, "")["count"] == 1
        told = read(api.get(DAYWISE))["data"]
        assert [day["count"] for day in told] == [1] + [0] * 29
        assert told[-1]["date"] == today.date().isoformat()

    @pytest.mark.parametrize(
        ("path", "query", "fields"),
        [
            (OVERALL, "start_time=yesterday&end_time=-5", {"start_time", "end_time"}),
            (OVERALL, "start_time=1e9&end_time=99999999999999999999", {"start_time", "end_time"}),
            (DAYWISE, "start_time=NaN&end_time=2026-13-01T00:00:00Z", {"start_time", "end_time"}),
            (OVERALL, "start_time=2026-11-02T00:00:00Z&end_time=2026-11-01T00:00:00Z", {"end_time"}),
            (OVERALL, "start_time=0001-01-01T00:00:00%2B14:00", {"start_time"}),
            (OVERALL, "start_time=%00&end_time=%F0", {"start_time", "end_time"}),
            (DAYWISE, "start_time=0", {"start_time"}),
            (ORGANIZATION, "start_date=2026-02-30&end_date=2026-11-02T00:00:00Z", {"start_date", "end_date"}),
            (ORGANIZATION, "start_date=2026-11-03&end_date=2026-11-02", {"end_date"}),
            (ORGANIZATION, "start_date=1999-01-01&end_date=2026-11-02", {"start_date"}),
        ],
    )
    def test_that_makes_no_sense_is_told_with_every_complaint(
        self, api: ApiClient, path: str, query: str, fields: set[str]
    ) -> None:
        response = api.get(f"{path}?{query}")

        assert response.status_code == 422
        error = read(response)["error"]
        assert error["type"] == "validation_failed"
        assert error["fields"].keys() == fields

    def test_may_be_all_time_overall(self, api: ApiClient, keynote: Livestream) -> None:
        broadcast(keynote, at("02T10:00"), until=at("02T10:30"))

        assert overall(api, "?start_time=0&filters=anything")["total_ingest_seconds"] == 1800


class TestMeetingsAndRecordings:
    @pytest.fixture
    def meeting(self, home: NewOrganization) -> Meeting:
        return create_meeting(app=home.app, values={}, actor=SYSTEM)

    def attended(self, meeting: Meeting, *stays: tuple[str, str]) -> None:
        """Have one participant there at these times."""
        peer = joined(added(meeting, "ann"))
        entered = SessionParticipant.objects.get(peers=peer.pk)
        began_at, ended_at = at(stays[0][0]), at(stays[-1][1])
        type(entered.session).objects.filter(pk=entered.session_id).update(
            created_at=began_at, status="ended", ended_at=ended_at
        )
        Peer.objects.filter(session_participant=entered).delete()
        Peer.objects.bulk_create(
            Peer(session_participant=entered, joined_at=at(start), left_at=at(end)) for start, end in stays
        )

    def recorded(self, livestream: Livestream, start: str, end: str | None, **values: Any) -> Recording:
        stopped_at = at(end) if end else None
        return Recording.objects.create(
            app=livestream.app,
            livestream=livestream,
            invoked_at=at(start),
            started_at=at(start),
            stopped_at=stopped_at,
            node="main",
            object_name=f"{start}-{end}.mp4",
            output_file_name="x.mp4",
            is_further=True,
            **{"status": RecordingStatus.UPLOADED if end else RecordingStatus.RECORDING, **values},
        )

    def told(self, api: ApiClient, query: str) -> tuple[Values, Values]:
        data = read(api.get(f"{ORGANIZATION}{query}"))["data"]
        return data["session_stats"], data["recording_stats"]

    def test_are_told_by_day_with_their_sums(self, api: ApiClient, meeting: Meeting, keynote: Livestream) -> None:
        self.attended(meeting, ("02T23:30", "02T23:40"), ("02T23:59:30", "03T00:30:15"))
        self.recorded(keynote, "02T23:58", "03T00:02", duration_us=239_000_000)
        self.recorded(keynote, "03T10:00", "03T10:05", duration_us=300_000_000)

        sessions, recordings = self.told(api, "?start_date=2026-11-02&end_date=2026-11-03")

        assert sessions == {
            "sessions_count": 1,
            "sessions_minutes_consumed": 40.75,
            "day_stats": [
                {"day": "2026-11-02", "total_sessions": 1, "total_session_minutes": 10.5},
                {"day": "2026-11-03", "total_sessions": 0, "total_session_minutes": 30.25},
            ],
        }
        # 119.5 s on the first day: one whole minute, and what is left goes to the second.
        assert recordings == {
            "recording_count": 2,
            "recording_minutes_consumed": 8.0,
            "day_stats": [
                {"day": "2026-11-02", "total_recordings": 1, "total_recording_minutes": 1},
                {"day": "2026-11-03", "total_recordings": 1, "total_recording_minutes": 7},
            ],
        }

    def test_go_on_while_they_do(self, dyte: ApiClient, keynote: Livestream) -> None:
        now = clock.now()
        hour_ago_ms, pause_ms = clock.epoch_ms(now - timedelta(hours=1)), 20 * 60_000
        recording = self.recorded(keynote, "01", None, pauses=[[hour_ago_ms + 60_000, hour_ago_ms + 60_000 + pause_ms]])
        began_at = now - timedelta(hours=1, seconds=30)
        Recording.objects.filter(pk=recording.pk).update(started_at=began_at, invoked_at=began_at)

        first = (now - timedelta(days=2)).date()
        _, recordings = self.told(dyte, f"?start_date={first}")

        assert recordings["recording_count"] == 1
        assert recordings["recording_minutes_consumed"] == 40

    def test_leave_out_what_came_to_nothing(self, dyte: ApiClient, keynote: Livestream) -> None:
        self.recorded(keynote, "02T10:00", "02T11:00", status=RecordingStatus.ERRORED)

        _, recordings = self.told(dyte, "?start_date=2026-11-02&end_date=2026-11-02")

        assert (recordings["recording_count"], recordings["recording_minutes_consumed"]) == (1, 0)

    def test_are_each_app_s_own(self, stranger: ApiClient, meeting: Meeting, keynote: Livestream) -> None:
        self.attended(meeting, ("02T23:30", "02T23:40"))
        self.recorded(keynote, "02T10:00", "02T11:00", duration_us=3_600_000_000)

        sessions, recordings = self.told(stranger, "?start_date=2026-11-02&end_date=2026-11-02")

        assert (sessions["sessions_count"], sessions["sessions_minutes_consumed"]) == (0, 0)
        assert (recordings["recording_count"], recordings["recording_minutes_consumed"]) == (0, 0)

    def test_take_four_queries(self, dyte: ApiClient, meeting: Meeting) -> None:
        self.attended(meeting, ("02T23:30", "02T23:40"))

        assert asked_for(lambda: dyte.get(f"{ORGANIZATION}?start_date=2026-11-01&end_date=2026-11-30")) == 4
