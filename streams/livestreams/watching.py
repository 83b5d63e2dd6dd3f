"""How many watch a session: whoever counts viewers tells, and pages and API know nothing of how."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class SessionViewers:
    """Who watches now and how many did at most; `counted` and `estimated` are None while nobody knows: that is no zero.

    Counted are those who are told apart by an id; estimated those by their address alone.
    """

    counted: int | None = None
    estimated: int | None = None
    # As of when; while nobody knows, when that was known last, if it ever was.
    as_of: datetime | None = None
    peak: int = 0
    peak_estimated: int = 0
    peak_at: datetime | None = None
    # By what their players say, since a CDN fetches for all; else by what was delivered to them.
    are_reported: bool = False

    @property
    def now(self) -> int | None:
        """All who watch now."""
        return None if self.counted is None or self.estimated is None else self.counted + self.estimated


_Reader = Callable[[Collection[UUID]], Mapping[UUID, SessionViewers]]
_readers: list[_Reader] = []


def use_reader(reader: _Reader) -> None:
    """Have `viewers_of` ask this one (from `AppConfig.ready`)."""
    _readers[:] = [reader]


def viewers_of(sessions: Collection[UUID]) -> dict[UUID, SessionViewers]:
    """Return the viewers of each session, in one query."""
    found = _readers[0](sessions) if _readers and sessions else {}
    return {session: found.get(session, SessionViewers()) for session in sessions}
