"""What the system page shows of edges: told by whoever counts there, which this app knows nothing of."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from streams.system.components import Component


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


@dataclass(frozen=True)
class Edges:
    """All of one look, so that what stands among the parts and what each edge shows never contradict each other."""

    components: list[Component]
    # Those that were heard of lately, by name.
    rows: list[EdgeRow]


_readers: list[Callable[[], Edges]] = []


def use_reader(reader: Callable[[], Edges]) -> None:
    """Have the system page show what `reader` tells (from `AppConfig.ready`)."""
    _readers[:] = [reader]


def look_at_edges() -> Edges:
    """Return how they are now."""
    return _readers[0]() if _readers else Edges([], [])
