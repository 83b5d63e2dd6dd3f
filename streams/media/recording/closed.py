"""What a session's journal says of segments that can be recorded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from streams.media.journal import Entry


@dataclass(frozen=True, slots=True)
class ClosedSegment:
    """A closed segment; names are those of files in the slot's folder. `at_ms` since 1970.

    `epoch` and `run` are those of its initialization section; `shows_slate`: no encoder's picture is in it, nor sound.
    """

    slot: str
    msn: int
    name: str
    init_name: str
    epoch: int
    run: int
    at_ms: int
    duration_us: int
    size: int
    shows_slate: bool


class ClosedSegments:
    """Follows a session's journals from the beginning; feed it what `journal.Reader` reads, in that order."""

    def __init__(self) -> None:
        self.is_ended = False

    def feed(self, entries: Sequence[Entry]) -> Iterator[ClosedSegment]:
        """Yield the segments that were closed with them, of all slots.

        A reader that is told to read anew begins with another one of these.
        """
        raise NotImplementedError
