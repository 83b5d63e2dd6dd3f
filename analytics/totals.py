"""What the vendors' routes tell of an app's livestreams, meetings and recordings, overall and by day.

Of all that there was, also of livestreams that are deleted by now: what happened does not change.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import Count, Model, QuerySet
from django.db.models.functions import TruncDate

from analytics.ranges import TimeRange, whole
from analytics.spans import sum_ingest_ms, sum_meeting_ms, sum_recorded_ms
from analytics.watched import sum_watched_ms
from streams.models import MeetingSession, Recording, Session

_HUNDREDTH_OF_A_MINUTE_MS = 600
_MINUTE_MS = 60_000


@dataclass(frozen=True)
class LivestreamDay:
    """A UTC day of livestreams, as far as it is in the range."""

    day: date
    # Sessions that began.
    count: int
    ingest_seconds: int
    viewer_seconds: int


@dataclass(frozen=True)
class LivestreamTotals:
    """The days of a range on which something happened, in order; what they sum to is the whole range's."""

    days: list[LivestreamDay]

    @property
    def count(self) -> int:
        return sum(day.count for day in self.days)

    @property
    def ingest_seconds(self) -> int:
        return sum(day.ingest_seconds for day in self.days)

    @property
    def viewer_seconds(self) -> int:
        return sum(day.viewer_seconds for day in self.days)

    def each_day(self, during: TimeRange) -> list[LivestreamDay]:
        """Return every UTC day of the range; nothing happened on those that are not known of."""
        known = {day.day: day for day in self.days}
        return [known.get(day) or LivestreamDay(day, 0, 0, 0) for day in during.each_day()]


@dataclass(frozen=True)
class LengthDay:
    """How many began on a UTC day, and how long all together lasted on it, in units that are told where it stands."""

    day: date
    count: int
    length: int


@dataclass(frozen=True)
class AppTotals:
    """An app's meetings and recordings: each day once and in order."""

    # In hundredths of minutes, of all participants together.
    meetings: list[LengthDay]
    # In minutes.
    recordings: list[LengthDay]


def get_livestream_totals(*, app_ids: Collection[UUID], during: TimeRange) -> LivestreamTotals:
    """Return the figures of the apps' livestreams; three queries, and true while something is live."""
    sessions = Session.objects.filter(livestream__app__in=app_ids, **_within("created_at", during))
    counts = _count_by_day(sessions, "created_at")
    ingest = whole(sum_ingest_ms(app_ids=app_ids, during=during))
    watched = whole(sum_watched_ms(app_ids=app_ids, during=during))
    days = sorted({*counts, *ingest, *watched})
    return LivestreamTotals(
        [LivestreamDay(day, counts.get(day, 0), ingest.get(day, 0), watched.get(day, 0)) for day in days]
    )


def get_app_totals(*, app_ids: Collection[UUID], during: TimeRange) -> AppTotals:
    """Return the figures of the apps' meetings and recordings; four queries."""
    meetings = MeetingSession.objects.filter(app__in=app_ids, **_within("created_at", during))
    recordings = Recording.objects.filter(app__in=app_ids, **_within("invoked_at", during))
    stays = whole(sum_meeting_ms(app_ids=app_ids, during=during), unit_ms=_HUNDREDTH_OF_A_MINUTE_MS)
    recorded = whole(sum_recorded_ms(app_ids=app_ids, during=during), unit_ms=_MINUTE_MS)
    return AppTotals(
        meetings=_days(_count_by_day(meetings, "created_at"), stays, during),
        recordings=_days(_count_by_day(recordings, "invoked_at"), recorded, during),
    )


def _days(counts: Mapping[date, int], lengths: Mapping[date, int], during: TimeRange) -> list[LengthDay]:
    return [LengthDay(day, counts.get(day, 0), lengths.get(day, 0)) for day in during.each_day()]


def _within(field: str, during: TimeRange) -> dict[str, object]:
    return {f"{field}__gte": during.start, f"{field}__lt": during.end}


def _count_by_day(rows: "QuerySet[Model]", field: str) -> dict[date, int]:
    by_day = rows.order_by().annotate(day=TruncDate(field)).values_list("day").annotate(Count("pk"))
    return dict(by_day)
