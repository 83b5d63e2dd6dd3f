"""What is in a stored segment, sample by sample: enough to write `moov` without the segment, in few bytes."""

from array import array
from dataclasses import dataclass
from enum import StrEnum


class TrackKind(StrEnum):
    """As slots are called, without their number."""

    VIDEO = "v"
    AUDIO = "a"


@dataclass(frozen=True, slots=True)
class SegmentIndex:
    """A stored segment's samples in the order in which they are decoded; times in the time scale, per second.

    `decode_time` is the first one's by the clock of the session's media. `durations`, `sizes` (unsigned) and
    `compositions` (signed) have one number for each sample, `key_frames` are the places of those that need no other:
    none stand there of sound. `chunks` are pairs: where samples that follow each other begin, counted from the
    beginning of the box that the segment is stored in, and how many they are.
    """

    kind: TrackKind
    timescale: int
    decode_time: int
    durations: array[int]
    sizes: array[int]
    compositions: array[int]
    key_frames: array[int]
    chunks: array[int]

    @property
    def end_time(self) -> int:
        """Where the last sample ends, in the time scale."""
        return self.decode_time + sum(self.durations)

    @property
    def start_us(self) -> int:
        return self.decode_time * 1_000_000 // self.timescale

    @property
    def end_us(self) -> int:
        return self.end_time * 1_000_000 // self.timescale

    def packed(self) -> bytes:
        """Return it in few bytes, for a row of a database: about one for each sample."""
        raise NotImplementedError

    @staticmethod
    def unpacked(packed: bytes) -> "SegmentIndex":
        """Return what `packed` was made of.

        :raises ValueError: when it was made of nothing of ours.
        """
        raise NotImplementedError
