"""Images as people send them."""

import struct
import zlib
from io import BytesIO

from PIL import Image


def image_bytes(
    size: tuple[int, int] = (320, 180),
    *,
    kind: str = "PNG",
    mode: str = "RGB",
    colour: object = (200, 30, 40),
    **options: object,
) -> bytes:
    """Return an image of one colour."""
    into = BytesIO()
    Image.new(mode, size, colour).save(into, kind, **options)  # type: ignore[arg-type]  # Whatever the mode takes.
    return into.getvalue()


def claimed_png(width: int, height: int) -> bytes:
    """Return a PNG of a few bytes that says it has this size."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pieces = [(b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(_chunk, pieces))


def opened(content: bytes) -> Image.Image:
    image = Image.open(BytesIO(content))
    image.load()
    return image


def _chunk(piece: tuple[bytes, bytes]) -> bytes:
    name, data = piece
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
