"""How long a part or a segment is: its own sample tables say so, at the hub and at an edge node alike."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from analytics.counting.media import WHOLE, Extent, MediumAddress
from streams.media.fmp4 import Fmp4Error, find_box

_HEADER = struct.Struct(">I4s")
# No sample table of ours is as long, and nothing of ours takes as long.
_LARGEST_TABLE, _LONGEST_US = 1 << 20, 60_000_000
_HAS_DATA_OFFSET, _HAS_FIRST_FLAGS, _HAS_DURATION = 0x1, 0x4, 0x100
_PER_SAMPLE = (0x100, 0x200, 0x400, 0x800)
_KEPT = 1000


class ObjectLengths:
    """Those below one folder of playback."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._timescales: dict[tuple[str, int], int] = {}
        # What parts and segments of a rendition's epoch were like last.
        self._usual: dict[tuple[str, int, bool], int] = {}

    def measure(self, address: MediumAddress) -> Extent | None:
        """Return how long an object is and its bytes, None where nobody can tell any more.

        A part whose file is gone stands in its segment; and what has all gone is as long as those before it.
        """
        usual = (address.folder, address.epoch, address.part == WHOLE)
        try:
            extent = self._read(address)
        except (OSError, Fmp4Error, struct.error, IndexError):
            duration_us = self._usual.get(usual)
            # Of so many bytes at least that it is none that was cut.
            return None if duration_us is None else Extent(duration_us, 1)
        if not 0 < extent.duration_us <= _LONGEST_US:
            return None
        if len(self._usual) > _KEPT:
            self._usual.clear()
        self._usual[usual] = extent.duration_us
        return extent

    def _read(self, address: MediumAddress) -> Extent:
        folder = self._root / address.folder
        timescale = self._timescale(folder, address)
        try:
            with (folder / address.name).open("rb") as file:
                tables = list(_tables(file))
                size = file.seek(0, 2)
        except FileNotFoundError:
            if address.part == WHOLE:
                raise
            with (folder / f"{address.epoch}-{address.msn}.m4s").open("rb") as file:
                tables, size = [list(_tables(file))[address.part]], 1
        return Extent(sum(map(_duration, tables)) * 1_000_000 // timescale, size)

    def _timescale(self, folder: Path, address: MediumAddress) -> int:
        key = (address.folder, address.epoch)
        found = self._timescales.get(key)
        if found is None:
            # They are alike in all runs of one epoch: what is spliced in is converted.
            init = max(folder.glob(f"{address.epoch}-*.init.mp4"), key=lambda path: path.stat().st_mtime, default=None)
            if init is None:
                raise FileNotFoundError(f"There is no initialization section of epoch {address.epoch}.")
            header = find_box(init.read_bytes(), b"moov", b"trak", b"mdia", b"mdhd")
            # Behind version and flags, and two times that are longer in version 1.
            found = int.from_bytes(header[20:24] if header[0] == 1 else header[12:16]) or 1
            if len(self._timescales) > _KEPT:
                self._timescales.clear()
            self._timescales[key] = found
        return found


def _tables(file: BinaryIO) -> Iterator[bytes]:
    """Yield the bodies of a file's moof boxes."""
    while len(header := file.read(_HEADER.size)) == _HEADER.size:
        size, kind = _HEADER.unpack(header)
        if size < _HEADER.size or (kind == b"moof" and size > _LARGEST_TABLE):
            raise Fmp4Error(f"A box {kind!r} of {size} bytes cannot be.")
        if kind == b"moof":
            yield file.read(size - _HEADER.size)
        else:
            file.seek(size - _HEADER.size, 1)


def _duration(moof: bytes) -> int:
    """Return how long a fragment is, in its track's time scale."""
    header, run = find_box(moof, b"traf", b"tfhd"), find_box(moof, b"traf", b"trun")
    flags, count = int.from_bytes(run[1:4]), int.from_bytes(run[4:8])
    if not flags & _HAS_DURATION:
        # The fragment's own default: where it stands follows from what is before it.
        said = int.from_bytes(header[1:4])
        position = 8 + (8 if said & 0x1 else 0) + (4 if said & 0x2 else 0)
        return count * int.from_bytes(header[position : position + 4]) if said & 0x8 else 0
    position = 8 + (4 if flags & _HAS_DATA_OFFSET else 0) + (4 if flags & _HAS_FIRST_FLAGS else 0)
    width = sum(bool(flags & flag) for flag in _PER_SAMPLE)
    words = struct.unpack_from(f">{count * width}I", run, position)
    return sum(words[::width])
