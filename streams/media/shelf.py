"""A session's files on this node: parts and segments of its slots, the journal that tells of them, and their end.

One folder for the session, whoever runs it: a later epoch goes on where the one before has stopped.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from streams.media import journal
from streams.media.journal import Dropped, Entry, Opened, PartMade, Record, RunBegan, SegmentClosed, SlotBegan
from streams.media.playlist import Bitrates
from streams.media.shelved import ShelvedSegment, ShelvedSlot

# Segments whose parts can be fetched: those whose parts are listed, and some for who read an older playlist.
_SEGMENTS_WITH_PARTS = 5
# Kept at least, with or without a window to go back in, and for how long after they have left it.
_LEAST_SEGMENTS = 8
_GRACE_US = 30_000_000


@dataclass(frozen=True)
class Made:
    """A part, or what is written of a segment where there are none; `at_ms` since 1970."""

    at_ms: int
    duration_us: int
    is_independent: bool
    # In its segment alone.
    is_hidden: bool
    # How many of its bytes are enough to show its first picture; 0 where that is no key frame.
    key_size: int
    pieces: Sequence[bytes | memoryview]

    @property
    def size(self) -> int:
        return sum(len(piece) for piece in self.pieces)


class Shelf:
    """Takes what a packager makes, and tells of it; `told` is called after each thing that was written down."""

    def __init__(
        self,
        folder: Path,
        *,
        epoch: int,
        part_target_s: float,
        target_s: int,
        dvr_window_s: int,
        told: Callable[[], None],
    ) -> None:
        """Go on with what earlier epochs have left.

        :raises OSError: when it cannot be written.
        """
        self._folder = folder
        self._epoch = epoch
        self._told = told
        self._slots: dict[str, ShelvedSlot] = {}
        self.bitrates: dict[str, Bitrates] = {}
        self._stand_ins: dict[str, tuple[str, ...]] = {}
        self._run = -1
        folder.mkdir(parents=True, exist_ok=True)
        reader = journal.Reader(folder, leaves_old_parts_out=True)
        _, entries = reader.read()
        opened = Opened(epoch, round(part_target_s * 1_000_000), target_s, dvr_window_s, *reader.position)
        for entry in entries:
            self._recall(entry)
        opened = self._like_the_first(opened, entries)
        # What players were told of, whatever this epoch would choose.
        self.part_target_s = opened.part_target_us / 1_000_000
        self._window_us = opened.dvr_window_s * 1_000_000
        self._writer = journal.Writer(folder, opened)
        self._close_what_others_left()

    def begin_run(self, slots: Mapping[str, SlotBegan], inits: Mapping[str, bytes]) -> None:
        """Let another ffmpeg's media follow, once in an epoch.

        Slots that it has nothing for get what the nearest of their kind gets.
        """
        self._run += 1
        self._stand_ins = _stand_ins(slots, known=self._slots)
        records: list[Record] = [RunBegan(self._run)]
        for name, slot in slots.items():
            for shown_as in (name, *self._stand_ins.get(name, ())):
                folder = self._slot(shown_as).folder
                (folder / journal.init_name(epoch=self._epoch, run=self._run)).write_bytes(inits[name])
                records.append(SlotBegan(shown_as, slot.codecs, slot.width, slot.height, slot.millifps))
        self._tell(*records)

    def add(self, slot: str, made: Made) -> None:
        """Put a part on the shelf.

        :raises OSError: when it cannot be written.
        """
        for name in (slot, *self._stand_ins.get(slot, ())):
            self._add(self._slots[name], name, made)

    def close_segment(self, slot: str) -> None:
        """Make the segment that is growing one that can be fetched.

        :raises OSError: when it cannot be written.
        """
        for name in (slot, *self._stand_ins.get(slot, ())):
            self._close_segment(name)

    def close(self) -> None:
        """Leave everything to a later epoch."""
        self._writer.close()
        for slot in self._slots.values():
            if slot.open is not None and slot.open.descriptor is not None:
                os.close(slot.open.descriptor)
                slot.open.descriptor = None

    def _recall(self, entry: Entry) -> None:
        record = entry.record
        if isinstance(record, RunBegan):
            self._run = record.number
        elif isinstance(record, SlotBegan | PartMade | SegmentClosed | Dropped):
            self._slot(record.slot).take(entry)

    def _like_the_first(self, opened: Opened, entries: Iterable[Entry]) -> Opened:
        """Keep what players were promised at the beginning."""
        first = next((entry.record for entry in entries if isinstance(entry.record, Opened)), opened)
        return Opened(
            opened.epoch,
            first.part_target_us,
            first.target_s,
            first.dvr_window_s,
            opened.after_epoch,
            opened.after_offset,
        )

    def _slot(self, name: str) -> ShelvedSlot:
        if name not in self._slots:
            folder = self._folder / name
            folder.mkdir(exist_ok=True)
            self._slots[name] = ShelvedSlot(folder)
        return self._slots[name]

    def _add(self, slot: ShelvedSlot, name: str, made: Made) -> None:
        segment = slot.open
        if segment is None:
            segment = slot.open = ShelvedSegment(self._epoch, slot.next_msn, made.at_ms)
            segment.descriptor = _create(_growing(slot.folder, segment))
            segment.key_size = made.key_size
        if segment.descriptor is not None:
            _write_all(segment.descriptor, made.pieces)
        segment.size += made.size
        segment.duration_us += made.duration_us
        if not made.is_hidden:
            self._tell_of_part(slot, name, segment, made)

    def _tell_of_part(self, slot: ShelvedSlot, name: str, segment: ShelvedSegment, made: Made) -> None:
        part = len(segment.parts)
        file_name = journal.part_name(epoch=self._epoch, msn=segment.msn, part=part)
        # Players wait for it by name, and must not get a beginning.
        draft = slot.folder / f".{file_name}"
        descriptor = _create(draft)
        try:
            _write_all(descriptor, made.pieces)
        finally:
            os.close(descriptor)
        draft.replace(slot.folder / file_name)
        segment.parts.append(file_name)
        self._tell(PartMade(name, segment.msn, part, made.at_ms, made.duration_us, int(made.is_independent), made.size))

    def _close_segment(self, name: str) -> None:
        slot = self._slots.get(name)
        segment = slot.open if slot is not None else None
        if slot is None or segment is None:
            return
        if segment.descriptor is not None:
            os.close(segment.descriptor)
            segment.descriptor = None
            _growing(slot.folder, segment).replace(
                slot.folder / journal.segment_name(epoch=segment.epoch, msn=segment.msn)
            )
        slot.shelve(segment)
        self.bitrates.setdefault(name, Bitrates()).add(
            size=segment.size, key_size=segment.key_size, duration_us=segment.duration_us
        )
        self._tell(SegmentClosed(name, segment.msn, segment.at_ms, segment.duration_us, segment.size, segment.key_size))
        self._make_room(name, slot)

    def _close_what_others_left(self) -> None:
        """Close the segments that an epoch before us was writing, as far as it has told of them."""
        for name, slot in self._slots.items():
            segment = slot.open
            if segment is None:
                continue
            content = _joined([slot.folder / part for part in segment.parts])
            if len(content) != segment.size:
                # After a loss of power, or when somebody made room: readers see a gap once the next one begins.
                slot.open, slot.next_msn = None, segment.msn + 1
                continue
            # Of our epoch, whose files nobody else touches: that one may still be writing.
            segment.epoch = self._epoch
            target = slot.folder / journal.segment_name(epoch=self._epoch, msn=segment.msn)
            target.write_bytes(content)
            self._close_segment(name)

    def _make_room(self, name: str, slot: ShelvedSlot) -> None:
        """Remove what no player is told of any more."""
        while len(slot.with_parts) > _SEGMENTS_WITH_PARTS:
            segment = slot.with_parts.popleft()
            for part in segment.parts:
                (slot.folder / part).unlink(missing_ok=True)
            # It is known for hours.
            segment.parts = []
        gone = self._out_of_window(slot)
        if gone:
            self._tell(Dropped(name, slot.closed[0].msn))
        for segment in gone:
            (slot.folder / journal.segment_name(epoch=segment.epoch, msn=segment.msn)).unlink(missing_ok=True)

    def _out_of_window(self, slot: ShelvedSlot) -> list[ShelvedSegment]:
        gone = []
        while len(slot.closed) > _LEAST_SEGMENTS and slot.is_more_than(self._window_us + _GRACE_US):
            gone.append(slot.drop())
        return gone

    def _tell(self, *records: Record) -> None:
        self._writer.write(*records)
        self._told()


def _stand_ins(slots: Mapping[str, SlotBegan], *, known: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return for which slots that have nothing of their own each one stands in."""
    found: dict[str, tuple[str, ...]] = {}
    for name in sorted(set(known) - set(slots)):
        of_kind = sorted((slot for slot in slots if slot[0] == name[0]), key=lambda slot: int(slot[1:]))
        if of_kind:
            found[of_kind[-1]] = (*found.get(of_kind[-1], ()), name)
    return found


def _growing(folder: Path, segment: ShelvedSegment) -> Path:
    # Whoever asks for it too early gets nothing, rather than a beginning to keep for a year.
    return folder / f".{journal.segment_name(epoch=segment.epoch, msn=segment.msn)}"


def _joined(paths: Iterable[Path]) -> bytes:
    """Return what is in them, one behind the other; less when one is not there."""
    return b"".join(path.read_bytes() for path in paths if path.exists())


def _create(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)


def _write_all(descriptor: int, pieces: Sequence[bytes | memoryview]) -> None:
    """Write everything, or raise what keeps the rest from being written."""
    size = sum(len(piece) for piece in pieces)
    written = os.writev(descriptor, pieces)
    if written < size:
        rest = b"".join(pieces)
        while written < size:
            written += os.write(descriptor, rest[written:])
