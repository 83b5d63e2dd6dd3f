"""What the pages of figures show."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from analytics.breakdowns import Breakdown, Grouping, WantedBreakdown, WatchedList, WatchedRow
from analytics.forms import DaysForm, preset_days
from analytics.ranges import DAY, TimeRange
from analytics.totals import LivestreamDay, LivestreamTotals, get_livestream_totals
from streams.organizations.models import Organization
from streams.organizations.selectors import list_app_ids

# Of each list; all of it is in its CSV.
_ROWS_SHOWN = 10


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
    presets: list[DaysPreset]
    totals: LivestreamTotals
    watched: WatchedRow
    days: list[DayLine]
    livestreams: WatchedList
    lists: list[WatchedList]

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


def get_analytics_screen(*, organization: Organization, during: TimeRange) -> AnalyticsScreen:
    """Return the figures of all of an organization's apps; `during` is whole days."""
    app_ids = list_app_ids(organization)
    totals = get_livestream_totals(app_ids=app_ids, during=during)
    by_day = _breakdown(app_ids, during, Grouping.DAY)
    watched = by_day.between(0, during.days)
    return AnalyticsScreen(
        during=during,
        presets=_presets(during),
        totals=totals,
        watched=_sum_of(watched, peak=by_day.peak()),
        days=[DayLine(*each) for each in zip(totals.each_day(during), watched, strict=True)],
        livestreams=_watched_list(app_ids, during, Grouping.LIVESTREAM),
        lists=[_watched_list(app_ids, during, by) for by in (Grouping.COUNTRY, Grouping.DEVICE, Grouping.RENDITION)],
    )


def get_organization_breakdown(*, organization: Organization, during: TimeRange, by: Grouping) -> Breakdown:
    """Return who watched what of an organization's apps."""
    return _breakdown(list_app_ids(organization), during, by)


def _breakdown(app_ids: Sequence[UUID], during: TimeRange, by: Grouping) -> Breakdown:
    return Breakdown(WantedBreakdown(app_ids=app_ids, during=during, by=by))


def _sum_of(rows: Sequence[WatchedRow], *, peak: int | None) -> WatchedRow:
    return WatchedRow("", sum(row.views for row in rows), sum(row.viewer_ms for row in rows), peak=peak)


def _watched_list(app_ids: Sequence[UUID], during: TimeRange, by: Grouping) -> WatchedList:
    rows = _breakdown(app_ids, during, by).between(0, _ROWS_SHOWN + 1)
    return WatchedList(by, rows[:_ROWS_SHOWN], len(rows) > _ROWS_SHOWN)


def _presets(during: TimeRange) -> list[DaysPreset]:
    found = []
    for days, label in DaysForm.presets.items():
        first, last = preset_days(days)
        is_current = (first, last) == (during.start.date(), (during.end - DAY).date())
        found.append(DaysPreset(label, first, last, is_current))
    return found
