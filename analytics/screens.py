"""What the pages of figures show."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from analytics.breakdowns import Breakdown, Grouping, WantedBreakdown, WatchedList, WatchedRow
from analytics.forms import DaysForm, preset_days
from analytics.quality import Quality, sum_quality
from analytics.ranges import DAY, TimeRange
from analytics.totals import LivestreamDay, LivestreamTotals, get_livestream_totals
from livehub.core import clock
from streams.organizations.models import Organization
from streams.organizations.selectors import list_app_ids

# Of each list; all of it is in its CSV.
_ROWS_SHOWN, _DAYS_SHOWN = 10, 31


@dataclass(frozen=True)
class DaysPreset:
    """Days that many people ask for."""

    label: str
    first: date
    last: date
    is_current: bool


@dataclass(frozen=True)
class DayLine:
    """A day in the table and the chart."""

    totals: LivestreamDay
    watched: WatchedRow


@dataclass(frozen=True)
class AnalyticsScreen:
    """An organization's figures of some days."""

    during: TimeRange
    # When all of it was so.
    as_of: datetime
    presets: list[DaysPreset]
    totals: LivestreamTotals
    watched: WatchedRow
    days: list[DayLine]
    livestreams: WatchedList
    lists: list[WatchedList]
    # How all of it played; None where no player reported.
    quality: Quality | None
    # The same taken apart, by what was asked for.
    played: WatchedList

    @property
    def first(self) -> date:
        return self.during.start.date()

    @property
    def last(self) -> date:
        return (self.during.end - DAY).date()

    @property
    def is_empty(self) -> bool:
        """Nothing was broadcast, and nothing watched."""
        return not self.totals.days


def get_analytics_screen(
    *, organization: Organization, during: TimeRange, by: Grouping = Grouping.LIVESTREAM
) -> AnalyticsScreen:
    """Return the figures of all of an organization's apps; `during` is whole days, `by` is of how it played."""
    app_ids = list_app_ids(organization)
    totals = get_livestream_totals(app_ids=app_ids, during=during)
    by_day = _breakdown(app_ids, during, Grouping.DAY)
    watched = by_day.with_quality(by_day.between(0, during.days))
    return AnalyticsScreen(
        during=during,
        as_of=clock.now(),
        presets=_presets(during),
        totals=totals,
        watched=_sum_of(watched, peak=by_day.peak()),
        days=[DayLine(*each) for each in zip(totals.each_day(during), watched, strict=True)],
        livestreams=_watched_list(app_ids, during, Grouping.LIVESTREAM),
        lists=[_watched_list(app_ids, during, by) for by in (Grouping.COUNTRY, Grouping.DEVICE, Grouping.RENDITION)],
        quality=sum_quality([row.quality for row in watched]),
        played=_played_list(watched) if by == Grouping.DAY else _watched_list(app_ids, during, by, is_told=True),
    )


def get_organization_breakdown(*, organization: Organization, during: TimeRange, by: Grouping) -> Breakdown:
    """Return who watched what of an organization's apps."""
    return _breakdown(list_app_ids(organization), during, by)


def _breakdown(app_ids: Sequence[UUID], during: TimeRange, by: Grouping) -> Breakdown:
    return Breakdown(WantedBreakdown(app_ids=app_ids, during=during, by=by))


def _sum_of(rows: Sequence[WatchedRow], *, peak: int | None) -> WatchedRow:
    return WatchedRow("", sum(row.views for row in rows), sum(row.viewer_ms for row in rows), peak=peak)


def _watched_list(app_ids: Sequence[UUID], during: TimeRange, by: Grouping, *, is_told: bool = False) -> WatchedList:
    """Return the first rows; `is_told`: with how they played."""
    breakdown = _breakdown(app_ids, during, by)
    rows = breakdown.between(0, _ROWS_SHOWN + 1)
    shown = rows[:_ROWS_SHOWN]
    return WatchedList(by, breakdown.with_quality(shown) if is_told else shown, len(rows) > _ROWS_SHOWN)


def _played_list(days: Sequence[WatchedRow]) -> WatchedList:
    """Return the last days on which anybody watched or wanted to, the last one first."""
    rows = [row for row in reversed(days) if row.views or row.quality]
    return WatchedList(Grouping.DAY, rows[:_DAYS_SHOWN], len(rows) > _DAYS_SHOWN)


def _presets(during: TimeRange) -> list[DaysPreset]:
    found = []
    for days, label in DaysForm.presets.items():
        first, last = preset_days(days)
        is_current = (first, last) == (during.start.date(), (during.end - DAY).date())
        found.append(DaysPreset(label, first, last, is_current))
    return found
