"""What needs a hand, as the overview lists it: whoever knows of something tells, and the overview knows none of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from streams.organizations.models import Organization


@dataclass(frozen=True)
class Concern:
    """One thing that somebody should look at; `label` and `tone` are those of its pill."""

    label: str
    tone: str
    name: str
    # May be empty.
    reason: str
    # Since when, if anybody knows.
    at: datetime | None
    url: str


_finders: list[Callable[[Organization], Sequence[Concern]]] = []


def add_finder(finder: Callable[[Organization], Sequence[Concern]]) -> None:
    """Have the overview ask `finder` as well (from `AppConfig.ready`)."""
    _finders.append(finder)


def find_concerns(organization: Organization) -> list[Concern]:
    """Return what the finders know of, in the order in which they were added."""
    return [concern for finder in _finders for concern in finder(organization)]
