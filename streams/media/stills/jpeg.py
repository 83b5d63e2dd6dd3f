"""JPEG pictures that were made alike, put below each other in one: their coded data is, with marks between.

Source: ITU T.81, annex B (markers), F.1.1.5.1 (a restart interval is coded for itself).
"""

import math
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from streams.media.stills.errors import StillError

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_SOF0, _DRI, _SOS = 0xC0, 0xDD, 0xDA
_BLOCK = 8
_MOST = 0xFFFF
# Of 16-bit lengths and sizes; and the marks between intervals are numbered modulo 8.
_FIRST_RESTART, _RESTARTS = 0xD0, 8
# In coded data 0xFF is followed by 0.
_MARKER = re.compile(rb"\xff[^\x00]")


@dataclass(frozen=True)
class _Picture:
    # With what they begin with: everything that says how the data is coded, but for the picture's size.
    before_frame: bytes
    frame: bytes
    before_data: bytes
    data: bytes

    @property
    def height(self) -> int:
        return int.from_bytes(self.frame[5:7])

    @property
    def width(self) -> int:
        return int.from_bytes(self.frame[7:9])

    @property
    def unit(self) -> tuple[int, int]:
        """Width and height of what is coded together."""
        samplings = self.frame[11::3]
        return _BLOCK * max(each >> 4 for each in samplings), _BLOCK * max(each & 15 for each in samplings)


def size_of(picture: bytes) -> tuple[int, int]:
    """Return width and height.

    :raises StillError: when it is no picture as the transcoder makes them.
    """
    parsed = _parse(picture)
    return parsed.width, parsed.height


def stack(pictures: Sequence[bytes]) -> bytes:
    """Return one picture that has all of them, the first on top.

    :raises StillError: when they were not made alike, or their height is not one that can be stacked.
    """
    first, *others = parsed = [_parse(picture) for picture in pictures]
    unit_width, unit_height = first.unit
    interval = math.ceil(first.width / unit_width) * (first.height // unit_height)
    height = first.height * len(parsed)
    if first.height % unit_height or interval > _MOST or height > _MOST:
        raise StillError(f"Pictures of {first.width}x{first.height} cannot be stacked.")
    if any((other.before_frame, other.frame, other.before_data) != _kind(first) for other in others):
        raise StillError("Pictures that are coded in different ways cannot be stacked.")
    frame = first.frame[:5] + struct.pack(">H", height) + first.frame[7:]
    restarts = struct.pack(">BBHH", 0xFF, _DRI, 4, interval)
    return b"".join((first.before_frame, frame, restarts, first.before_data, *_data(parsed), _EOI))


def _kind(picture: _Picture) -> tuple[bytes, bytes, bytes]:
    return picture.before_frame, picture.frame, picture.before_data


def _data(pictures: Sequence[_Picture]) -> list[bytes]:
    pieces = []
    for number, picture in enumerate(pictures):
        pieces.append(picture.data)
        if number < len(pictures) - 1:
            pieces.append(bytes((0xFF, _FIRST_RESTART + number % _RESTARTS)))
    return pieces


def _parse(picture: bytes) -> _Picture:
    if not (picture.startswith(_SOI) and picture.endswith(_EOI)):
        raise StillError("It is no whole JPEG picture.")
    frame_at = frame_end = 0
    at = len(_SOI)
    while at + 4 <= len(picture) and picture[at] == 0xFF:
        marker, end = picture[at + 1], at + 2 + int.from_bytes(picture[at + 2 : at + 4])
        if marker == _SOF0:
            frame_at, frame_end = at, end
        elif marker == _SOS and frame_at:
            data = picture[end : -len(_EOI)]
            if _MARKER.search(data):
                break
            return _Picture(picture[:frame_at], picture[frame_at:frame_end], picture[frame_end:end], data)
        at = end
    raise StillError("It is no JPEG picture of one plain scan.")
