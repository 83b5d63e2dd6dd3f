"""Adding to days what players reported of views: what each view's figures became, less what they were."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple, Protocol
from uuid import UUID

from django.db import connection

from analytics.histograms import SLOTS, slot_of
from analytics.models import DayKind

_ADD = """
    INSERT INTO analytics_qualityday AS kept (
        scope_id, kind, day, key, app_id, reported, failed, exited, played_ms, stalled_ms, stalls, startup, latency
    )
    SELECT scope_id, kind, day, key, app_id, reported, failed, exited, played_ms, stalled_ms, stalls, startup::int[],
        latency::int[]
    FROM unnest(
        %s::uuid[], %s::text[], %s::date[], %s::text[], %s::uuid[], %s::int[], %s::int[], %s::int[], %s::bigint[],
        %s::bigint[], %s::bigint[], %s::text[], %s::text[]
    ) AS added (
        scope_id, kind, day, key, app_id, reported, failed, exited, played_ms, stalled_ms, stalls, startup, latency
    )
    ON CONFLICT (scope_id, kind, day, key) DO UPDATE SET
        reported = kept.reported + excluded.reported,
        failed = kept.failed + excluded.failed,
        exited = kept.exited + excluded.exited,
        played_ms = kept.played_ms + excluded.played_ms,
        stalled_ms = kept.stalled_ms + excluded.stalled_ms,
        stalls = kept.stalls + excluded.stalls,
        startup = (
            SELECT array_agg(before + more ORDER BY place)
            FROM unnest(kept.startup, excluded.startup) WITH ORDINALITY AS both_of (before, more, place)
        ),
        latency = (
            SELECT array_agg(before + more ORDER BY place)
            FROM unnest(kept.latency, excluded.latency) WITH ORDINALITY AS both_of (before, more, place)
        )
"""


class Told(Protocol):
    """What a player has reported of a view so far; times in milliseconds."""

    @property
    def startup_ms(self) -> int | None: ...
    @property
    def latency_ms(self) -> int | None: ...
    @property
    def played_ms(self) -> int: ...
    @property
    def stalled_ms(self) -> int: ...
    @property
    def stalls(self) -> int: ...
    @property
    def failed(self) -> bool: ...
    @property
    def exited_before_start(self) -> bool: ...


class WrittenFigures(NamedTuple):
    """The same, as a view's row has it."""

    startup_ms: int | None
    latency_ms: int | None
    played_ms: int
    stalled_ms: int
    stalls: int
    failed: bool
    exited_before_start: bool


class ToldOf(NamedTuple):
    """Of which views: those of a broadcast that began on a UTC day, in a country, on a kind of device."""

    app: UUID
    livestream: UUID
    session: UUID
    day: date
    # Empty where it is not known.
    country: str
    device: str

    @property
    def parts(self) -> tuple[tuple[DayKind, str], ...]:
        """As which rows of a day they are counted."""
        return (DayKind.ALL, ""), (DayKind.COUNTRY, self.country), (DayKind.DEVICE, self.device)


class ToldChange(NamedTuple):
    """What a view's figures were, and what they are now; None before anything was reported, and when it is removed."""

    of: ToldOf
    before: Told | None
    after: Told | None


class _Tally:
    """Counts to be added, or where they are negative taken away."""

    __slots__ = ("counts", "latency", "startup")

    def __init__(self) -> None:
        # Reported, failed, exited, played, stalled, stalls.
        self.counts = [0] * 6
        self.startup, self.latency = [0] * SLOTS, [0] * SLOTS

    def count(self, told: Told | None, sign: int) -> None:
        if told is None:
            return
        figures = (1, told.failed, told.exited_before_start, told.played_ms, told.stalled_ms, told.stalls)
        for place, figure in enumerate(figures):
            self.counts[place] += sign * figure
        if told.startup_ms is not None:
            self.startup[slot_of(told.startup_ms)] += sign
        if told.latency_ms is not None:
            self.latency[slot_of(told.latency_ms)] += sign

    def add(self, other: "_Tally") -> None:
        for own, more in ((self.counts, other.counts), (self.startup, other.startup), (self.latency, other.latency)):
            own[:] = [sum(both) for both in zip(own, more, strict=True)]

    @property
    def row(self) -> list[object]:
        return [*self.counts, _array(self.startup), _array(self.latency)]


def add_changes(changes: Iterable[ToldChange]) -> None:
    """Add what has changed to the days of apps, livestreams and sessions; one statement."""
    of_views: dict[ToldOf, _Tally] = defaultdict(_Tally)
    for change in changes:
        tally = of_views[change.of]
        tally.count(change.before, -1)
        tally.count(change.after, 1)
    rows: dict[tuple[UUID, str, date, str, UUID], _Tally] = defaultdict(_Tally)
    for of, tally in of_views.items():
        if not any((*tally.counts, *tally.startup, *tally.latency)):
            continue
        for scope in (of.app, of.livestream, of.session):
            for kind, key in of.parts:
                rows[scope, kind.value, of.day, key, of.app].add(tally)
    if not rows:
        return
    # In one order everywhere: two collectors may have the same rows to change.
    written = [(*key, *rows[key].row) for key in sorted(rows)]
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [list(column) for column in zip(*written, strict=True)])


def _array(counts: list[int]) -> str:
    return f"{{{','.join(map(str, counts))}}}"
