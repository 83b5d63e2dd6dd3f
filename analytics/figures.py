"""What Prometheus is told of who watches and of the collectors: two questions, however many views there are."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Sum
from prometheus_client.core import Metric

from analytics.batches import NOW_HOLDS_S
from analytics.heard import FORGOTTEN_AFTER
from analytics.models import LogCursor, SessionNow
from analytics.selectors import SILENT_AFTER
from livehub.core import clock
from livehub.metrics import count_up, gauge
from streams.system.edges import EdgeRow

# The words are ours, but an edge node may be of another version.
_REASONS_MAX = 20
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
_WATCHING = "SELECT coalesce(sum(counted), 0), coalesce(sum(estimated), 0) FROM analytics_sessionnow WHERE at >= %s"


def find_figures() -> Iterator[Metric]:
    """Yield how many watch now, and how far each edge's collector is."""
    now = clock.now()
    yield _of_viewers(now)
    yield from _of_collectors(now)


def list_edges() -> list[EdgeRow]:
    """Return each edge as its collector has told of it, for the system page."""
    now = clock.now()
    since = now - timedelta(seconds=NOW_HOLDS_S)
    watching = {
        row["edge"]: (row["counted"], row["estimated"])
        for row in SessionNow.objects.filter(at__gte=since)
        .values("edge")
        .annotate(counted=Sum("counted"), estimated=Sum("estimated"))
        .values("edge", "counted", "estimated")
    }
    rows = []
    for each in LogCursor.objects.filter(heard_at__gt=now - FORGOTTEN_AFTER).order_by("edge"):
        is_heard = now - each.heard_at < SILENT_AFTER
        label, tone = ("Runs", "live") if is_heard else ("Silent", "bad")
        counted, estimated = watching.get(each.edge, (0, 0)) if is_heard else (None, None)
        rejected = sum(each.rejected.values())
        why = _why_rejected(each.rejected)
        rows.append(EdgeRow(each.edge, label, tone, each.heard_at, counted, estimated, each.lines, rejected, why))
    return rows


def _why_rejected(rejected: Mapping[str, int]) -> str:
    """Return the commonest reasons in words: 1,500 of crawlers, 2 broken off."""
    common = sorted(rejected.items(), key=lambda item: (-item[1], item[0]))
    told = [f"{lines:,} {_REASON_WORDS.get(reason, reason)}" for reason, lines in common[:_REASONS_SAID]]
    return ", ".join(told) + (" and others" if len(common) > _REASONS_SAID else "")


def _of_viewers(now: datetime) -> Metric:
    with connection.cursor() as cursor:
        cursor.execute(_WATCHING, [now - timedelta(seconds=NOW_HOLDS_S)])
        counted, estimated = cursor.fetchone()
    values = {"id": float(counted), "address": float(estimated)}
    return gauge("viewers", "Who watches now, by what they are told from each other.", "told_by", values)


def _of_collectors(now: datetime) -> Iterator[Metric]:
    cursors = list(LogCursor.objects.filter(heard_at__gt=now - FORGOTTEN_AFTER).order_by("edge"))
    yield gauge(
        "collector_delay_seconds",
        "For how long the collector of an edge has not been heard of.",
        "edge",
        {each.edge: max(0.0, (now - each.heard_at).total_seconds()) for each in cursors},
    )
    yield count_up(
        "collector_lines",
        "Lines of its log that were counted.",
        "edge",
        {each.edge: float(each.lines) for each in cursors},
    )
    yield count_up(
        "collector_rejected_lines",
        "Lines of its log that count for nothing, by why.",
        "edge reason",
        {(each.edge, reason): lines for each in cursors for reason, lines in _by_reason(each.rejected).items()},
    )


def _by_reason(rejected: Mapping[str, int]) -> dict[str, float]:
    found: dict[str, float] = {}
    for reason, lines in sorted(rejected.items()):
        key = reason if len(found) < _REASONS_MAX else "other"
        found[key] = found.get(key, 0.0) + lines
    return found
