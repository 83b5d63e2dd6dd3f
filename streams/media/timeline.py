"""What the playlists of one session say, made of its journal's records, one by one.

Every slot has segments that are closed and perhaps one that is being made. Records come in the journal's order; what a
playlist does not list any more is forgotten, so that twelve hours fit into little memory.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from streams.media.journal import (
    Dropped,
    Ended,
    Entry,
    JournalError,
    Opened,
    PartMade,
    RunBegan,
    SegmentClosed,
    SlotBegan,
    init_name,
    part_name,
    segment_name,
)

# Players that are told of parts are closer to the end than that. Source: RFC 8216bis 6.2.2.
SEGMENTS_WITH_PARTS = 3
# What a playlist lists at least, and all that it lists of the live edge.
_EDGE_SEGMENTS = 6
# Less than that must not be left in a playlist. Source: RFC 8216bis 6.2.2.
_LEAST_TARGETS = 3
_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Run:
    """Media between discontinuities; the initialization section is named after the epoch that it began in."""

    number: int
    epoch: int

    @property
    def init_name(self) -> str:
        return init_name(epoch=self.epoch, run=self.number)


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    duration_us: int
    is_independent: bool


@dataclass(slots=True)
class Segment:
    """One that is closed. `key_size` bytes show its first picture; `start_us` counts from the slot's beginning.

    `text` is for whoever writes it down: long playlists are made of thousands that never change.
    """

    msn: int
    epoch: int
    run: Run
    at_ms: int
    start_us: int
    duration_us: int
    key_size: int
    # Some were seen, and who made it did not live to close it.
    is_gap: bool = False
    parts: tuple[Part, ...] = ()
    text: str = ""

    @property
    def name(self) -> str:
        return segment_name(epoch=self.epoch, msn=self.msn)


@dataclass(frozen=True, slots=True)
class Passage:
    """What a playlist says of the closed segments of these numbers, the first to the last: the same part by part."""

    msns: tuple[int, int]
    text: str


@dataclass(slots=True)
class Opening:
    """The segment that is being made, of which there are parts."""

    msn: int
    run: Run
    epoch: int
    at_ms: int
    parts: list[Part] = field(default_factory=list)


class SlotTimeline:
    """One media playlist's worth."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.run = Run(0, 0)
        # Closed and kept, oldest first, without holes in their numbers.
        self.segments: list[Segment] = []
        self.opening: Opening | None = None
        # The number of the segment that is being made, or of the one to come.
        self.next_msn = 0
        self.passages: dict[str, Passage] = {}

    @property
    def is_empty(self) -> bool:
        return not self.segments and self.opening is None

    @property
    def end_us(self) -> int:
        """Where the closed segments end."""
        return self.segments[-1].start_us + self.segments[-1].duration_us if self.segments else 0

    @property
    def next_part(self) -> tuple[int, int]:
        """The number of the part that comes next: of the segment that is being made for as long as that has no end."""
        return self.next_msn, len(self.opening.parts) if self.opening else 0

    @property
    def last(self) -> tuple[int, int | None]:
        """The number of the newest segment, or part of one, where there is any. Source: RFC 8216bis 4.4.5.4."""
        if self.opening:
            return self.opening.msn, len(self.opening.parts) - 1
        parts = self.segments[-1].parts
        return self.next_msn - 1, len(parts) - 1 if parts else None

    def has(self, *, msn: int, part: int | None) -> bool:
        """Tell whether a playlist that was asked for can be answered.

        A part behind a segment's last is the first of the next one. Source: RFC 8216bis 6.2.5.2.
        """
        if part is None or msn != self.next_msn - 1:
            return msn < self.next_msn or (part is not None and (msn, part) < self.next_part)
        parts = self.segments[-1].parts if self.segments else ()
        return self.opening is not None or not parts or part < len(parts)

    def part(self, name: str) -> Part | None:
        """Return a part that is listed, or was a moment ago."""
        known = [part for segment in self.segments[-SEGMENTS_WITH_PARTS - 1 :] for part in segment.parts]
        return next(
            (part for part in (*known, *(self.opening.parts if self.opening else ())) if part.name == name), None
        )

    def add_part(self, record: PartMade, *, epoch: int, run: Run) -> None:
        made = self.opening
        if made is not None and (made.msn, made.epoch) != (record.msn, epoch):
            self._abandon(made, is_followed=made.msn != record.msn)
            made = None
        # A reader that left out what is old begins within a segment.
        if record.part != (len(made.parts) if made else 0):
            return
        if made is None:
            self._go_on_at(record.msn)
            made = self.opening = Opening(record.msn, run, epoch, record.at_ms)
        name = part_name(epoch=epoch, msn=record.msn, part=record.part)
        made.parts.append(Part(name, record.duration_us, bool(record.is_independent)))

    def close(self, record: SegmentClosed, *, epoch: int, run: Run) -> None:
        made, self.opening = self.opening, None
        if made is not None and made.msn != record.msn:
            self._abandon(made, is_followed=True)
            made = None
        self._go_on_at(record.msn)
        self._append(
            Segment(
                record.msn,
                epoch,
                made.run if made else run,
                record.at_ms,
                self.end_us,
                record.duration_us,
                record.key_size or record.size,
                parts=_all_parts(made, duration_us=record.duration_us),
            )
        )

    def _abandon(self, made: Opening, *, is_followed: bool) -> None:
        """Keep the number of a segment that nobody closed, unless it is made again."""
        self.opening = None
        if is_followed:
            duration_us = sum(part.duration_us for part in made.parts)
            self._append(Segment(made.msn, made.epoch, made.run, made.at_ms, self.end_us, duration_us, 0, is_gap=True))

    def _append(self, segment: Segment) -> None:
        self.segments.append(segment)
        self.next_msn = segment.msn + 1
        if len(self.segments) > SEGMENTS_WITH_PARTS + 1:
            self.segments[-SEGMENTS_WITH_PARTS - 2].parts = ()

    def _go_on_at(self, msn: int) -> None:
        """Make room for a number: a playlist counts without holes, so what stands before one is not listed any more."""
        if self.is_empty:
            self.next_msn = msn
        elif msn < self.next_msn:
            raise JournalError(f"Segment {msn} of {self.name} cannot come after {self.next_msn - 1}.")
        elif msn > self.next_msn:
            self.segments, self.next_msn = [], msn

    def drop(self, *, first_msn: int) -> None:
        if self.segments:
            del self.segments[: max(0, first_msn - self.segments[0].msn)]

    def first_within(self, window_us: int, *, target_s: int) -> int:
        """Return the place of the first segment of a playlist that goes back so far; never less than a player needs."""
        within = bisect_left(self.segments, self.end_us - window_us, key=_start_us)
        # The last one from which on enough is left.
        least = bisect_right(self.segments, self.end_us - _LEAST_TARGETS * target_s * _US, key=_start_us) - 1
        return max(0, min(within, least, len(self.segments) - _EDGE_SEGMENTS))


class SessionTimeline:
    """A session's playlists as they are by now."""

    def __init__(self) -> None:
        self.part_target_us = 0
        self.target_s = 0
        self.dvr_window_s = 0
        self.epoch = 0
        self.is_ended = False
        self.slots: dict[str, SlotTimeline] = {}
        self._run = Run(0, 0)

    @property
    def has_parts(self) -> bool:
        return self.part_target_us > 0 and not self.is_ended

    def is_current(self, slot: SlotTimeline) -> bool:
        """Tell whether the present run goes on with it; the one before may have had more renditions."""
        return slot.run.epoch == self._run.epoch

    def listed(self, slot: SlotTimeline, *, is_edge: bool = False) -> list[Segment]:
        """Return the closed segments that a playlist goes back to; the same after the end, so that none goes back."""
        window_us = 0 if is_edge else self.dvr_window_s * _US
        return slot.segments[slot.first_within(window_us, target_s=self.target_s) :]

    def feed(self, entries: Sequence[Entry]) -> None:
        """Take in what was written next.

        :raises JournalError: when it cannot follow on what is there.
        """
        for entry in entries:
            if self.is_ended:
                return
            self.epoch = entry.epoch
            self._feed(entry)

    def _feed(self, entry: Entry) -> None:
        record = entry.record
        if isinstance(record, PartMade):
            slot = self._slot(record.slot)
            slot.add_part(record, epoch=entry.epoch, run=slot.run)
        elif isinstance(record, SegmentClosed):
            slot = self._slot(record.slot)
            slot.close(record, epoch=entry.epoch, run=slot.run)
        elif isinstance(record, Dropped):
            self._slot(record.slot).drop(first_msn=record.first_msn)
        elif isinstance(record, SlotBegan):
            self.slots.setdefault(record.slot, SlotTimeline(record.slot)).run = self._run
        elif isinstance(record, RunBegan):
            self._run = Run(record.number, entry.epoch)
        elif isinstance(record, Ended):
            self.is_ended = True
        elif isinstance(record, Opened):
            self._open(record)

    def _open(self, record: Opened) -> None:
        # A playlist never goes back to what it has left. Source: RFC 8216bis 6.2.1.
        for slot in self.slots.values():
            listed = self.listed(slot)
            slot.drop(first_msn=listed[0].msn if listed else 0)
        self.dvr_window_s = record.dvr_window_s
        # Nor do its targets change.
        if not self.target_s:
            self.part_target_us = record.part_target_us
            self.target_s = record.target_s

    def _slot(self, name: str) -> SlotTimeline:
        try:
            return self.slots[name]
        except KeyError:
            raise JournalError(f"{name} has not begun.") from None


def _all_parts(made: Opening | None, *, duration_us: int) -> tuple[Part, ...]:
    """Return a segment's parts, none when there is more in it: some are too long to be told of."""
    if made is None or sum(part.duration_us for part in made.parts) != duration_us:
        return ()
    return tuple(made.parts)


def _start_us(segment: Segment) -> int:
    return segment.start_us
