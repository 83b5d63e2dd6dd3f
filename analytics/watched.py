"""How long was watched, by UTC day: whole days from the rows of days, and what is around them from those of minutes."""

from collections import Counter
from collections.abc import Collection
from datetime import date
from typing import cast
from uuid import UUID

from django.db import connection
from django.db.models import Sum

from analytics.models import Day, DayKind
from analytics.ranges import TimeRange

# Of those broadcasts that were watched on these days. A minute is in the range in which it begins.
_MINUTES = """
SELECT (minute.minute AT TIME ZONE 'UTC')::date, sum(minute.viewer_ms)::bigint
FROM analytics_day AS watched
JOIN analytics_minute AS minute USING (session_id)
WHERE watched.app_id = ANY(%(app_ids)s) AND watched.kind = 'all' AND watched.day = %(day)s
    AND minute.minute >= %(start)s AND minute.minute < %(end)s
GROUP BY 1
"""


def sum_watched_ms(*, app_ids: Collection[UUID], during: TimeRange) -> dict[date, int]:
    """Return how long the apps' broadcasts were watched, in milliseconds by UTC day; days without are missing.

    One query, and one more for each day that is not in the range as a whole. Ranges that follow each other sum to the
    range of both.
    """
    whole = during.whole_days
    first, end = whole.start.date(), whole.end.date()
    days = Day.objects.filter(app_id__in=app_ids, kind=DayKind.ALL, day__gte=first, day__lt=end)
    found = Counter(dict(days.values_list("day").annotate(Sum("viewer_ms"))))
    for rest in during.rests:
        found.update(_sum_minutes(app_ids=app_ids, rest=rest))
    return dict(found)


def _sum_minutes(*, app_ids: Collection[UUID], rest: TimeRange) -> dict[date, int]:
    values = {"app_ids": list(app_ids), "start": rest.start, "end": rest.end, "day": rest.start.date()}
    with connection.cursor() as cursor:
        cursor.execute(_MINUTES, values)  # type: ignore[arg-type]  # Times and ids.
        return dict(cast(list[tuple[date, int]], cursor.fetchall()))
