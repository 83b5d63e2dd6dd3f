"""One broadcast told: how many watched it and when, with what, and what happened meanwhile."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Max

from analytics.breakdowns import Breakdown, Grouping, WantedBreakdown, WatchedList, WatchedRow
from analytics.glances import ViewersNow, find_now
from analytics.happenings import Band, bands_of
from analytics.models import LogCursor, SessionFigures
from analytics.quality import Quality, sum_quality
from analytics.ranges import DAY, TimeRange, midnight_of
from livehub.core import clock
from streams.livestreams.selectors import list_past_findings
from streams.models import IngestFinding, Session

# A curve of more than a day's minutes shows nothing more.
_POINTS_MAX = 1440
# Of a list, on a page.
_ROWS_SHOWN = 20
_MINUTE = timedelta(minutes=1)
# Viewers are behind, and machines' clocks apart.
_AROUND = timedelta(hours=1)
# What is now is counted that far behind. Source: the collector's watermark.
_WATERMARK = timedelta(seconds=2)
_MINUTES = """
SELECT floor(extract(epoch FROM minute) / %(step_s)s)::bigint, sum(viewer_ms)::bigint, sum(views)::bigint
FROM analytics_minute
WHERE session_id = %(session_id)s AND minute >= %(begin)s AND minute <= %(end)s
GROUP BY 1 ORDER BY 1
"""
# How much of a broadcast that goes on a chart shows beside its picture.
_RECENT = timedelta(hours=1)


@dataclass(frozen=True)
class Point:
    """A step of the curve; `viewers` on average, None where nobody knows (yet)."""

    at: datetime
    viewers: float | None
    views: int


@dataclass(frozen=True)
class RecentCurve:
    """What a chart on the page of what goes on begins with: the last hour of a broadcast, all of one that is over."""

    session: Session
    step_s: int
    points: list[Point]
    bands: list[Band]


@dataclass(frozen=True)
class SessionReport:
    """All of it. What nobody has counted is None: no collector has been heard of yet."""

    session: Session
    watched: WatchedRow | None
    peak_estimated: int
    peak_at: datetime | None
    # None for one that is over, and while no collector says it.
    now: ViewersNow | None
    step_s: int
    points: list[Point]
    bands: list[Band]
    # What was wrong with what its encoder sent, mended or not.
    findings: list[IngestFinding]
    renditions: list[WatchedRow]
    devices: list[WatchedRow]
    countries: list[WatchedRow]

    @property
    def has_curve(self) -> bool:
        """Something of the curve is known."""
        return any(point.viewers is not None for point in self.points)

    @property
    def quality(self) -> Quality | None:
        """How it played, on all devices together; None where no player reported."""
        return sum_quality([row.quality for row in self.devices])

    @property
    def lists(self) -> list[WatchedList]:
        """Its breakdowns, as pages show them."""
        found = {Grouping.COUNTRY: self.countries, Grouping.DEVICE: self.devices, Grouping.RENDITION: self.renditions}
        return [WatchedList(by, rows[:_ROWS_SHOWN], len(rows) > _ROWS_SHOWN) for by, rows in found.items()]


def get_session_report(session: Session, *, app_ids: Collection[UUID]) -> SessionReport:
    """Return the report of a session of one of these apps, as it is now.

    Eleven queries, and one more while it goes on.
    """
    counted_until = _counted_until()
    figures = SessionFigures.objects.filter(session_id=session.pk).first()
    step_s, points = _curve(session, counted_until=counted_until)
    found = figures or SessionFigures(session_id=session.pk)
    renditions, devices, countries = (
        _by(session, by, app_ids=app_ids) for by in (Grouping.RENDITION, Grouping.DEVICE, Grouping.COUNTRY)
    )
    # Seconds may be watched before anybody has said how many did at once.
    peak = found.peak if found.peak_at or not found.viewer_ms else None
    watched = WatchedRow(str(session.pk), found.views, found.viewer_ms, peak=peak)
    return SessionReport(
        session=session,
        watched=watched if figures or counted_until else None,
        peak_estimated=found.peak_estimated,
        peak_at=found.peak_at,
        now=find_now(session.pk) if session.is_open else None,
        step_s=step_s,
        points=points,
        bands=bands_of(session),
        findings=list_past_findings(session),
        renditions=renditions,
        devices=devices,
        countries=countries,
    )


def get_recent_curve(session: Session) -> RecentCurve:
    """Return how many watched lately, and what happened; three queries."""
    # From a whole minute on: of a part of one nobody knows.
    since = clock.now().replace(second=0, microsecond=0) - _RECENT if session.is_open else None
    step_s, points = _curve(session, counted_until=_counted_until(), since=since)
    return RecentCurve(session, step_s, points, bands_of(session))


def _counted_until() -> datetime | None:
    found: datetime | None = LogCursor.objects.aggregate(at=Max("heard_at"))["at"]
    return found


def _curve(
    session: Session, *, counted_until: datetime | None, since: datetime | None = None
) -> tuple[int, list[Point]]:
    """Return the seconds of a step, and the steps from the broadcast's first minute to its last, in order.

    `since`: those before it are left out.
    """
    begin, end = max(session.created_at, since or session.created_at), session.stopped_at or clock.now()
    minutes = (end - begin) // _MINUTE + 2
    step_s = 60 * -(-minutes // _POINTS_MAX)
    with connection.cursor() as cursor:
        # Not from whenever some edge's clock was set to.
        around = {"begin": since or begin - _AROUND, "end": end + _AROUND}
        cursor.execute(_MINUTES, {"session_id": session.pk, "step_s": step_s, **around})
        found = {step: (viewer_ms, views) for step, viewer_ms, views in cursor.fetchall()}
    steps = range(*_bounds([*found, _step(begin, step_s), _step(end, step_s)]))
    # The step that goes on is not known yet, nor is what no collector has come to.
    known = _step(counted_until - _WATERMARK, step_s) if counted_until else -1
    return step_s, [_point(step, step_s, found, is_known=step < known) for step in steps]


def _point(step: int, step_s: int, found: dict[int, tuple[int, int]], *, is_known: bool) -> Point:
    viewer_ms, views = found.get(step, (0, 0))
    viewers = round(viewer_ms / 1000 / step_s, 2) if is_known else None
    return Point(datetime.fromtimestamp(step * step_s, UTC), viewers, views)


def _bounds(steps: Iterable[int]) -> tuple[int, int]:
    known = sorted(steps)
    return known[0], known[-1] + 1


def _step(moment: datetime, step_s: int) -> int:
    return int(moment.timestamp()) // step_s


def _by(session: Session, by: Grouping, *, app_ids: Collection[UUID]) -> list[WatchedRow]:
    # Machines' clocks differ, and viewers are behind: a day on either side costs nothing.
    end = midnight_of(session.stopped_at or clock.now()) + 2 * DAY
    during = TimeRange(midnight_of(session.created_at) - DAY, end)
    wanted = WantedBreakdown(app_ids=app_ids, during=during, by=by, session_id=session.pk)
    return list(Breakdown(wanted).all())
