"""What was counted is written once."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from django.db.models import Sum
from pytest_django import Settings

from analytics import batches
from analytics.books import BatchRefusedError
from analytics.counting.batch import Added, LogBatch, Position, ReportedFigures, ViewChange, Watching, WatchingNow
from analytics.models import Day, DayKind, LogCursor, Minute, QualityDay, SessionFigures, SessionNow, View
from analytics.partitions import drop_days_before, list_days, today
from analytics.quality import Quality, read_quality
from analytics.ranges import TimeRange
from livehub.core import clock
from streams.livestreams.storage import folder_name
from streams.models import Livestream, Session

pytestmark = pytest.mark.django_db

_MIDNIGHT = int(datetime(2026, 11, 24, tzinfo=UTC).timestamp()) // 60


@pytest.fixture
def on_air(livestream: Livestream) -> Session:
    return Session.objects.create(livestream=livestream)


def _name(session: Session) -> str:
    return folder_name(session.pk)


def _view(session: str, **changes: object) -> ViewChange:
    given: dict[str, object] = {
        "id": uuid4(),
        "session": session,
        "viewer": b"v" * 16,
        "identity": "cmcd",
        "device": "desktop",
        "country": None,
        "began_ms": _MIDNIGHT * 60_000 - 5000,
        "last_ms": _MIDNIGHT * 60_000,
        "watched_ms": 5000,
        "has_begun": True,
        "state": b"kept",
    }
    return ViewChange(**{**given, **changes})  # type: ignore[arg-type]  # As above.


def _batch(after: Position, until: Position, **changes: object) -> LogBatch:
    given: dict[str, object] = {"lines": 10, "rejected": {"torn": 1}, "views": [], "added": []}
    return LogBatch("main", after, until, **{**given, **changes})  # type: ignore[arg-type]  # As above.


_START, _FIRST, _SECOND = Position(), Position("a" * 32, 500), Position("a" * 32, 900)


def test_a_batch_is_written_once(on_air: Session) -> None:
    assert batches.open_log("main").position == _START
    added = [Added(_name(on_air), _MIDNIGHT, "v0", "desktop", "", 1500, 1)]
    first = _batch(_START, _FIRST, added=added)

    batches.write_batch(first)
    with pytest.raises(BatchRefusedError):
        batches.write_batch(first)
    batches.write_batch(_batch(_FIRST, _SECOND, added=added, rejected={"torn": 2, "bot": 5}))

    cursor = LogCursor.objects.get()
    assert (cursor.file_id, cursor.offset, cursor.lines) == ("a" * 32, 900, 20)
    assert cursor.rejected == {"torn": 3, "bot": 5}
    on_air.refresh_from_db()
    assert (on_air.viewer_ms, Minute.objects.get().viewer_ms) == (3000, 3000)
    assert set(Day.objects.values_list("kind", "key", "viewer_ms", "views")) == {
        ("all", "", 3000, 2),
        ("country", "", 3000, 2),
        ("device", "desktop", 3000, 2),
        ("rendition", "v0", 3000, 2),
    }
    figures = SessionFigures.objects.get(pk=on_air.pk)
    assert (figures.viewer_ms, figures.views, figures.peak) == (3000, 2, 0)


def test_a_batch_of_another_file_or_edge_is_not_the_next_one(on_air: Session) -> None:
    for edge in ("main", "far"):
        batches.open_log(edge)
    batches.write_batch(_batch(_START, _FIRST))

    # Files are as long now and then.
    with pytest.raises(BatchRefusedError):
        batches.write_batch(_batch(Position("b" * 32, _FIRST.offset), _SECOND))
    with pytest.raises(BatchRefusedError):
        batches.write_batch(LogBatch("far", _FIRST, _SECOND, 10, {}, [], []))

    assert set(LogCursor.objects.values_list("edge", "offset")) == {("main", 500), ("far", 0)}


def test_days_sum_to_the_whole_though_a_broadcast_goes_on_over_midnight(on_air: Session) -> None:
    batches.open_log("main")
    added = [
        Added(_name(on_air), _MIDNIGHT - 1, "v0", "desktop", "DE", 700, 1),
        Added(_name(on_air), _MIDNIGHT, "v0", "desktop", "DE", 1100, 0),
        Added(_name(on_air), _MIDNIGHT, "v1", "mobile", "", 13, 1),
    ]

    batches.write_batch(_batch(_START, _FIRST, added=added))

    for kind in DayKind:
        by_day = dict(Day.objects.filter(kind=kind).values_list("day").annotate(Sum("viewer_ms")).order_by("day"))
        assert by_day == {date(2026, 11, 23): 700, date(2026, 11, 24): 1113}
    on_air.refresh_from_db()
    assert on_air.viewer_ms == 1813
    owner = Day.objects.values_list("app_id", "livestream_id").distinct().get()
    assert owner == (on_air.livestream.app_id, on_air.livestream_id)


def test_a_collector_that_starts_goes_on_with_views_that_are_not_over(on_air: Session) -> None:
    batches.open_log("main")
    going_on, over, never = (
        _view(_name(on_air)),
        _view(_name(on_air), state=None),
        _view(_name(on_air), has_begun=False),
    )
    batches.write_batch(_batch(_START, _FIRST, views=[going_on, over, never]))

    kept = {view.id: view for view in batches.open_log("main").views}
    assert kept.keys() == {going_on.id, never.id}
    assert (kept[going_on.id].state, kept[going_on.id].began_ms) == (b"kept", going_on.began_ms)
    assert batches.open_log("elsewhere").views == []

    never.state = None
    going_on.watched_ms, going_on.state = 9000, None
    batches.write_batch(_batch(_FIRST, _SECOND, views=[going_on, never]))

    assert batches.open_log("main").views == []
    assert dict(View.objects.values_list("id", "watched_ms")) == {going_on.id: 9000, over.id: 5000}


def test_what_players_report_is_written_with_their_views(on_air: Session) -> None:
    batches.open_log("main")
    said = ReportedFigures(420, 9600, 350, 1, 2310, 9000, 3, failed=False, error_code=None, exited_before_start=False)
    left = ReportedFigures(None, 0, 0, 0, None, 0, None, failed=False, error_code=None, exited_before_start=True)
    failed = ReportedFigures(None, 0, 0, 0, None, 0, 0, failed=True, error_code="x", exited_before_start=False)
    nothing = ReportedFigures(None, 0, 0, 0, None, 0, 0, failed=False, error_code=None, exited_before_start=False)
    reported, silent = _view(_name(on_air)), _view(_name(on_air))
    gave_up, fell = (
        _view(_name(on_air), has_begun=False, watched_ms=0, state=None, reported=each) for each in (left, failed)
    )
    batches.write_batch(_batch(_START, _FIRST, views=[reported, silent, gave_up, fell]))
    reported.reported = said
    # Who has played something makes no view by saying so, but it is kept; who came to nothing is forgotten.
    claimed, gone = (_view(_name(on_air), has_begun=False, watched_ms=0, reported=each) for each in (said, nothing))
    batches.write_batch(_batch(_FIRST, _SECOND, views=[reported, claimed, gone]))
    claimed.state = gone.state = None
    batches.write_batch(_batch(_SECOND, Position("a" * 32, 1000), views=[claimed, gone]))

    rows = {view.id: view for view in View.objects.all()}
    assert rows.keys() == {reported.id, silent.id, gave_up.id, fell.id, claimed.id}
    assert not rows[claimed.id].has_begun
    row = rows[reported.id]
    assert (row.startup_ms, row.played_ms, row.stalled_ms, row.stalls) == (420, 9600, 350, 1)
    assert (row.latency_ms, row.latency_measured_ms, row.dropped_frames) == (2310, 9000, 3)
    assert (row.failed, row.error_code, row.exited_before_start) == (False, None, False)
    assert (rows[silent.id].failed, rows[silent.id].played_ms) == (None, None)
    assert (rows[gave_up.id].has_begun, rows[gave_up.id].exited_before_start) == (False, True)
    assert (rows[fell.id].failed, rows[fell.id].error_code, rows[fell.id].latency_ms) == (True, "x", None)
    assert not Minute.objects.exists()


def _told(**changes: object) -> ReportedFigures:
    given: dict[str, object] = {
        "startup_ms": None,
        "played_ms": 0,
        "stalled_ms": 0,
        "stalls": 0,
        "latency_ms": None,
        "latency_measured_ms": 0,
        "dropped_frames": None,
        "failed": False,
        "error_code": None,
        "exited_before_start": False,
    }
    return ReportedFigures(**{**given, **changes})  # type: ignore[arg-type]  # As above.


def _quality(session: Session) -> Quality:
    before = datetime.fromtimestamp((_MIDNIGHT - 24 * 60) * 60, tz=UTC)
    during = TimeRange(before, before + timedelta(days=2))
    app_id = session.livestream.app_id
    found = read_quality("scope_id", scope_ids=[session.pk], app_ids=[app_id], during=during)
    return found[str(session.pk)]


class TestQuality:
    @pytest.fixture(autouse=True)
    def _days_are_kept(self, settings: Settings) -> None:
        settings.VIEW_RETENTION_DAYS = 36_500

    def test_of_a_view_that_goes_on_is_what_was_reported_last(self, on_air: Session) -> None:
        batches.open_log("main")
        view = _view(_name(on_air), country="DE", reported=_told(startup_ms=640, played_ms=9000))
        silent = _view(_name(on_air))
        batches.write_batch(_batch(_START, _FIRST, views=[view, silent]))
        view.reported = _told(startup_ms=640, played_ms=18_000, stalled_ms=2000, stalls=1, latency_ms=3000)

        batches.write_batch(_batch(_FIRST, _SECOND, views=[view, silent]))
        with pytest.raises(BatchRefusedError):
            batches.write_batch(_batch(_FIRST, _SECOND, views=[view, silent]))

        found = _quality(on_air)
        assert (found.reported, found.played_ms, found.stalled_ms, found.stalls) == (1, 18_000, 2000, 1)
        assert (sum(found.startup), sum(found.latency)) == (1, 1)
        # Of the day on which it began.
        assert {str(day) for day in QualityDay.objects.values_list("day", flat=True)} == {"2026-11-23"}
        own = QualityDay.objects.filter(scope_id=on_air.pk).values_list("kind", "key", "reported")
        assert set(own) == {("all", "", 1), ("country", "DE", 1), ("device", "desktop", 1)}

    def test_of_who_saw_nothing_is_to_be_seen(self, on_air: Session) -> None:
        batches.open_log("main")
        waiting = [_view(_name(on_air), has_begun=False, watched_ms=0, reported=_told()) for _ in range(3)]
        batches.write_batch(_batch(_START, _FIRST, views=waiting))
        left, failed, gone = waiting
        for view in waiting:
            view.state = None
        left.reported, failed.reported = _told(exited_before_start=True), _told(failed=True, error_code="load")

        batches.write_batch(_batch(_FIRST, _SECOND, views=waiting))

        found = _quality(on_air)
        assert (found.reported, found.exited, found.failed) == (2, 1, 1)
        assert not View.objects.filter(id=gone.id).exists()
        assert set(Day.objects.values_list("kind", "key", "viewer_ms", "views")) == {
            ("all", "", 0, 0),
            ("country", "", 0, 0),
            ("device", "desktop", 0, 0),
        }

    def test_of_a_day_that_is_dropped_is_not_counted_again(self, on_air: Session, settings: Settings) -> None:
        settings.VIEW_RETENTION_DAYS = 5
        began_ms = (_MIDNIGHT - 60 * 24 * 60) * 60_000
        of_old_day = _view(_name(on_air), began_ms=began_ms, reported=_told(played_ms=9000))
        batches.open_log("main")

        batches.write_batch(_batch(_START, _FIRST, views=[of_old_day]))

        assert not QualityDay.objects.exists()


def test_of_what_nobody_broadcasts_nothing_is_kept(db: None) -> None:
    batches.open_log("main")
    nobodys = "0123456789abcdef"

    batches.write_batch(
        _batch(_START, _FIRST, views=[_view(nobodys)], added=[Added(nobodys, _MIDNIGHT, "v0", "tv", "", 5, 1)])
    )

    assert not View.objects.exists()
    assert not Day.objects.exists()


def test_now_is_what_all_edges_say_and_its_most_is_the_peak(on_air: Session) -> None:
    at_ms = _MIDNIGHT * 60_000
    said = [("main", 0, 3, 1), ("far", 500, 2, 0), ("main", 1000, 4, 1), ("main", 2000, 1, 0)]
    for edge, after_ms, counted, estimated in said:
        batches.write_now(WatchingNow(edge, at_ms + after_ms, [Watching(_name(on_air), counted, estimated)]))

    figures = SessionFigures.objects.get(pk=on_air.pk)
    assert (figures.peak, figures.peak_estimated) == (7, 1)
    assert figures.peak_at == datetime.fromtimestamp(at_ms / 1000 + 1, tz=UTC)

    changed = batches.write_now(WatchingNow("main", at_ms + 3000, []))

    assert changed == {(on_air.livestream_id, on_air.livestream.app.organization_id)}
    assert list(SessionNow.objects.values_list("edge", flat=True)) == ["far"]


def test_a_day_that_has_begun_meanwhile_has_a_table_of_its_own(on_air: Session) -> None:
    batches.open_log("main")
    # As after two midnights with no worker that makes days ahead.
    drop_days_before(today() + timedelta(days=2))
    assert today() not in list_days()

    batches.write_batch(_batch(_START, _FIRST, views=[_view(_name(on_air), began_ms=clock.epoch_ms(clock.now()))]))

    assert today() in list_days()
    assert View.objects.count() == 1


def test_what_an_edge_has_said_long_ago_is_no_part_of_the_peak(on_air: Session) -> None:
    at_ms = _MIDNIGHT * 60_000
    for edge, after_ms, counted in (("far", 0, 5), ("main", 7000, 4)):
        batches.write_now(WatchingNow(edge, at_ms + after_ms, [Watching(_name(on_air), counted, 0)]))

    assert SessionFigures.objects.get(pk=on_air.pk).peak == 5


def test_who_says_who_watches_is_heard_of_and_nobody_else(on_air: Session) -> None:
    for edge in ("main", "far"):
        batches.open_log(edge)
    long_ago = clock.now() - timedelta(hours=1)
    LogCursor.objects.update(heard_at=long_ago)

    batches.write_now(WatchingNow("main", _MIDNIGHT * 60_000, []))

    heard = dict(LogCursor.objects.values_list("edge", "heard_at"))
    assert heard["main"] > heard["far"] == long_ago


def test_salts_stay_the_same(db: None) -> None:
    found = batches.salts()

    assert len(set(found.values())) == 3
    assert batches.salts() == found
