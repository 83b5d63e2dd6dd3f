"""Writing `moov`: one flat description of all samples of a file.

Source: ISO/IEC 14496-12, 8.2 to 8.7.
"""

import sys
from array import array
from collections.abc import Iterator, Sequence
from itertools import groupby

from streams.media.recording.index import US, TrackKind, words
from streams.media.recording.tables import TrackTables

# Of the file as a whole; finer than any picture, and what most of them are told in.
MOVIE_TIMESCALE = 90_000
_LARGEST_OFFSET = (1 << 32) - 1
_WORD = 4
_UNITY = b"".join(number.to_bytes(_WORD) for number in (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000))
_UNDETERMINED = 0x55C4
# Version 1: times of 64 bits.
_LONG = b"\1\0\0\0"
_SHORT = bytes(4)
# Enabled, and part of what is shown.
_SHOWN = b"\1\0\0\3"
# What a box is made of: joined once, since the index of twelve hours is 20 MB.
_Pieces = list[bytes | memoryview]


def render_moov(
    tracks: Sequence[TrackTables], *, start_us: int, end_us: int, base: int = 0, is_wide: bool = False
) -> bytes:
    """Return the description of tracks of which a file shows what is between two times.

    `base` is added to all offsets, which are told in 64 bits if one may need that (`is_wide`), or does.
    """
    duration = _ticks(end_us - start_us, MOVIE_TIMESCALE)
    header = (
        _LONG + bytes(16) + MOVIE_TIMESCALE.to_bytes(4) + duration.to_bytes(8) + b"\0\1\0\0\1\0" + bytes(10) + _UNITY
    )
    made = _box(b"mvhd", header + bytes(24) + (len(tracks) + 1).to_bytes(4))
    for number, tables in enumerate(tracks, 1):
        is_long = is_wide or max(tables.chunk_offsets) + base > _LARGEST_OFFSET
        edits = _edits(tables, start_us=start_us, end_us=end_us)
        made += _track(tables, number, edits, duration=duration, base=base, is_long=is_long)
    return b"".join(_box(b"moov", *made))


def _track(tables: TrackTables, number: int, edits: bytes, *, duration: int, base: int, is_long: bool) -> _Pieces:
    is_video = tables.init.kind is TrackKind.VIDEO
    # Behind the entry's header and what all entries have; 16.16 fixed point in the track's header.
    size = tables.init.entry[32:36] if is_video else bytes(4)
    header = (
        _SHOWN + bytes(16) + number.to_bytes(4) + bytes(4) + duration.to_bytes(8) + bytes(12)
        + (b"\0\0" if is_video else b"\1\0") + bytes(2) + _UNITY + size[:2] + bytes(2) + size[2:] + bytes(2)
    )  # fmt: skip
    media = (
        _LONG + bytes(16) + tables.timescale.to_bytes(4) + (tables.end - tables.first_at).to_bytes(8)
        + _UNDETERMINED.to_bytes(2) + bytes(2)
    )  # fmt: skip
    handler = bytes(8) + (b"vide" if is_video else b"soun") + bytes(12) + b"LiveHub\0"
    kind = _box(b"vmhd", b"\0\0\0\1" + bytes(8)) if is_video else _box(b"smhd", bytes(8))
    here = _box(b"dinf", *_box(b"dref", _SHORT + (1).to_bytes(4), *_box(b"url ", b"\0\0\0\1")))
    information = _box(b"minf", *kind, *here, *_box(b"stbl", *_sample_tables(tables, base=base, is_long=is_long)))
    described = _box(b"mdia", *_box(b"mdhd", media), *_box(b"hdlr", handler), *information)
    return _box(b"trak", *_box(b"tkhd", header), *_box(b"edts", *_box(b"elst", edits)), *described)


def _edits(tables: TrackTables, *, start_us: int, end_us: int) -> bytes:
    """Return which of the track's media is shown, and from when on."""
    start, end = _ticks(start_us, tables.timescale), _ticks(end_us, tables.timescale)
    first = tables.first_at + tables.first_composition
    made = list[bytes]()
    if first > start:
        waits = _rescaled(first - start, tables.timescale)
        made.append(waits.to_bytes(8) + (-1).to_bytes(8, signed=True) + b"\0\1\0\0")
    begins = max(first, start)
    last = max(begins, min(end, tables.end + max(0, tables.first_composition)))
    shown = _rescaled(last - begins, tables.timescale)
    made.append(shown.to_bytes(8) + (begins - tables.first_at).to_bytes(8) + b"\0\1\0\0")
    return _LONG + len(made).to_bytes(4) + b"".join(made)


def _sample_tables(tables: TrackTables, *, base: int, is_long: bool) -> Iterator[bytes | memoryview]:
    yield from _box(b"stsd", _SHORT + (1).to_bytes(4), tables.init.entry)
    yield from _box(b"stts", _SHORT, *_counted(tables.durations, 2))
    if any(tables.compositions[1::2]):
        yield from _box(b"ctts", _LONG if tables.has_negative else _SHORT, *_counted(tables.compositions, 2))
    if tables.init.kind is TrackKind.VIDEO and len(tables.key_frames) < len(tables.sizes):
        yield from _box(b"stss", _SHORT, *_counted(tables.key_frames, 1))
    yield from _box(b"stsz", _SHORT + bytes(4), *_counted(tables.sizes, 1))
    yield from _box(b"stsc", _SHORT, *_counted(_chunk_runs(tables.chunk_counts), 3))
    offsets = array("Q" if is_long else "I", (offset + base for offset in tables.chunk_offsets))
    yield from _box(b"co64" if is_long else b"stco", _SHORT, *_counted(offsets, 1))


def _chunk_runs(counts: "array[int]") -> "array[int]":
    """Return of chunks with the same number of samples in a row the first, counted from 1, and that number."""
    runs, number = words(()), 1
    for count, same in groupby(counts):
        runs.extend((number, count, 1))
        number += sum(1 for _ in same)
    return runs


def _counted(column: "array[int]", width: int) -> _Pieces:
    """Return how many entries there are, and the entries."""
    if sys.byteorder == "little":
        column = column[:]
        column.byteswap()
    return [(len(column) // width).to_bytes(4), memoryview(column).cast("B")]


def _box(kind: bytes, *body: bytes | memoryview) -> _Pieces:
    return [(sum(map(len, body)) + 8).to_bytes(4) + kind, *body]


def _ticks(time_us: int, timescale: int) -> int:
    return (time_us * timescale + US // 2) // US


def _rescaled(ticks: int, timescale: int) -> int:
    """Return a length in the file's time scale, not shorter than it is."""
    return -(-ticks * MOVIE_TIMESCALE // timescale)
