"""What stands on a session's shelf, and what earlier epochs have left of it."""

from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from streams.media import journal
from streams.media.journal import Dropped, Entry, PartMade, SegmentClosed, SegmentGrown


@dataclass(slots=True)
class Segment:
    """What is known of a segment; `parts` are those that were told of."""

    epoch: int
    msn: int
    at_ms: int = 0
    duration_us: int = 0
    size: int = 0
    key_size: int = 0
    parts: list[str] = field(default_factory=list)
    # Of one that has parts, written in one step when it is closed: until then they are there for who goes on with it.
    contents: list[bytes] = field(default_factory=list)

    @property
    def name(self) -> str:
        return journal.segment_name(epoch=self.epoch, msn=self.msn)

    @property
    def growing_name(self) -> str:
        # Whoever asks for it too early gets nothing, rather than a beginning to keep for a year.
        return f".{self.name}"


class Slot:
    """A rendition's segments, by their files; `with_parts` are those of which parts may still be there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.closed: deque[Segment] = deque()
        self.with_parts: deque[Segment] = deque()
        self.open: Segment | None = None
        self.next_msn = 0
        # How long all that are closed last.
        self._closed_us = 0

    def take(self, entry: Entry) -> None:
        """Take in what an earlier epoch has written down."""
        record = entry.record
        if isinstance(record, PartMade | SegmentGrown):
            segment = self._grow(entry.epoch, record)
            if isinstance(record, PartMade):
                segment.parts.append(journal.part_name(epoch=entry.epoch, msn=record.msn, part=record.part))
            else:
                segment.key_size = record.key_size
        elif isinstance(record, SegmentClosed):
            segment = Segment(entry.epoch, record.msn, record.at_ms)
            if self.open and self.open.msn == record.msn:
                segment = self.open
            segment.epoch, segment.duration_us = entry.epoch, record.duration_us
            self.shelve(segment)
        elif isinstance(record, Dropped):
            while self.closed and self.closed[0].msn < record.first_msn:
                self.drop()

    def _grow(self, epoch: int, record: PartMade | SegmentGrown) -> Segment:
        segment = self.open
        if segment is None or (segment.epoch, segment.msn) != (epoch, record.msn):
            # The one before was given up.
            segment = self.open = Segment(epoch, record.msn, record.at_ms)
        segment.duration_us += record.duration_us
        segment.size += record.size
        self.next_msn = record.msn
        return segment

    def shelve(self, segment: Segment) -> None:
        self.closed.append(segment)
        self._closed_us += segment.duration_us
        self.with_parts.append(segment)
        self.open, self.next_msn = None, segment.msn + 1

    def drop(self) -> Segment:
        """Let go of the oldest."""
        segment = self.closed.popleft()
        self._closed_us -= segment.duration_us
        return segment

    def is_more_than(self, window_us: int) -> bool:
        """Tell whether the oldest is further back than that, by the media's own time: clocks of machines are set."""
        return self._closed_us - self.closed[0].duration_us > window_us
