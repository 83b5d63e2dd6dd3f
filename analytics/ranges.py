"""Stretches of time that figures are asked for, and the UTC days that they consist of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar

# Without a beginning. Source: the vendors, who count today as one of them.
DEFAULT_DAYS = 30
# Of answers that name each day.
DAYS_MAX = 366
DAY = timedelta(days=1)
_SECOND_MS = 1000
# A date, or its text.
_Day = TypeVar("_Day", date, str)


@dataclass(frozen=True)
class TimeRange:
    """From `start` until just before `end`; aware UTC times, and `start` is not after `end`."""

    start: datetime
    end: datetime

    @property
    def days(self) -> int:
        """How many UTC days it touches."""
        return max(0, -((midnight_of(self.start) - self.end) // DAY))

    @property
    def whole_days(self) -> "TimeRange":
        """The UTC days that are in it as a whole; where there are none, it is empty."""
        first = self.start if midnight_of(self.start) == self.start else midnight_of(self.start) + DAY
        return TimeRange(first, max(first, midnight_of(self.end)))

    @property
    def rests(self) -> list["TimeRange"]:
        """What is in it of the days before and after those: none, one or two."""
        days = self.whole_days
        around = [(self.start, min(days.start, self.end)), (max(days.end, self.start), self.end)]
        if days.start > self.end:
            # It is all within one day.
            around = [(self.start, self.end)]
        return [TimeRange(start, end) for start, end in around if start < end]

    def each_day(self) -> Iterator[date]:
        """Yield the UTC days that it touches, in order; none of a range that is empty."""
        day = midnight_of(self.start)
        while day < self.end:
            yield day.date()
            day += DAY


def midnight_of(moment: datetime) -> datetime:
    """Return when the moment's UTC day began."""
    return datetime.combine(moment.astimezone(UTC).date(), time.min, UTC)


def range_between(start: datetime | None, end: datetime | None, *, now: datetime) -> TimeRange:
    """Return what is asked for: to the end of today where no end is told, and its last 30 days where no beginning is.

    Nothing has happened yet in what is left of today, so that is until now.
    """
    until = end or max(midnight_of(now) + DAY, start or now)
    return TimeRange(start or midnight_of(until - timedelta(microseconds=1)) - (DEFAULT_DAYS - 1) * DAY, until)


def range_of_days(first: date | None, last: date | None, *, now: datetime) -> TimeRange:
    """Return the days from the first to the last one, both whole; the defaults are those of `range_between`."""
    until = last or max(now.astimezone(UTC).date(), first or date.min)
    since = first or until - (DEFAULT_DAYS - 1) * DAY
    return TimeRange(_midnight(since), _midnight(until) + DAY)


def whole(ms_by_day: Mapping[_Day, int], *, unit_ms: int = _SECOND_MS) -> dict[_Day, int]:
    """Return the milliseconds of days in whole units, so that the days sum to all of it, rounded down once.

    What is left of a day goes to the next one: rounded down by themselves, thirty days would lose half a minute.
    """
    told: dict[_Day, int] = {}
    before = 0
    so_far_ms = 0
    for day in sorted(ms_by_day):
        so_far_ms += ms_by_day[day]
        told[day] = so_far_ms // unit_ms - before
        before += told[day]
    return told


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)
