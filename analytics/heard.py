"""Which edges are heard of, and who watches through each: one look, by which all go who tell of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from analytics.selectors import NOW_HOLDS, SILENT_AFTER
from livehub.core import clock
from streams.system.components import Component
from streams.system.edges import EdgeRow, Edges

# An edge that has gone without a word is missed for so long.
FORGOTTEN_AFTER = timedelta(days=1)
_NAMED_AT_MOST = 3
_HEARD = """
    SELECT log.edge, heard_at, lines, rejected::text, coalesce(counted, 0), coalesce(estimated, 0)
    FROM analytics_logcursor AS log
    LEFT JOIN (
        SELECT edge, sum(counted) AS counted, sum(estimated) AS estimated
        FROM analytics_sessionnow WHERE at >= %s GROUP BY edge
    ) AS said ON said.edge = log.edge
    WHERE log.heard_at > %s AND NOT has_left
    ORDER BY log.edge
"""
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
    """Return the edges that were heard of within a day and have not left, by name: one query."""
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(_HEARD, [now - NOW_HOLDS, now - FORGOTTEN_AFTER])
        return [
            HeardEdge(
                edge,
                heard_at,
                max(0.0, (now - heard_at).total_seconds()),
                (counted, estimated) if now - heard_at <= SILENT_AFTER else None,
                lines,
                json.loads(rejected),
            )
            for edge, heard_at, lines, rejected, counted, estimated in cursor
        ]


def look_at_edges() -> Edges:
    """Return what the system page shows of them: whether all are heard of, and each of them."""
    found = list_heard_edges()
    return Edges([_component(found)], [_row(each) for each in found])


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
