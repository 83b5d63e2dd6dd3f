"""What a session's journal says of segments that can be recorded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from streams.media import journal
from streams.media.journal import Ended, Entry, PartMade, RunBegan, SegmentClosed, SegmentGrown, SlateShown, SlotBegan


@dataclass(frozen=True, slots=True)
class ClosedSegment:
    """A closed segment; names are those of files in the slot's folder. `at_ms` since 1970.

    `run` with `run_epoch` are those of its initialization section; `shows_slate`: no encoder's picture is in it, nor
    sound; `begins_with_key`: its first picture needs no other segment, never so of sound.
    """

    slot: str
    msn: int
    name: str
    init_name: str
    run: int
    run_epoch: int
    at_ms: int
    duration_us: int
    size: int
    shows_slate: bool
    begins_with_key: bool


@dataclass(frozen=True, slots=True)
class _Showing:
    """What a slot's segments begin with."""

    run: int
    epoch: int
    shows_slate: bool = False


class ClosedSegments:
    """Follows a session's journals from the beginning; feed it what `journal.Reader` reads, in that order."""

    def __init__(self) -> None:
        self.is_ended = False
        self._run = 0
        self._showing: dict[str, _Showing] = {}
        # Of segments that grow: the number, and what they began with.
        self._begun: dict[str, tuple[int, _Showing]] = {}

    def feed(self, entries: Sequence[Entry]) -> Iterator[ClosedSegment]:
        """Yield the segments that were closed with them, of all slots.

        A reader that is told to read anew begins with another one of these.
        """
        for entry in entries:
            if self.is_ended:
                return
            if isinstance(entry.record, SegmentClosed):
                yield self._close(entry.record, epoch=entry.epoch)
            else:
                self._note(entry)

    def _note(self, entry: Entry) -> None:
        record = entry.record
        if isinstance(record, RunBegan):
            self._run = record.number
        elif isinstance(record, SlotBegan):
            self._showing[record.slot] = _Showing(self._run, entry.epoch)
        elif isinstance(record, SlateShown):
            self._showing[record.slot] = _Showing(self._run, entry.epoch, shows_slate=True)
        elif isinstance(record, PartMade | SegmentGrown):
            msn, _ = self._begun.get(record.slot, (-1, None))
            if msn != record.msn:
                self._begun[record.slot] = (record.msn, self._shown(record.slot))
        elif isinstance(record, Ended):
            self.is_ended = True

    def _close(self, record: SegmentClosed, *, epoch: int) -> ClosedSegment:
        # Another epoch may have closed what this one began.
        msn, showing = self._begun.pop(record.slot, (-1, self._shown(record.slot)))
        if msn != record.msn:
            showing = self._shown(record.slot)
        return ClosedSegment(
            slot=record.slot,
            msn=record.msn,
            name=journal.segment_name(epoch=epoch, msn=record.msn),
            init_name=journal.init_name(epoch=showing.epoch, run=showing.run),
            run=showing.run,
            run_epoch=showing.epoch,
            at_ms=record.at_ms,
            duration_us=record.duration_us,
            size=record.size,
            shows_slate=showing.shows_slate,
            begins_with_key=record.key_size > 0,
        )

    def _shown(self, slot: str) -> _Showing:
        try:
            return self._showing[slot]
        except KeyError:
            raise journal.JournalError(f"{slot} has not begun.") from None
