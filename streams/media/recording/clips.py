"""Files of their own that are composed of what a recording holds, without decoding it: clips, and the sound alone."""

from dataclasses import dataclass

from streams.media.recording.movie import Movie


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
    raise NotImplementedError


def sound_alone(movie: Movie) -> Composition:
    """Return the recording's sound as a file.

    :raises MovieError: when it has none.
    """
    raise NotImplementedError
