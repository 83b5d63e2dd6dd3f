"""WebP pictures, shown one after the other in an animated one.

Source: the WebP Container Specification; RFC 6386, 9.1 (a frame's size).
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from streams.media.stills.errors import StillError

_HEAD = 12
_LOSSY = b"VP8 "
_START_CODE = b"\x9d\x01\x2a"
_HAS_ANIMATION = 0x02
# The frame stands in place of the one before.
_NO_BLENDING = 0x02
_SIZE_BITS = 0x3FFF


@dataclass(frozen=True)
class _Frame:
    width: int
    height: int
    chunk: bytes


def animate(pictures: Sequence[bytes], *, frame_ms: int) -> bytes:
    """Return them as one animation that begins again at its end; those of another size than the last are left out.

    :raises StillError: when one is no picture as the transcoder makes them.
    """
    frames = [_parse(picture) for picture in pictures]
    last = frames[-1]
    alike = [frame for frame in frames if (frame.width, frame.height) == (last.width, last.height)]
    canvas = _uint24(last.width - 1) + _uint24(last.height - 1)
    chunks = [
        _chunk(b"VP8X", bytes((_HAS_ANIMATION, 0, 0, 0)) + canvas),
        # No background, and no end.
        _chunk(b"ANIM", bytes(6)),
        *(
            _chunk(b"ANMF", bytes(6) + canvas + _uint24(frame_ms) + bytes((_NO_BLENDING,)) + frame.chunk)
            for frame in alike
        ),
    ]
    return _chunk(b"RIFF", b"WEBP" + b"".join(chunks))


def _parse(picture: bytes) -> _Frame:
    name, size = picture[_HEAD : _HEAD + 4], int.from_bytes(picture[_HEAD + 4 : _HEAD + 8], "little")
    data = picture[_HEAD + 8 : _HEAD + 8 + size]
    is_webp = picture[:4] == b"RIFF" and picture[8:_HEAD] == b"WEBP"
    if not is_webp or name != _LOSSY or len(data) != size or data[3:6] != _START_CODE:
        raise StillError("It is no whole WebP picture of one frame.")
    width, height = struct.unpack("<HH", data[6:10])
    return _Frame(width & _SIZE_BITS, height & _SIZE_BITS, _chunk(_LOSSY, data))


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def _uint24(number: int) -> bytes:
    return number.to_bytes(3, "little")
