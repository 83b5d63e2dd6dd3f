"""A broadcast told: its curve, what is not known of it, and what happened meanwhile."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from analytics.models import LogCursor, SessionFigures, SessionNow
from livehub.core import clock
from streams.models import IngestFinding, Livestream, Session, SessionEvent
from tests.analytics.rows import broadcast, peaked, played, watched
from tests.api.clients import ApiClient, read
from tests.meetings.queries import asked_for
from tests.runs import claimed, connected, taken_in

pytestmark = pytest.mark.django_db
Values = dict[str, Any]


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{text}").replace(tzinfo=UTC)


def heard_of(edge: str, at: datetime) -> None:
    LogCursor.objects.create(edge=edge, file_id="f", offset=0, heard_at=at)


def report(api: ApiClient, session: Session) -> Values:
    told: Values = read(api.get(f"/livestreams/sessions/{session.pk}/report"))["data"]
    return told


def curve(told: Values) -> list[tuple[str, float | None]]:
    return [(point["time"][11:16], point["viewers"]) for point in told["curve"]]


class TestOver:
    @pytest.fixture
    def session(self, keynote: Livestream) -> Session:
        session = broadcast(keynote, at("02T23:58:30"), until=at("03T00:02:10"))
        heard_of("main", at("09T12:00"))
        watched(session, at("02T23:58:40"), viewer_ms=30_000, views=1, country="DE")
        watched(session, at("02T23:59:40"), viewer_ms=90_000, views=1, device="mobile", rendition="v1")
        watched(session, at("03T00:00:40"), viewer_ms=30_000)
        peaked(session, at("02T23:59:50"), peak=2)
        return session

    def test_has_its_figures(self, dyte: ApiClient, session: Session) -> None:
        SessionFigures.objects.filter(session_id=session.pk).update(peak_estimated=1)

        told = report(dyte, session)

        assert (told["id"], told["livestream_id"]) == (str(session.pk), str(session.livestream_id))
        assert (told["invoked_time"], told["stopped_time"]) == ("2026-11-02T23:58:30.000Z", "2026-11-03T00:02:10.000Z")
        assert told["ingest_seconds"] == 220
        assert (told["views"], told["viewer_seconds"], told["average_view_seconds"]) == (2, 150, 75.0)
        assert (told["peak_viewers"], told["peak_estimated"]) == (2, 1)
        assert told["peak_time"] == "2026-11-02T23:59:50.000Z"
        assert told["watching_now"] is None
        assert [(row["key"], row["viewer_seconds"]) for row in told["renditions"]] == [("v1", 90), ("v0", 60)]
        assert [(row["key"], row["viewer_seconds"]) for row in told["devices"]] == [("mobile", 90), ("desktop", 60)]
        assert [(row["key"], row["viewer_seconds"]) for row in told["countries"]] == [(None, 120), ("DE", 30)]

    def test_has_how_it_played(self, dyte: ApiClient, session: Session) -> None:
        assert report(dyte, session)["quality"] is None

        played(session, at("02T23:58:40"), country="DE", startup_ms=640, played_ms=99_000, stalled_ms=1_000, stalls=1)
        played(session, at("03T00:00:40"), device="mobile", exited_before_start=True)

        told = report(dyte, session)
        assert told["quality"] == {
            "reported_views": 2,
            "startup_p50_ms": 670,
            "startup_p95_ms": 706,
            "exits_before_start_percent": 50.0,
            "failures_percent": 0.0,
            "rebuffering_percent": 1.0,
            "stalls": 1,
            "latency_p50_ms": None,
            "latency_p95_ms": None,
        }
        by_device = {row["key"]: row["quality"]["exits_before_start_percent"] for row in told["devices"]}
        assert by_device == {"desktop": 0.0, "mobile": 100.0}
        assert {row["key"]: row["quality"] and row["quality"]["stalls"] for row in told["countries"]} == {
            "DE": 1,
            None: 0,
        }
        assert {row["quality"] for row in told["renditions"]} == {None}

    def test_takes_so_many_queries(self, dyte: ApiClient, session: Session) -> None:
        assert asked_for(lambda: dyte.get(f"/livestreams/sessions/{session.pk}/report")) == 12

    def test_has_a_curve_of_each_minute(self, dyte: ApiClient, session: Session) -> None:
        told = report(dyte, session)

        assert told["step_seconds"] == 60
        assert curve(told) == [("23:58", 0.5), ("23:59", 1.5), ("00:00", 0.5), ("00:01", 0.0), ("00:02", 0.0)]
        assert [point["views"] for point in told["curve"]] == [1, 1, 0, 0, 0]

    def test_says_nothing_of_what_no_collector_has_come_to(self, dyte: ApiClient, session: Session) -> None:
        LogCursor.objects.update(heard_at=at("03T00:02:01"))

        # What is behind the last line by two seconds is known: 00:01 is not over by then.
        assert curve(report(dyte, session))[2:] == [("00:00", 0.5), ("00:01", None), ("00:02", None)]

    def test_says_nothing_where_nobody_counts(self, dyte: ApiClient, keynote: Livestream) -> None:
        session = broadcast(keynote, at("02T10:00"), until=at("02T10:01"))

        told = report(dyte, session)

        assert [told[name] for name in ("views", "viewer_seconds", "average_view_seconds", "peak_viewers")] == [
            None
        ] * 4
        assert {viewers for _, viewers in curve(told)} == {None}

    def test_says_none_where_nobody_watched(self, dyte: ApiClient, keynote: Livestream) -> None:
        heard_of("main", at("09T12:00"))
        session = broadcast(keynote, at("02T10:00"), until=at("02T10:01"))

        told = report(dyte, session)

        assert [told[name] for name in ("views", "viewer_seconds", "average_view_seconds")] == [0, 0, None]
        assert {viewers for _, viewers in curve(told)} == {0}

    def test_leaves_out_what_a_clock_that_was_set_wrong_says(self, dyte: ApiClient, session: Session) -> None:
        watched(session, datetime(1999, 1, 1, tzinfo=UTC), viewer_ms=60_000)

        assert len(report(dyte, session)["curve"]) == 5

    def test_has_longer_steps_where_it_was_very_long(self, dyte: ApiClient, keynote: Livestream) -> None:
        heard_of("main", at("29T12:00"))
        session = broadcast(keynote, at("02T00:00"), until=at("04T12:00"))
        watched(session, at("02T00:01"), viewer_ms=180_000)
        watched(session, at("02T00:02"), viewer_ms=180_000)

        told = report(dyte, session)

        assert told["step_seconds"] == 180
        assert len(told["curve"]) == 1201
        assert told["curve"][0]["viewers"] == 2

    def test_has_what_happened(self, dyte: ApiClient, session: Session) -> None:
        for time, kind, data in [
            ("58:30", "status", {"new": "live"}),
            ("58:40", "silent", {}),
            ("59:00", "status", {"new": "reconnecting"}),
            ("59:20", "status", {"new": "live"}),
            ("59:30", "run_lost", {}),
            ("59:31", "run_started", {}),
            ("59:34", "resumed", {}),
            ("59:40", "replaced", {}),
            ("59:50", "status", {"new": "reconnecting"}),
        ]:
            SessionEvent.objects.create(session=session, kind=kind, at=at(f"02T23:{time}"), data=data)

        told = report(dyte, session)["interruptions"]

        assert [(each["reason"], each["from_time"][14:19], each["until_time"][14:19]) for each in told] == [
            ("Encoder silent", "58:40", "59:00"),
            ("Encoder away", "59:00", "59:20"),
            ("Interrupted", "59:30", "59:34"),
            ("Encoder replaced", "59:40", "59:40"),
            # With the broadcast.
            ("Encoder away", "59:50", "02:10"),
        ]

    def test_is_interrupted_once_however_often_it_is_tried_again(self, dyte: ApiClient, session: Session) -> None:
        for time, kind, data in [
            ("58:31", "status", {"new": "standby"}),
            ("58:50", "status", {"new": "live"}),
            ("59:30", "run_failed", {}),
            ("59:32", "run_lost", {}),
            ("59:34", "resumed", {}),
        ]:
            SessionEvent.objects.create(session=session, kind=kind, at=at(f"02T23:{time}"), data=data)

        told = report(dyte, session)["interruptions"]

        assert [(each["reason"], each["from_time"][14:19], each["until_time"][14:19]) for each in told] == [
            ("Before the encoder", "58:31", "58:50"),
            ("Interrupted", "59:30", "59:34"),
        ]

    def test_has_the_newest_of_very_many_findings(self, dyte: ApiClient, session: Session) -> None:
        began_at = at("02T23:58:40")
        times = [began_at + timedelta(seconds=number) for number in range(60)]
        IngestFinding.objects.bulk_create(
            IngestFinding(
                session=session, kind="black", severity="info", value=1, since=each, measured_at=each, cleared_at=each
            )
            for each in times
        )

        told = [each["from_time"] for each in report(dyte, session)["findings"]]

        assert told == [clock.isoformat(each) for each in times[10:]]

    def test_has_what_was_wrong_with_its_encoder_and_for_how_long(self, dyte: ApiClient, session: Session) -> None:
        for kind, since, until in [("b_frames", "02T23:58:40", None), ("black", "02T23:58:50", "02T23:59:31.500")]:
            IngestFinding.objects.create(
                session=session,
                kind=kind,
                severity="warning",
                value=33,
                since=at(since),
                measured_at=at(since),
                cleared_at=at(until) if until else None,
            )

        told = report(dyte, session)["findings"]

        # What was not mended lasted until the end.
        assert [(each["kind"], each["until_time"][11:19], each["seconds"]) for each in told] == [
            ("b_frames", "00:02:10", 210.0),
            ("black", "23:59:31", 41.5),
        ]
        assert told[1]["message"] == "The picture has been black for 33 s."

    def test_is_its_own_tenant_s(self, stranger: ApiClient, session: Session) -> None:
        assert stranger.get(f"/livestreams/sessions/{session.pk}/report").status_code == 404


class TestLive:
    @pytest.fixture
    def session(self, keynote: Livestream) -> Session:
        session = connected(keynote)
        claimed(session)
        taken_in(session, media_ms=7_000)
        heard_of("main", clock.now())
        return session

    def now(self, session: Session, edge: str, *, counted: int, estimated: int, ago: timedelta) -> None:
        SessionNow.objects.create(
            session_id=session.pk, edge=edge, counted=counted, estimated=estimated, at=clock.now() - ago
        )

    def test_says_who_watches_now_over_all_edges(self, dyte: ApiClient, session: Session) -> None:
        self.now(session, "main", counted=3, estimated=2, ago=timedelta(seconds=3))
        self.now(session, "far", counted=4, estimated=0, ago=timedelta(seconds=1))
        self.now(session, "gone", counted=9, estimated=9, ago=timedelta(minutes=1))

        told = report(dyte, session)

        assert told["ingest_seconds"] == 7
        assert (told["watching_now"]["counted"], told["watching_now"]["estimated"]) == (7, 2)

    def test_does_not_say_who_watches_while_nobody_knows(self, dyte: ApiClient, session: Session) -> None:
        self.now(session, "main", counted=9, estimated=9, ago=timedelta(minutes=1))
        LogCursor.objects.update(heard_at=clock.now() - timedelta(minutes=1))

        assert report(dyte, session)["watching_now"] is None

    def test_says_none_where_nobody_watches(self, dyte: ApiClient, session: Session) -> None:
        told = report(dyte, session)["watching_now"]

        assert (told["counted"], told["estimated"]) == (0, 0)

    def test_leaves_open_how_many_watched_in_the_minute_that_goes_on(self, dyte: ApiClient, session: Session) -> None:
        assert report(dyte, session)["curve"][-1]["viewers"] is None
