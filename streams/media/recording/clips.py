"""Files of their own that are composed of what a recording holds, without decoding it: clips, and the sound alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from streams.media.recording.boxes import render_moov
from streams.media.recording.index import TrackKind
from streams.media.recording.movie import Movie, MovieError
from streams.media.recording.stored import file_head

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

    @property
    def size(self) -> int:
        return len(self.head) + sum(each.length for each in self.ranges)


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
    used = sorted({offset for tables in tracks for offset in tables.box_offsets})
    sizes = {each.piece.offset: each.piece.size for kind in TrackKind for _, each in movie.shown(kind)}
    ranges = _ranges([ByteRange(offset, sizes[offset]) for offset in used], most_wasted=most_wasted)
    for tables in tracks:
        tables.move(ranges_begin=[each.offset for each in ranges], moved_to=_places(ranges))
    is_wide = sum(each.length for each in ranges) + _HEAD_ROOM > _LARGEST
    head = file_head()
    base = len(head) + len(render_moov(tracks, start_us=start_us, end_us=end_us, is_wide=is_wide))
    moov = render_moov(tracks, start_us=start_us, end_us=end_us, base=base, is_wide=is_wide)
    return Composition(head + moov, tuple(ranges), end_us - start_us)


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
