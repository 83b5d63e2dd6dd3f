"""What the system page shows of edges: told by whoever counts there, which this app knows nothing of."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class EdgeRow:
    """An edge as its collector has told of it; `label` and `tone` are those of its pill."""

    name: str
    label: str
    tone: str
    heard_at: datetime
    # Told apart by an id, and by address, which is an estimate; None while it is silent.
    counted: int | None
    estimated: int | None
    # Of its log: lines that were counted, those that were not, and in words why not, the commonest first.
    lines: int
    rejected: int
    why_rejected: str


_readers: list[Callable[[], list[EdgeRow]]] = []


def use_reader(reader: Callable[[], list[EdgeRow]]) -> None:
    """Have the system page show what `reader` tells (from `AppConfig.ready`)."""
    _readers.append(reader)


def list_edges() -> list[EdgeRow]:
    """Return the edges that were heard of lately, by name."""
    return [row for reader in _readers for row in reader()]
