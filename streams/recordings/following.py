"""What a broadcast has made since a recording looked last.

Journals of long broadcasts are long, so who follows one is remembered by this process; another process, or one that
something went wrong in, reads from the beginning, and knows by the rows what has been taken.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from streams.media.journal import Reader
from streams.media.recording.closed import ClosedSegment, ClosedSegments

PICTURE, SOUND = "v0", "a0"
SLOTS = (PICTURE, SOUND)
# As many as a machine may carry, several times over.
_REMEMBERED = 512


@dataclass
class Follower:
    """Reads the journals of one broadcast for one recording."""

    folder: Path
    # What was read and not taken yet, in order.
    found: list[ClosedSegment] = field(default_factory=list)
    # Why something is missing before what comes next, by slot.
    gaps: dict[str, str] = field(default_factory=dict)
    # How much was lost since the last that was taken, in microseconds, by slot and reason.
    lost_us: dict[str, dict[str, int]] = field(default_factory=dict)
    # Segments that have been read, by slot: when the newest began, since 1970.
    seen_ms: dict[str, int] = field(default_factory=dict)
    _reader: Reader | None = None
    _closed: ClosedSegments = field(default_factory=ClosedSegments)

    def lose(self, segment: ClosedSegment, reason: str) -> None:
        """Take note of a segment that cannot be taken."""
        self.gaps[segment.slot] = reason
        of_slot = self.lost_us.setdefault(segment.slot, {})
        of_slot[reason] = of_slot.get(reason, 0) + segment.duration_us

    def losses(self) -> list[dict[str, object]]:
        """Return what could not be taken since the last that was: objects of `length_us` and `reason`."""
        most = max(self.lost_us.values(), key=lambda of_slot: sum(of_slot.values()), default={})
        return [{"length_us": length_us, "reason": reason} for reason, length_us in most.items()]

    @property
    def is_ended(self) -> bool:
        """Nothing will follow."""
        return self._closed.is_ended

    def read(self) -> None:
        """Take in what has been closed since.

        :raises JournalError: when what stands there is not a journal.
        :raises OSError: when it cannot be read.
        """
        if self._reader is None:
            self._reader = Reader(self.folder)
        is_anew, entries = self._reader.read()
        if is_anew:
            self._closed, self.found = ClosedSegments(), []
            self.lost_us = {}
        for segment in self._closed.feed(entries):
            if segment.slot in SLOTS:
                self.found.append(segment)
                self.seen_ms[segment.slot] = segment.at_ms


class Followers:
    """Those that this process remembers, the ones used last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of = OrderedDict[UUID, Follower]()

    def take_out(self, recording_id: UUID, *, folder: Path) -> Follower:
        """Return the recording's, or a new one; it is forgotten until it is put back, so that a failure begins anew."""
        with self._lock:
            return self._of.pop(recording_id, None) or Follower(folder)

    def put_back(self, recording_id: UUID, follower: Follower) -> None:
        with self._lock:
            self._of[recording_id] = follower
            while len(self._of) > _REMEMBERED:
                self._of.popitem(last=False)


class KeptApart:
    """Lets one thread of this process at a time do something with a recording; others leave it to that one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._busy: set[UUID] = set()

    @contextmanager
    def alone(self, recording_id: UUID) -> Iterator[bool]:
        """Tell the block whether it may."""
        with self._lock:
            may = recording_id not in self._busy
            if may:
                self._busy.add(recording_id)
        try:
            yield may
        finally:
            if may:
                with self._lock:
                    self._busy.discard(recording_id)
