"""A recording as a whole: which of its samples are shown when, and what is missing."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

from streams.media.recording.boxes import MOVIE_TIMESCALE, render_moov
from streams.media.recording.index import US, SegmentIndex, TrackKind
from streams.media.recording.layout import (
    Gap,
    MovieError,
    Placed,
    RecordedInit,
    RecordedPiece,
    Stretch,
    find_gaps,
    lay_out,
    place,
)
from streams.media.recording.tables import TrackTables

__all__ = ["Gap", "Movie", "MovieError", "RecordedInit", "RecordedPiece", "Stretch"]

_LARGEST = (1 << 63) - 1


class Movie:
    """All that was recorded. Pieces come in the order of the file; each track's are in the order of their time.

    Where all tracks have a hole, or where something is left out, what comes next begins where the longer track ended,
    and the last sample of each track is held until then: picture and sound stay together.
    """

    def __init__(self, inits: Mapping[int, RecordedInit], pieces: Iterable[RecordedPiece]) -> None:
        """Find out when everything is shown, from little of each piece.

        :raises MovieError: when no sample can be shown.
        :raises ValueError: when an index is none of ours.
        """
        self.inits = inits
        placed = place(pieces, inits)
        self.stretches: tuple[Stretch, ...] = tuple(lay_out(placed))
        self.gaps: tuple[Gap, ...] = tuple(find_gaps(placed, self.stretches))
        self.duration_us = self.stretches[-1].end_us

    def has(self, kind: TrackKind) -> bool:
        """Tell whether there is such a track."""
        return any(self.shown(kind))

    def shown(self, kind: TrackKind) -> Iterator[tuple[Stretch, Placed]]:
        """Yield the track's pieces in the order in which they are shown."""
        for stretch in self.stretches:
            for each in stretch.pieces[kind]:
                if not each.is_mute:
                    yield stretch, each

    def moov(self) -> bytes:
        """Return what the file ends with."""
        tracks = [self.tables(kind) for kind in TrackKind if self.has(kind)]
        return render_moov(tracks, start_us=0, end_us=self.duration_us)

    def tables(
        self,
        kind: TrackKind,
        *,
        start_us: int = 0,
        end_us: int | None = None,
    ) -> TrackTables:
        """Return where a track's samples are, those that are needed for what is between two times."""
        until_us = _LARGEST if end_us is None else end_us
        shown = [
            (stretch, each)
            for stretch, each in self.shown(kind)
            if stretch.end_us > start_us and each.start_us + stretch.shift_us < until_us
        ]
        if end_us is not None:
            shown = shown[_first_needed(shown, kind, start_us=start_us) :]
        tables = TrackTables(self._first_init(kind).init, self._timescale(kind))
        window = _Window(tables.timescale, start_us, end_us)
        for stretch, each in shown:
            self._add(tables, stretch, each, window)
        if kind is TrackKind.VIDEO:
            tables.hold(until=_ticks(self.duration_us if end_us is None else end_us, tables.timescale))
        return tables

    def _add(self, tables: TrackTables, stretch: Stretch, each: Placed, window: "_Window") -> None:
        index = SegmentIndex.unpacked(each.piece.index).rescaled(tables.timescale)
        at = index.decode_time + _ticks(stretch.shift_us, tables.timescale)
        if each.head.kind is TrackKind.VIDEO:
            is_first = tables.is_empty or each is stretch.pieces[TrackKind.VIDEO][0]
            is_behind_hole = at > tables.end + tables.timescale // _HOLES
            if (is_first or is_behind_hole) and (not index.key_frames or index.key_frames[0]):
                # Nothing decodes what needs a picture that is not there.
                begin = index.key_frames[0] if index.key_frames else len(index.sizes)
                at, index = _sliced(index, at, begin, len(index.sizes))
            at, index = window.pictures(index, at, may_begin_later=tables.is_empty)
        else:
            at, index = window.sounds(index, at, not_before=_ticks(stretch.start_us, tables.timescale))
        if index.sizes:
            tables.add(index, at=at, offset=each.piece.offset)

    def _first_init(self, kind: TrackKind) -> RecordedInit:
        return self.inits[next(self.shown(kind))[1].piece.init]

    def _timescale(self, kind: TrackKind) -> int:
        found = {each.head.timescale for _, each in self.shown(kind)}
        if len(found) == 1 or kind is TrackKind.AUDIO:
            return self._first_init(kind).init.timescale
        return MOVIE_TIMESCALE


# Of a second: what is longer is no rounding.
_HOLES = 10


class _Window:
    """Which samples are needed for what is between two times of a file."""

    def __init__(self, timescale: int, start_us: int, end_us: int | None) -> None:
        self._is_whole = end_us is None
        self._start = _ticks(start_us, timescale)
        self._end = _LARGEST if end_us is None else _ticks(end_us, timescale)

    def pictures(self, index: SegmentIndex, at: int, *, may_begin_later: bool) -> tuple[int, SegmentIndex]:
        """Return those from the last key frame on that is not shown later than the window begins."""
        if self._is_whole or not index.sizes:
            return at, index
        shown = [at + time + late for time, late in zip(index.times(), index.compositions, strict=False)]
        begin = 0
        if may_begin_later:
            begin = max([key for key in index.key_frames if shown[key] <= self._start], default=0)
        end = max((place + 1 for place, time in enumerate(shown) if time < self._end), default=0)
        return _sliced(index, at, begin, max(begin, end))

    def sounds(self, index: SegmentIndex, at: int, *, not_before: int) -> tuple[int, SegmentIndex]:
        """Return those that are heard, but not earlier than their stretch, and one before that decoders need."""
        begins = max(self._start, not_before)
        if at >= begins and at + sum(index.durations) <= self._end:
            return at, index
        times = [at + time for time in index.times()]
        middles = [(sooner + later) // 2 for sooner, later in pairwise(times)]
        begin = next((place for place, middle in enumerate(middles) if middle >= not_before), len(middles))
        if not self._is_whole:
            heard = next((place for place, time in enumerate(times[1:]) if time > self._start), len(middles))
            begin = max(begin, heard - 1)
        end = next((place for place, time in enumerate(times) if time >= self._end), len(middles))
        return _sliced(index, at, begin, max(begin, end))


def _first_needed(shown: list[tuple[Stretch, Placed]], kind: TrackKind, *, start_us: int) -> int:
    """Return the place of the first piece that is needed for what is shown from a time on."""
    first = 0
    for place_, (stretch, each) in enumerate(shown):
        begins_us = each.start_us
        if kind is TrackKind.VIDEO:
            if (key := each.key_us) is None:
                continue
            begins_us = key[1]
        if begins_us + stretch.shift_us > start_us:
            break
        first = place_
    return first


def _sliced(index: SegmentIndex, at: int, begin: int, end: int) -> tuple[int, SegmentIndex]:
    if (begin, end) == (0, len(index.sizes)):
        return at, index
    return at + sum(index.durations[:begin]), index.sliced(begin, end)


def _ticks(time_us: int, timescale: int) -> int:
    return (time_us * timescale + US // 2) // US
