"""What Prometheus is told of who watches and of the collectors: one question, however many views there are."""

from collections.abc import Iterator, Mapping, Sequence

from prometheus_client.core import Metric

from analytics.heard import HeardEdge, list_heard_edges
from livehub.metrics import count_up, gauge

# The words are ours, but an edge node may be of another version.
_REASONS_MAX = 20


def find_figures() -> Iterator[Metric]:
    """Yield how many watch now, and how far each edge's collector is."""
    edges = list_heard_edges()
    yield _of_viewers(edges)
    yield from _of_collectors(edges)


def _of_viewers(edges: Sequence[HeardEdge]) -> Metric:
    """Leave out edges that are silent: nobody knows who watches there, and that is no zero."""
    values: dict[tuple[str, str], float] = {}
    for edge in edges:
        if edge.watching is not None:
            counted, estimated = edge.watching
            values |= {(edge.name, "id"): float(counted), (edge.name, "address"): float(estimated)}
    return gauge("viewers", "Who watches now, by what they are told from each other.", "edge told_by", values)


def _of_collectors(edges: Sequence[HeardEdge]) -> Iterator[Metric]:
    yield gauge(
        "collector_delay_seconds",
        "For how long the collector of an edge has not been heard of.",
        "edge",
        {each.name: each.delay_s for each in edges},
    )
    yield count_up(
        "collector_lines",
        "Lines of its log that were counted.",
        "edge",
        {each.name: float(each.lines) for each in edges},
    )
    yield count_up(
        "collector_rejected_lines",
        "Lines of its log that count for nothing, by why.",
        "edge reason",
        {(each.name, reason): lines for each in edges for reason, lines in _by_reason(each.rejected).items()},
    )


def _by_reason(rejected: Mapping[str, int]) -> dict[str, float]:
    found: dict[str, float] = {}
    for reason, lines in sorted(rejected.items()):
        key = reason if len(found) < _REASONS_MAX else "other"
        found[key] = found.get(key, 0.0) + lines
    return found
