"""What is in a stored segment, sample by sample: enough to write `moov` without the segment, in few bytes."""

import struct
import sys
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate, pairwise
from typing import NamedTuple

US = 1_000_000
# Kind, time scale, decode time; then, counted from there: end, end of what is shown, first key frame or -1; how much
# later than decoded that is shown; samples, key frames, chunks.
_HEAD = struct.Struct(">cIqQqqi3I")
_WORD = 4


class TrackKind(StrEnum):
    """As slots are called, without their number."""

    VIDEO = "v"
    AUDIO = "a"


class IndexHead(NamedTuple):
    """What is known of a packed index without unpacking it; times are in the time scale, per second.

    `key_time` is when the first key frame is decoded, None without one, `key_composition` how much later it is shown.
    `shown_until` is when the last sample that is shown ends.
    """

    kind: TrackKind
    timescale: int
    decode_time: int
    end_time: int
    shown_until: int
    key_time: int | None
    key_composition: int
    samples: int

    @staticmethod
    def of(packed: bytes) -> "IndexHead":
        """:raises ValueError: when that is no packed index."""
        try:
            kind, timescale, at, end, shown, key, composition, samples, *_ = _HEAD.unpack_from(packed)
        except struct.error as error:
            raise ValueError("That is too short for an index.") from error
        key_time = None if key < 0 else at + key
        return IndexHead(
            TrackKind(kind.decode("ascii")), timescale, at, at + end, at + shown, key_time, composition, samples
        )


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
    durations: "array[int]"
    sizes: "array[int]"
    compositions: "array[int]"
    key_frames: "array[int]"
    chunks: "array[int]"

    @property
    def end_time(self) -> int:
        """Where the last sample ends, in the time scale."""
        return self.decode_time + sum(self.durations)

    @property
    def start_us(self) -> int:
        return self.decode_time * US // self.timescale

    @property
    def end_us(self) -> int:
        return self.end_time * US // self.timescale

    def times(self) -> list[int]:
        """Return when each sample is decoded, counted from the first, and where the last one ends."""
        return list(accumulate(self.durations, initial=0))

    def packed(self) -> bytes:
        """Return it in few bytes, for a row of a database: two or three for each sample."""
        times = self.times()
        shown_until = max(map(sum, zip(times, self.durations, self.compositions, strict=False)), default=0)
        key = times[self.key_frames[0]] if self.key_frames else -1
        head = _HEAD.pack(
            *(self.kind.encode("ascii"), self.timescale, self.decode_time, times[-1], shown_until, key),
            self.compositions[self.key_frames[0]] if self.key_frames else 0,
            *(len(self.sizes), len(self.key_frames), len(self.chunks)),
        )
        columns = (self.durations, self.sizes, self.compositions, self.key_frames, self.chunks)
        return head + zlib.compress(b"".join(map(_planes, columns)))

    @staticmethod
    def unpacked(packed: bytes) -> "SegmentIndex":
        """Return what `packed` was made of.

        :raises ValueError: when it was made of nothing of ours.
        """
        head = IndexHead.of(packed)
        samples, keys, chunks = _HEAD.unpack_from(packed)[-3:]
        try:
            columns = zlib.decompress(packed[_HEAD.size :])
        except zlib.error as error:
            raise ValueError("That is no packed index.") from error
        if len(columns) != _WORD * (3 * samples + keys + chunks):
            raise ValueError("That is an index of other samples than it says.")
        made, at = [], 0
        for count, code in ((samples, "I"), (samples, "I"), (samples, "i"), (keys, "I"), (chunks, "I")):
            made.append(_column(columns[at : at + count * _WORD], code))
            at += count * _WORD
        return SegmentIndex(head.kind, head.timescale, head.decode_time, *made)

    def sliced(self, begin: int, end: int) -> "SegmentIndex":
        """Return the samples from one place to before another."""
        chunks, number = array("I"), 0
        for offset, count in zip(self.chunks[::2], self.chunks[1::2], strict=True):
            first, last = max(begin, number), min(end, number + count)
            if first < last:
                chunks.extend((offset + sum(self.sizes[number:first]), last - first))
            number += count
        keys = self.key_frames[bisect_left(self.key_frames, begin) : bisect_left(self.key_frames, end)]
        return SegmentIndex(
            self.kind,
            self.timescale,
            self.decode_time + sum(self.durations[:begin]),
            self.durations[begin:end],
            self.sizes[begin:end],
            self.compositions[begin:end],
            array("I", [key - begin for key in keys]),
            chunks,
        )

    def rescaled(self, timescale: int) -> "SegmentIndex":
        """Return it in another time scale; what rounding takes from one sample it gives to the next."""
        if timescale == self.timescale:
            return self
        ends = [_scaled(self.decode_time + time, timescale, self.timescale) for time in self.times()]
        durations = array("I", [later - sooner for sooner, later in pairwise(ends)])
        compositions = array("i", [_scaled(each, timescale, self.timescale) for each in self.compositions])
        return SegmentIndex(
            self.kind, timescale, ends[0], durations, self.sizes, compositions, self.key_frames, self.chunks
        )


def words(numbers: Iterable[int]) -> "array[int]":
    """Return numbers of 32 bits, none below 0."""
    made = array("I", numbers)
    # Of C's types, which no standard says the size of.
    if made.itemsize != _WORD:
        raise RuntimeError("This machine's integers are not of four bytes.")
    return made


def _scaled(time: int, timescale: int, of: int) -> int:
    return (time * timescale * 2 + of) // (of * 2)


def _planes(column: "array[int]") -> bytes:
    """Return a column byte by byte, the lowest of all numbers first: the others are nearly the same, and get small."""
    if sys.byteorder == "big":
        column = column[:]
        column.byteswap()
    raw = column.tobytes()
    return b"".join(raw[place::_WORD] for place in range(_WORD))


def _column(planes: bytes, code: str) -> "array[int]":
    raw, count = bytearray(len(planes)), len(planes) // _WORD
    for place in range(_WORD):
        raw[place::_WORD] = planes[place * count : (place + 1) * count]
    made: array[int] = array(code)
    made.frombytes(bytes(raw))
    if sys.byteorder == "big":
        made.byteswap()
    return made
