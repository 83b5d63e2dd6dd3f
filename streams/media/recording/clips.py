"""Files of their own that are composed of what a recording holds, without decoding it: clips, and the sound alone."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from streams.media.recording.boxes import render_moov
from streams.media.recording.index import TrackKind
from streams.media.recording.movie import Movie, MovieError
from streams.media.recording.stored import file_type, stored_init

# What lies between two pieces and is not needed is read with them, if it is no more: one request is sooner than two.
_MOST_WASTED = 256 * 1024
_LARGEST = 1 << 32
# More than any `moov`.
_HEAD_ROOM = 1 << 27


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Of the recording's file."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Composition:
    """An MP4: its first bytes, and which bytes of the recording follow, in that order."""

    head: bytes
    ranges: tuple[ByteRange, ...]
    duration_us: int
    # Where the boxes begin, in the recording, whose samples are shown; other boxes are read along with them.
    used: frozenset[int]

    @property
    def size(self) -> int:
        return len(self.head) + sum(each.length for each in self.ranges)

    def place_of(self, offset: int) -> int:
        """Return where in this file a box is that the recording has at `offset`, within one of the ranges."""
        number = bisect_right(self.ranges, offset, key=lambda each: each.offset) - 1
        before = sum(each.length for each in self.ranges[:number])
        return len(self.head) + before + offset - self.ranges[number].offset


def clip(movie: Movie, *, start_us: int, end_us: int) -> Composition:
    """Return the part of a recording between two of its times, exact to the frame: what is before is there, unshown.

    :raises MovieError: when there is nothing between.
    """
    start_us, end_us = max(0, start_us), min(end_us, movie.duration_us)
    kinds = [kind for kind in TrackKind if movie.has(kind)]
    return _composed(movie, kinds, start_us=start_us, end_us=end_us, most_wasted=_MOST_WASTED)


def sound_alone(movie: Movie) -> Composition:
    """Return the recording's sound as a file.

    :raises MovieError: when it has none.
    """
    if not movie.has(TrackKind.AUDIO):
        raise MovieError("The recording has no sound.")
    return _composed(movie, [TrackKind.AUDIO], start_us=0, end_us=movie.duration_us, most_wasted=0)


def _composed(movie: Movie, kinds: Iterable[TrackKind], *, start_us: int, end_us: int, most_wasted: int) -> Composition:
    if end_us <= start_us:
        raise MovieError("There is nothing of the recording between these times.")
    tracks = [movie.tables(kind, start_us=start_us, end_us=end_us) for kind in kinds]
    tracks = [tables for tables in tracks if not tables.is_empty]
    if not tracks:
        raise MovieError("There is nothing of the recording between these times.")
    used = frozenset(offset for tables in tracks for offset in tables.box_offsets)
    ranges = _ranges(sorted(_boxes(movie, used), key=lambda box: box.offset), most_wasted=most_wasted)
    for tables in tracks:
        tables.move(ranges_begin=[each.offset for each in ranges], moved_to=_places(ranges))
    is_wide = sum(each.length for each in ranges) + _HEAD_ROOM > _LARGEST
    head = file_type()
    base = len(head) + len(render_moov(tracks, start_us=start_us, end_us=end_us, is_wide=is_wide))
    moov = render_moov(tracks, start_us=start_us, end_us=end_us, base=base, is_wide=is_wide)
    return Composition(head + moov, tuple(ranges), end_us - start_us, used)


def _boxes(movie: Movie, used: frozenset[int]) -> set[ByteRange]:
    """Return the boxes that begin there, and those that players of HLS decode them with."""
    boxes = set[ByteRange]()
    for kind in TrackKind:
        for _, each in movie.shown(kind):
            if each.piece.offset in used:
                recorded = movie.inits[each.piece.init]
                boxes.add(ByteRange(each.piece.offset, each.piece.size))
                boxes.add(ByteRange(recorded.offset, len(stored_init(recorded.init))))
    return boxes


def _ranges(boxes: Sequence[ByteRange], *, most_wasted: int) -> list[ByteRange]:
    """Return ranges that hold all of the boxes; what is between them in one range are boxes of the file as well."""
    found = list[ByteRange]()
    for box in boxes:
        if found and box.offset - found[-1].offset - found[-1].length <= most_wasted:
            found[-1] = ByteRange(found[-1].offset, box.offset + box.length - found[-1].offset)
        else:
            found.append(box)
    return found


def _places(ranges: Sequence[ByteRange]) -> list[int]:
    return list(accumulate((each.length for each in ranges), initial=0))[:-1]
