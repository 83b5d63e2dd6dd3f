"""A recording as a whole: which of its samples are shown when, and what is missing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from streams.media.recording.index import TrackKind
from streams.media.recording.stored import TrackInit


class MovieError(Exception):
    """Nothing can be shown of what was recorded; the message says why."""


@dataclass(frozen=True, slots=True)
class RecordedInit:
    """An initialization section that is stored at `offset`, where its box begins in the file."""

    offset: int
    init: TrackInit


@dataclass(frozen=True, slots=True)
class RecordedPiece:
    """A segment that is stored at `offset`, where its box of `size` bytes begins in the file.

    `index` is `SegmentIndex.packed`, `init` the key of its initialization section; `run` counts those of the session,
    over epochs as well: other than the one before's where playlists need a discontinuity. `at_ms` since 1970.
    `left_out` is why none of it is to be seen (`slate`), or empty; `gap_before` why something is missing before it, if
    anything is.
    """

    kind: TrackKind
    offset: int
    size: int
    index: bytes
    init: int
    run: int
    at_ms: int
    left_out: str = ""
    gap_before: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """What is not in the file, where in it that is missing, and why: `slate`, or what the recorder said, or `lost`.

    `sound` is missing where only the sound's format changed, which one file cannot follow: silence stands there.
    """

    at_us: int
    length_us: int
    reason: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """Media without a hole: from `media_start_us` on, by the clock of the session's media, shown from `start_us` on."""

    start_us: int
    duration_us: int
    media_start_us: int


class Movie:
    """All that was recorded. Pieces come in the order of the file; each track's are in the order of their time.

    Where all tracks have a hole, or where something is left out, what comes next begins where the longer track ended,
    and the last sample of each track is held until then: picture and sound stay together.
    """

    def __init__(self, inits: Mapping[int, RecordedInit], pieces: Iterable[RecordedPiece]) -> None:
        """:raises MovieError: when no sample can be shown."""
        self.duration_us = 0
        self.stretches: tuple[Stretch, ...] = ()
        self.gaps: tuple[Gap, ...] = ()
        raise NotImplementedError

    def moov(self) -> bytes:
        """Return what the file ends with."""
        raise NotImplementedError
