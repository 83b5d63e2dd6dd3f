"""Fragmented MP4 of one track: reading what ffmpeg writes, and writing the fragments that players get.

Source: ISO/IEC 14496-12, 8.8 (movie fragments).
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import NamedTuple

from streams.media.fmp4 import Fmp4Error, find_box

_HEADER = struct.Struct(">I4s")
_HEADER_SIZE = _HEADER.size
# No fragment of ours comes near: half a second of 20 Mbit/s takes a fortieth of it.
_LARGEST_BOX = 64 << 20
_IS_NON_SYNC = 0x10000
_SYNC_FLAGS, _NON_SYNC_FLAGS = 0x2000000, 0x1010000
# Track fragment header: where its optional fields are.
_HAS_BASE_OFFSET, _HAS_DESCRIPTION, _HAS_DURATION, _HAS_SIZE, _HAS_FLAGS = 0x1, 0x2, 0x8, 0x10, 0x20
_BASE_IS_MOOF = 0x20000
# Track run.
_HAS_DATA_OFFSET, _HAS_FIRST_FLAGS = 0x1, 0x4
_PER_SAMPLE = (0x100, 0x200, 0x400, 0x800)
_ALL_PER_SAMPLE = sum(_PER_SAMPLE)
# Of a moof with one run that says everything of each sample, up to its samples.
_MOOF = struct.Struct(">I4s I4sII I4s I4sII I4sIQ I4sIIi")
_SAMPLE = struct.Struct(">IIIi")
_UNSIGNED = 0xFFFFFFFF
_TOO_SHORT = "A box is shorter than what it says to hold."
# Of a moof, what is read: `traf` holds the others.
_TRACK, _TRACK_HEADER, _TIME, _TRACK_RUN = b"traf", b"tfhd", b"tfdt", b"trun"


class Sample(NamedTuple):
    """A frame; times in the track's time scale, `composition` is when it is shown after it is decoded."""

    duration: int
    size: int
    is_sync: bool
    composition: int


@dataclass(frozen=True, slots=True)
class Init:
    """The initialization section; `timescale` is the track's, per second."""

    data: bytes
    timescale: int


@dataclass(frozen=True, slots=True)
class Fragment:
    """Samples that follow each other, decoded from `decode_time` on; `payload` holds them one behind the other."""

    decode_time: int
    samples: tuple[Sample, ...]
    payload: memoryview

    @property
    def end_time(self) -> int:
        return self.decode_time + sum(sample.duration for sample in self.samples)


class FragmentReader:
    """Finds the initialization section and the fragments in a stream that arrives in pieces of any size."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._head = b""

    def feed(self, piece: bytes) -> Iterator[Init | Fragment]:
        """Yield what is whole by now.

        :raises Fmp4Error: when that is not fragmented MP4 of one track.
        """
        self._pending += piece
        while (size := self._whole_box()) > 0:
            with memoryview(self._pending) as view:
                box = bytes(view[:size])
            del self._pending[:size]
            found = self._take(box[4:_HEADER_SIZE], box)
            if found is not None:
                yield found

    def _whole_box(self) -> int:
        """Return the first box's size, 0 while it is not all there."""
        if len(self._pending) < _HEADER_SIZE:
            return 0
        size, kind = _HEADER.unpack_from(self._pending)
        if not _HEADER_SIZE <= size <= _LARGEST_BOX:
            raise Fmp4Error(f"A box {kind!r} of {size} bytes cannot be.")
        return size if len(self._pending) >= size else 0

    def _take(self, kind: bytes, box: bytes) -> Init | Fragment | None:
        """Return what is complete with the next box."""
        if kind == b"mdat":
            return parse_fragment(self._head, memoryview(box)[_HEADER_SIZE:])
        if kind == b"moov":
            return Init(self._head + box, _timescale(box))
        if kind in {b"ftyp", b"moof"}:
            self._head = box
        return None


def render_fragment(sequence: int, decode_time: int, samples: Sequence[Sample]) -> bytes:
    """Return the moof of a fragment and the header of its mdat; the samples' bytes follow."""
    run_size = 20 + _SAMPLE.size * len(samples)
    moof_size = _MOOF.size + _SAMPLE.size * len(samples)
    moof = _MOOF.pack(
        *(moof_size, b"moof"),
        *(16, b"mfhd", 0, sequence),
        *(moof_size - 24, b"traf"),
        *(16, b"tfhd", _BASE_IS_MOOF, 1),
        *(20, b"tfdt", 1 << 24, decode_time),
        *(run_size, b"trun", 1 << 24 | _HAS_DATA_OFFSET | _ALL_PER_SAMPLE, len(samples), moof_size + _HEADER_SIZE),
    )
    described = b"".join(
        _SAMPLE.pack(
            sample.duration, sample.size, _SYNC_FLAGS if sample.is_sync else _NON_SYNC_FLAGS, sample.composition
        )
        for sample in samples
    )
    return moof + described + _HEADER.pack(_HEADER_SIZE + sum(sample.size for sample in samples), b"mdat")


def _timescale(moov: bytes) -> int:
    header = find_box(moov[_HEADER_SIZE:], b"trak", b"mdia", b"mdhd")
    if not header:
        raise Fmp4Error(_TOO_SHORT)
    # Behind version and flags, and two times that are longer in version 1.
    return int.from_bytes(header[20:24] if header[0] == 1 else header[12:16])


def parse_fragment(moof: bytes, payload: memoryview) -> Fragment:
    """Return what a moof says of the content of the mdat behind it.

    :raises Fmp4Error: when they do not belong to each other, or are of several tracks.
    """
    try:
        return _fragment(moof, payload)
    except (IndexError, struct.error) as error:
        raise Fmp4Error(_TOO_SHORT) from error


def _fragment(moof: bytes, payload: memoryview) -> Fragment:
    boxes = _track_boxes(moof)
    try:
        header, time, run = boxes[_TRACK_HEADER], boxes[_TIME], boxes[_TRACK_RUN]
    except KeyError as error:
        raise Fmp4Error(f"There is no {error} box.") from error
    samples = _samples(run, _defaults(header), most=len(payload))
    if sum([sample.size for sample in samples]) != len(payload):
        raise Fmp4Error("A fragment's samples are not what its data is.")
    # Negative for what encoders of sound put in front of a stream that begins at 0.
    decode_time = int.from_bytes(time[4:12] if time[0] == 1 else time[4:8], signed=True)
    return Fragment(decode_time, samples, payload)


def _track_boxes(moof: bytes) -> dict[bytes, bytes]:
    """Return the bodies of what a fragment says of its track, by their kinds; in one step, since many come a second."""
    found: dict[bytes, bytes] = {}
    position = _HEADER_SIZE
    while position + _HEADER_SIZE <= len(moof):
        size, kind = _HEADER.unpack_from(moof, position)
        if size < _HEADER_SIZE:
            raise Fmp4Error(f"A box of {size} bytes cannot be.")
        if kind != _TRACK:
            found.setdefault(kind, moof[position + _HEADER_SIZE : position + size])
        position += _HEADER_SIZE if kind == _TRACK else size
    return found


def _defaults(header: bytes) -> tuple[int, int, int]:
    """Return duration, size and flags of samples that have none of their own."""
    flags = int.from_bytes(header[1:4])
    position = 8 + (8 if flags & _HAS_BASE_OFFSET else 0) + (4 if flags & _HAS_DESCRIPTION else 0)
    found = []
    for flag in (_HAS_DURATION, _HAS_SIZE, _HAS_FLAGS):
        found.append(int.from_bytes(header[position : position + 4]) if flags & flag else 0)
        position += 4 if flags & flag else 0
    duration, size, sample_flags = found
    return duration, size, sample_flags


def _samples(run: bytes, defaults: tuple[int, int, int], *, most: int) -> tuple[Sample, ...]:
    flags, count = int.from_bytes(run[1:4]), int.from_bytes(run[4:8])
    if count > most:
        raise Fmp4Error(f"{count} samples cannot be in {most} bytes.")
    position = 8 + (4 if flags & _HAS_DATA_OFFSET else 0)
    first_flags = int.from_bytes(run[position : position + 4]) if flags & _HAS_FIRST_FLAGS else None
    position += 0 if first_flags is None else 4
    said = [flags & flag for flag in _PER_SAMPLE]
    width = sum(map(bool, said))
    words = struct.unpack_from(f">{count * width}i", run, position)
    # One column for each thing that is said of every sample.
    columns = iter([words[place::width] for place in range(width)])
    durations, sizes, own_flags, compositions = (
        next(columns) if is_said else (default,) * count for is_said, default in zip(said, (*defaults, 0), strict=True)
    )
    if first_flags is not None:
        own_flags = (first_flags, *own_flags[1:])
    return tuple(
        [
            Sample(duration & _UNSIGNED, size & _UNSIGNED, not sample_flags & _IS_NON_SYNC, composition)
            for duration, size, sample_flags, composition in zip(durations, sizes, own_flags, compositions, strict=True)
        ]
    )


def key_frame_size(segment: bytes) -> int:
    """Return how many of a segment's first bytes are enough to show its first picture, 0 where that is no key frame."""
    try:
        first = next(FragmentReader().feed(segment), None)
    except Fmp4Error:
        # A loss of power leaves files of the right length with nothing in them.
        return 0
    if not isinstance(first, Fragment) or not first.samples or not first.samples[0].is_sync:
        return 0
    return int.from_bytes(segment[:4]) + _HEADER_SIZE + first.samples[0].size


def offsets(samples: Sequence[Sample]) -> list[int]:
    """Return where each sample begins in its fragment's payload, and where the last one ends."""
    return list(accumulate(chain((0,), (sample.size for sample in samples))))
