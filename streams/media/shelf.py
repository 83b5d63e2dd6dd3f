"""A session's files on this node: parts and segments of its slots, the journal that tells of them, and their end.

One folder for the session, whoever runs it: a later epoch goes on where the one before has stopped.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from streams.media import journal
from streams.media.fragments import key_frame_size
from streams.media.journal import (
    Dropped,
    Entry,
    Opened,
    PartMade,
    Record,
    RunBegan,
    SegmentClosed,
    SlateShown,
    SlotBegan,
)
from streams.media.playlist import Bitrates
from streams.media.shelved import ShelvedSegment, ShelvedSlot
from streams.media.writing import write_whole

logger = logging.getLogger(__name__)

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
    content: bytes


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
        # Of slots that have been cut: what every segment begins with, since a reader may begin with any.
        self._cut_slots: dict[str, tuple[Record, ...]] = {}
        # Where the clock of the session's media begins, since 1970: where the first run's did.
        self._zero_ms: int | None = None
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
        try:
            self._close_what_others_left()
        except OSError:
            # A full disk is tried every few seconds.
            self.close()
            raise

    def begin_run(
        self, slots: Mapping[str, SlotBegan], inits: Mapping[str, bytes], *, zero_ms: int, shows_slate: bool = False
    ) -> int:
        """Let another ffmpeg's media follow, once in an epoch; its own clock began at `zero_ms`, since 1970.

        Slots that it has nothing for get what the nearest of their kind gets; `shows_slate`: it is no encoder's, up to
        the first cut. Returns how much later that is than where the session's clock began: never less than 0, for
        machines' clocks that were set back.
        """
        self._run += 1
        self._stand_ins = _stand_ins(slots, known=self._slots)
        self._zero_ms = zero_ms if self._zero_ms is None else self._zero_ms
        records: list[Record] = [RunBegan(self._run, self._zero_ms)]
        for name, slot in slots.items():
            for shown_as in (name, *self._stand_ins.get(name, ())):
                folder = self._slot(shown_as).folder
                (folder / journal.init_name(epoch=self._epoch, run=self._run)).write_bytes(inits[name])
                records += _beginning(replace(slot, slot=shown_as), shows_slate=shows_slate)
        self._tell(*records)
        return max(0, zero_ms - self._zero_ms)

    def cut(self, slot: SlotBegan, init: bytes, *, number: int, shows_slate: bool = False) -> None:
        """Let a slot go on with another initialization section, the `number`th that this epoch's cuts have given it.

        The others follow when they get there.

        :raises OSError: when it cannot be written.
        """
        assert self._zero_ms is not None  # noqa: S101  # A run has begun.
        run = self._run + number
        for name in (slot.slot, *self._stand_ins.get(slot.slot, ())):
            self._close_segment(name)
            (self._slots[name].folder / journal.init_name(epoch=self._epoch, run=run)).write_bytes(init)
            beginning = _beginning(replace(slot, slot=name), shows_slate=shows_slate)
            self._cut_slots[name] = (RunBegan(run, self._zero_ms), *beginning)

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

    def _recall(self, entry: Entry) -> None:
        record = entry.record
        if isinstance(record, RunBegan):
            self._run, self._zero_ms = max(self._run, record.number), record.zero_ms
        elif isinstance(record, SlotBegan | PartMade | journal.SegmentGrown | SegmentClosed | Dropped):
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
            segment = slot.open = ShelvedSegment(self._epoch, slot.next_msn, made.at_ms, key_size=made.key_size)
            self._writer.write(*self._cut_slots.get(name, ()))
        segment.size += len(made.content)
        segment.duration_us += made.duration_us
        if made.is_hidden:
            self._grow(slot, name, segment, made)
        else:
            segment.contents.append(made.content)
            self._tell_of_part(slot, name, segment, made)

    def _grow(self, slot: ShelvedSlot, name: str, segment: ShelvedSegment, made: Made) -> None:
        """Write down what nobody is waiting for, for who has to go on with it."""
        with (slot.folder / segment.growing_name).open("ab") as growing:
            growing.write(made.content)
        size = len(made.content)
        self._writer.write(
            journal.SegmentGrown(name, segment.msn, segment.at_ms, made.duration_us, size, segment.key_size)
        )

    def _tell_of_part(self, slot: ShelvedSlot, name: str, segment: ShelvedSegment, made: Made) -> None:
        part = len(segment.parts)
        file_name = journal.part_name(epoch=self._epoch, msn=segment.msn, part=part)
        write_whole(slot.folder / file_name, [made.content])
        segment.parts.append(file_name)
        size = len(made.content)
        self._tell(PartMade(name, segment.msn, part, made.at_ms, made.duration_us, int(made.is_independent), size))

    def _close_segment(self, name: str) -> None:
        slot = self._slots.get(name)
        segment = slot.open if slot is not None else None
        if slot is None or segment is None:
            return
        if segment.contents:
            write_whole(slot.folder / segment.name, segment.contents)
            segment.contents = []
        else:
            (slot.folder / segment.growing_name).replace(slot.folder / segment.name)
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
            content = _left_of(slot.folder, segment)
            if len(content) < segment.size:
                # After a loss of power, or when somebody made room: readers see a gap once the next one begins, if they
                # were told of parts.
                slot.open, slot.next_msn = None, segment.msn + bool(segment.parts)
                continue
            # Of our epoch, whose files nobody else touches: that one may still be writing.
            segment.epoch = self._epoch
            segment.contents = [content]
            if segment.parts and name.startswith("v"):
                # What was told of parts does not say it.
                segment.key_size = key_frame_size(content)
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
            (slot.folder / segment.name).unlink(missing_ok=True)

    def _out_of_window(self, slot: ShelvedSlot) -> list[ShelvedSegment]:
        gone = []
        while len(slot.closed) > _LEAST_SEGMENTS and slot.is_more_than(self._window_us + _GRACE_US):
            gone.append(slot.drop())
        return gone

    def _tell(self, *records: Record) -> None:
        self._writer.write(*records)
        self._told()


def end_session(folder: Path) -> bool:
    """Say that nothing will follow, whoever wrote last and wherever that one is; tell whether that was news.

    Parts that players were told of stay: their segment is closed first, by an epoch of its own, whatever somebody who
    has not heard of the end yet goes on to write.

    :raises OSError: when it cannot be written.
    """
    if journal.has_end(folder):
        return False
    try:
        _close_what_is_open(folder)
    except (OSError, journal.JournalError):
        # Players are to know of the end all the same.
        logger.warning("segments not closed at the end of %s", folder.name, exc_info=True)
    return journal.write_end(folder)


def _close_what_is_open(folder: Path) -> None:
    _, entries = journal.Reader(folder, leaves_old_parts_out=True).read()
    is_open = dict[str, bool]()
    for record in (entry.record for entry in entries):
        if isinstance(record, PartMade | journal.SegmentGrown | SegmentClosed):
            is_open[record.slot] = not isinstance(record, SegmentClosed)
    if any(is_open.values()):
        # What players were promised is known from the journals.
        epoch = journal.epochs(folder)[-1] + 1
        Shelf(folder, epoch=epoch, part_target_s=0, target_s=0, dvr_window_s=0, told=lambda: None).close()


def _beginning(slot: SlotBegan, *, shows_slate: bool) -> tuple[Record, ...]:
    """Return what stands in the journal where a slot shows something else than before."""
    return (slot, SlateShown(slot.slot)) if shows_slate else (slot,)


def _stand_ins(slots: Mapping[str, SlotBegan], *, known: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return for which slots that have nothing of their own each one stands in."""
    found: dict[str, tuple[str, ...]] = {}
    for name in sorted(set(known) - set(slots)):
        of_kind = sorted((slot for slot in slots if slot[0] == name[0]), key=lambda slot: int(slot[1:]))
        if of_kind:
            # Who watches it is not to need more than before.
            nearest = next((slot for slot in of_kind if int(slot[1:]) > int(name[1:])), of_kind[-1])
            found[nearest] = (*found.get(nearest, ()), name)
    return found


def _left_of(folder: Path, segment: ShelvedSegment) -> bytes:
    """Return what was told of; there may be less."""
    files = [folder / name for name in segment.parts or (segment.growing_name,)]
    return b"".join(file.read_bytes() for file in files if file.exists())[: segment.size]
