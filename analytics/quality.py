"""How it played, as players reported it: of any views together, read from the rows of days.

Percentiles come from histograms alone, of today as of last year, so a figure does not change when views are dropped.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from django.db import connection

from analytics.histograms import SLOTS, percentile
from analytics.models import DayKind
from analytics.ranges import TimeRange

# What each figure is of: an app, livestream or session; a day; a country or kind of device.
QualityKey = Literal["scope_id", "day", "key"]


def _sums(column: str) -> str:
    # Place by place: arrays are neither taken apart nor put together for each row.
    return f"ARRAY[{', '.join(f'sum({column}[{slot}])' for slot in range(1, SLOTS + 1))}]::bigint[]"


_READ = f"""
SELECT {{key}}::text, sum(reported), sum(failed), sum(exited), sum(played_ms)::bigint, sum(stalled_ms)::bigint,
    sum(stalls)::bigint, {_sums("startup")}, {_sums("latency")}
FROM analytics_qualityday
WHERE scope_id = ANY(%(scope_ids)s) AND app_id = ANY(%(app_ids)s) AND kind = %(kind)s
    AND day >= %(first)s AND day < %(end)s
GROUP BY 1
HAVING sum(reported) > 0
"""  # noqa: S608  # Columns of ours.


@dataclass(frozen=True)
class Quality:
    """Figures of one view or more that players reported of; times in milliseconds, shares in percent."""

    # How many views these are.
    reported: int
    failed: int
    exited: int
    played_ms: int
    stalled_ms: int
    stalls: int
    # Views by `analytics.histograms`: by how long they took to start, and by how far behind they were.
    startup: Sequence[int]
    latency: Sequence[int]

    @property
    def startup_p50_ms(self) -> int | None:
        """Half of those that started did so within it; None where none did, or none told."""
        return percentile(self.startup, 50)

    @property
    def startup_p95_ms(self) -> int | None:
        return percentile(self.startup, 95)

    @property
    def latency_p50_ms(self) -> int | None:
        """Half of them were no further behind on average; None where no player could tell."""
        return percentile(self.latency, 50)

    @property
    def latency_p95_ms(self) -> int | None:
        return percentile(self.latency, 95)

    @property
    def rebuffering_percent(self) -> float | None:
        """How much of the time after the start was spent waiting for more; None where nothing was played."""
        return _percent(self.stalled_ms, self.stalled_ms + self.played_ms)

    @property
    def exits_percent(self) -> float | None:
        """How many left before the first picture, without an error."""
        return _percent(self.exited, self.reported)

    @property
    def failures_percent(self) -> float | None:
        """How many players gave up."""
        return _percent(self.failed, self.reported)


def sum_quality(several: Collection[Quality | None]) -> Quality | None:
    """Return that of all views together; None where nobody reported."""
    known = [quality for quality in several if quality is not None]
    if not known:
        return None
    return Quality(
        reported=sum(quality.reported for quality in known),
        failed=sum(quality.failed for quality in known),
        exited=sum(quality.exited for quality in known),
        played_ms=sum(quality.played_ms for quality in known),
        stalled_ms=sum(quality.stalled_ms for quality in known),
        stalls=sum(quality.stalls for quality in known),
        startup=[sum(counts) for counts in zip(*(quality.startup for quality in known), strict=True)],
        latency=[sum(counts) for counts in zip(*(quality.latency for quality in known), strict=True)],
    )


def read_quality(
    key: QualityKey,
    *,
    scope_ids: Collection[UUID],
    app_ids: Collection[UUID],
    during: TimeRange,
    kind: DayKind = DayKind.ALL,
) -> dict[str, Quality]:
    """Return what was reported of views that began on these whole days, by key; one query.

    Of apps, livestreams or sessions (of one of these, for each is also in those above) that are these apps'. What
    nobody reported of is missing.
    """
    values = {
        "scope_ids": list(scope_ids),
        "app_ids": list(app_ids),
        "kind": kind.value,
        "first": during.start.date(),
        "end": during.end.date(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_READ.format(key=key), values)  # type: ignore[arg-type]  # Ids and days.
        return {name: Quality(*figures) for name, *figures in cursor.fetchall()}


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 2) if whole else None
