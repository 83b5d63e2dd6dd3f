"""Which edges are heard of, and who watches through each: one look, by which all go who tell of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import OuterRef, Subquery, Sum

from analytics.models import LogCursor, SessionNow
from analytics.selectors import NOW_HOLDS, SILENT_AFTER
from livehub.core import clock
from streams.system.components import Component
from streams.system.edges import EdgeRow, Edges

# An edge that was taken away is missed for so long.
FORGOTTEN_AFTER = timedelta(days=1)
_NAMED_AT_MOST = 3
# To people on the system page: the commonest of them.
_REASONS_SAID = 3
_REASON_WORDS = {
    "bot": "of crawlers",
    "cdn": "of a CDN",
    "event": "of no known kind",
    "foreign": "reports of what is not there",
    "long": "too long",
    "partial": "broken off",
    "report": "reports that cannot be read",
    "sid": "of a second session id",
    "time": "of another time",
    "too_many": "of too many new ids at one address",
    "torn": "torn",
    "unknown": "of no media that there is",
}


@dataclass(frozen=True)
class HeardEdge:
    """An edge as its collector has told of it; `watching` is how many are told apart by an id, and by address.

    Of one that is silent nobody knows who watches: None, and no zero.
    """

    name: str
    heard_at: datetime
    # For how long it has not been heard of.
    delay_s: float
    watching: tuple[int, int] | None
    # Of its log; those that count for nothing by why.
    lines: int
    rejected: Mapping[str, int]

    @property
    def is_silent(self) -> bool:
        return self.watching is None


def list_heard_edges() -> list[HeardEdge]:
    """Return the edges that were heard of within a day, by name: one query, however many broadcasts there are."""
    now = clock.now()
    cursors = LogCursor.objects.filter(heard_at__gt=now - FORGOTTEN_AFTER).order_by("edge")
    found = cursors.annotate(counted=_sum_of("counted", now=now), estimated=_sum_of("estimated", now=now))
    return [
        HeardEdge(
            each.edge,
            each.heard_at,
            max(0.0, (now - each.heard_at).total_seconds()),
            (each.counted or 0, each.estimated or 0) if now - each.heard_at <= SILENT_AFTER else None,
            each.lines,
            each.rejected,
        )
        for each in found
    ]


def look_at_edges() -> Edges:
    """Return what the system page shows of them: whether all are heard of, and each of them."""
    found = list_heard_edges()
    return Edges([_component(found)], [_row(each) for each in found])


def _sum_of(column: str, *, now: datetime) -> Subquery:
    said = SessionNow.objects.filter(edge=OuterRef("edge"), at__gte=now - NOW_HOLDS)
    return Subquery(said.order_by().values("edge").annotate(total=Sum(column)).values_list("total"))


def _component(edges: Sequence[HeardEdge]) -> Component:
    name, about = "Viewers", "Collectors of all edges: they tell who watches, and what was watched"
    if not edges:
        return Component(name, about, "Not heard yet", "warn")
    silent = sorted((edge for edge in edges if edge.is_silent), key=lambda edge: edge.heard_at)
    if not silent:
        return Component(name, about, "Heard", "live", heard_at=max(edge.heard_at for edge in edges))
    shown = ", ".join(edge.name for edge in silent[:_NAMED_AT_MOST])
    more = f" and {len(silent) - _NAMED_AT_MOST} more" if len(silent) > _NAMED_AT_MOST else ""
    trouble = f"Who watches at {shown}{more} is not counted at the moment: see collector.log there."
    return Component(name, about, "Silent", "bad", trouble, since=silent[0].heard_at)


def _row(edge: HeardEdge) -> EdgeRow:
    label, tone = ("Silent", "bad") if edge.is_silent else ("Heard", "live")
    counted, estimated = edge.watching or (None, None)
    return EdgeRow(
        edge.name,
        label,
        tone,
        edge.heard_at,
        counted,
        estimated,
        edge.lines,
        sum(edge.rejected.values()),
        _why_rejected(edge.rejected),
    )


def _why_rejected(rejected: Mapping[str, int]) -> str:
    """Return the commonest reasons in words: 1,500 of crawlers, 2 broken off."""
    common = sorted(rejected.items(), key=lambda item: (-item[1], item[0]))
    told = [f"{lines:,} {_REASON_WORDS.get(reason, reason)}" for reason, lines in common[:_REASONS_SAID]]
    return ", ".join(told) + (" and others" if len(common) > _REASONS_SAID else "")
