"""Where segments begin: known before the media gets there, so that all renditions are cut at the same time."""

import math
from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from streams.media.ladder import LONGEST_PASSABLE_GOP_S
from streams.media.targets import LONGEST_SEGMENT_S

# Key frames of encoders that mean two seconds come a little sooner now and then.
_TOLERANCE_MS = 100.0
# By how many of the newest key frames an encoder is judged: what happens twice in as many is no accident.
_JUDGED = 10


class Marks(Protocol):
    """Times in the stream's own milliseconds, ascending, all but the first beginning."""

    def at(self, index: int) -> float | None:
        """Return that mark, None while it is not known."""


class KeyFrameMarks:
    """Marks at key frames of the source, which its renditions have too; noted by one thread, read by another."""

    def __init__(self, *, segment_s: float) -> None:
        self._segment_ms = segment_s * 1000
        self._marks: list[float] = []
        self._begun_at: float | None = None
        self._key_frame_at = 0.0

    def note(self, at_ms: float) -> None:
        """Take in the next key frame, before the media that it belongs to is handed on."""
        distance_ms, self._key_frame_at = at_ms - self._key_frame_at, at_ms
        if self._begun_at is None:
            self._begun_at = at_ms
            return
        length_ms = at_ms - self._begun_at
        # With one more such distance it would be too long.
        if length_ms > self._segment_ms - _TOLERANCE_MS or length_ms + distance_ms > LONGEST_SEGMENT_S * 1000:
            self._begun_at = at_ms
            self._marks.append(at_ms)

    def restart(self, at_ms: float) -> None:
        """Count from a cut: a segment begins there, whatever the one before lacks."""
        self._begun_at = self._key_frame_at = at_ms

    def at(self, index: int) -> float | None:
        return self._marks[index] if index < len(self._marks) else None


@dataclass(frozen=True)
class Cut:
    """From `at_ms` on, by the stream's own clock, decoders need other parameters than before: a discontinuity.

    `picture` is an AVCDecoderConfigurationRecord, `sound` an AudioSpecificConfig, empty where they stay as they are.
    `shows_slate`: what follows is no encoder's.
    """

    at_ms: float
    picture: bytes = b""
    sound: bytes = b""
    shows_slate: bool = False


class Cuts:
    """Where other media was spliced in, ascending; noted by one thread, read by another."""

    def __init__(self) -> None:
        self._cuts: list[Cut] = []
        # What is before the first cut is no encoder's.
        self.begins_with_slate = False

    def note(self, cut: Cut) -> None:
        """Take in the next cut, before the media behind it is handed on."""
        self._cuts.append(cut)

    def at(self, index: int) -> Cut | None:
        """Return that cut, None while it is not known."""
        return self._cuts[index] if index < len(self._cuts) else None


class KeyFrameDistances:
    """How far apart a source's key frames are; noted by one thread, read by another."""

    def __init__(self) -> None:
        self._at_ms = deque[int](maxlen=_JUDGED)

    def note(self, at_ms: int) -> None:
        """Take in the next key frame."""
        self._at_ms.append(at_ms)

    def too_far_s(self, *, now_ms: int) -> float:
        """Return the longest distance of late if segments cannot begin with key frames, else 0.

        `now_ms` is how far the picture is by now. Once some have come in time, one segment may begin without: a key
        frame gets lost on the way now and then.
        """
        noted = tuple(self._at_ms)
        distances_s = [(later - sooner) / 1000 for sooner, later in pairwise((*noted, now_ms))]
        missed = sum(max(0, math.ceil(distance_s / LONGEST_PASSABLE_GOP_S) - 1) for distance_s in distances_s)
        return max(distances_s) if missed > (len(noted) > 2) else 0.0


class EvenMarks:
    """Marks at even distances, where all renditions are encoded by us with key frames there."""

    def __init__(self, *, segment_s: float, first_at_ms: float) -> None:
        self._segment_ms = segment_s * 1000
        self._first_at_ms = first_at_ms

    def at(self, index: int) -> float | None:
        return self._first_at_ms + (index + 1) * self._segment_ms
