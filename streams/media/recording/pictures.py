"""Which pictures of a recording can be decoded by themselves, and from which bytes: for poster and scrub bar."""

from collections.abc import Container
from dataclasses import dataclass

from streams.media.recording.index import SegmentIndex, TrackKind
from streams.media.recording.layout import Placed
from streams.media.recording.movie import Movie
from streams.media.recording.stored import BOX_HEADER_SIZE


@dataclass(frozen=True, slots=True)
class KeyPicture:
    """A picture that is shown at `at_us` of the file.

    It is what decoders make of `init` and the `length` bytes of the file from `offset` on. `is_of_slate`: viewers saw
    it in place of an encoder's.
    """

    at_us: int
    init: bytes
    offset: int
    length: int
    is_of_slate: bool


def key_pictures(movie: Movie, *, every_us: int, slates: Container[int] = ()) -> list[KeyPicture]:
    """Return pictures that are at least so far apart, in order; `slates` are the offsets of pieces that show one."""
    found = list[KeyPicture]()
    for stretch, each in movie.shown(TrackKind.VIDEO):
        if each.key_us is None:
            continue
        at_us = max(0, each.key_us[1] + stretch.shift_us)
        if not found or at_us >= found[-1].at_us + every_us:
            found.append(_picture(movie, each, at_us=at_us, is_of_slate=each.piece.offset in slates))
    return found


def _picture(movie: Movie, placed: Placed, *, at_us: int, is_of_slate: bool) -> KeyPicture:
    piece = placed.piece
    begins = piece.offset + BOX_HEADER_SIZE
    ends = piece.offset + _end_of_key_frame(SegmentIndex.unpacked(piece.index))
    return KeyPicture(at_us, movie.inits[piece.init].init.data, begins, ends - begins, is_of_slate)


def _end_of_key_frame(index: SegmentIndex) -> int:
    """Return where the first key frame ends, counted from the beginning of its box."""
    key, number = index.key_frames[0], 0
    for offset, count in zip(index.chunks[::2], index.chunks[1::2], strict=True):
        if key < number + count:
            return int(offset) + sum(index.sizes[number : key + 1])
        number += count
    raise ValueError("The index has a key frame that is in no chunk.")
