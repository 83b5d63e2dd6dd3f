"""Images that people send as slates, made into what is kept: decoded, turned upright, made small, without metadata."""

import hashlib
import logging
import re
import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import cast

from PIL import Image, ImageOps

from livehub.core.errors import DomainError

logger = logging.getLogger(__name__)

IMAGE_MAX_BYTES = 5_000_000
SIDE_MIN, SIDE_MAX = 64, 8192
# Millions of both sides together. Decoded, a pixel takes 4 bytes, and as many again while it is made smaller; WebP's
# decoder holds each four times.
_PIXELS_MAX = {"PNG": 36, "JPEG": 36, "MPO": 36, "WEBP": 16}
# Of several pictures (MPO), as phones write them, it is the first.
_JPEG = frozenset({"JPEG", "MPO"})
# Larger than what most broadcasts have, so that nobody sees it enlarged.
_KEPT_WITHIN = (1920, 1080)
# Drawings stay as they are; what takes more as a PNG is a photo, of which nobody sees the difference.
_PNG_MAX_BYTES = 1_000_000
_JPEG_QUALITY = 92
# Progressive ones are drawn in ten or so. Each takes as long as the first, 20 ms of the largest image, and may be told
# in 60 bytes.
_SCANS_MAX = 64
# Neither stuffing, nor what stands alone. Source: ITU-T T.81, B.1.1.3.
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")
_SCAN, _END = 0xDA, 0xD9
# The most memory that a request takes: one at a time in each process. One more may wait; the other threads are for
# other requests.
_DECODING = threading.Lock()
_DECODING_WAIT_S = 5.0
_PLACES = threading.BoundedSemaphore(2)
# What Pillow raises of bytes that are no image, or only begin like one.
_UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    TypeError,
    LookupError,
    OverflowError,
    AssertionError,
    struct.error,
    zlib.error,
)
# Ours is checked before anything is decoded, and says what to do. Pillow's would warn of one that we take.
Image.MAX_IMAGE_PIXELS = None
_NO_IMAGE = "This is no image that can be read. Choose a PNG, a JPEG or a WebP."


class SlateImageError(DomainError):
    """What was sent cannot be shown as a slate."""

    code = "image_unusable"
    http_status = 422


class SlateImageBusyError(DomainError):
    """Too many images are being read at this moment."""

    code = "busy"
    http_status = 503
    retryable = True


@dataclass(frozen=True)
class SlateImage:
    """An image as it is kept: a PNG or a JPEG of 8 bits RGB."""

    content: bytes
    width: int
    height: int

    @property
    def content_type(self) -> str:
        return "image/png" if self.content.startswith(b"\x89PNG") else "image/jpeg"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def read_slate_image(sent: bytes) -> SlateImage:
    """Return the image that these bytes are, on black, within 1920x1080; of an animation its first frame.

    :raises SlateImageError: when they are none, or one that is too large or too small.
    :raises SlateImageBusyError: when others are being read, for seconds, or are waiting for that.
    """
    if not sent:
        raise SlateImageError("The image is empty. Choose a PNG, a JPEG or a WebP.")
    if len(sent) > IMAGE_MAX_BYTES:
        raise SlateImageError(too_many_bytes(len(sent)))
    with _turn():
        try:
            return _kept(_decode(sent))
        except _UNREADABLE as error:
            logger.info("slate image not read: %s", type(error).__name__)
            raise SlateImageError(_NO_IMAGE) from error


def too_many_bytes(size: int) -> str:
    """Return what to say of an image of that many bytes."""
    return f"The image has {size / 1e6:.1f} MB. Choose one of at most {IMAGE_MAX_BYTES // 1_000_000} MB."


@contextmanager
def _turn() -> Iterator[None]:
    busy = SlateImageBusyError("Other images are being read. Try again in a few seconds.")
    if not _PLACES.acquire(blocking=False):
        raise busy
    try:
        if not _DECODING.acquire(timeout=_DECODING_WAIT_S):
            raise busy
        try:
            yield
        finally:
            _DECODING.release()
    finally:
        _PLACES.release()


def _decode(sent: bytes) -> Image.Image:
    # Only its head is read: how large it would be is known before it is.
    with Image.open(BytesIO(sent), formats=["PNG", "JPEG", "WEBP"]) as image:
        _check_size(*image.size, millions=_PIXELS_MAX[image.format or ""])
        if image.format in _JPEG:
            _check_scans(sent)
            # Decoded at once to a half, a quarter or an eighth; whichever side will be the long one.
            image.draft(None, (_KEPT_WITHIN[0], _KEPT_WITHIN[0]))
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        return _on_black(_fitted(_in_8_bits(image)))


def _check_size(width: int, height: int, *, millions: int) -> None:
    size = f"The image has {width} x {height} pixels."
    if max(width, height) > SIDE_MAX or width * height > millions * 1_000_000:
        raise SlateImageError(f"{size} Choose one of at most {SIDE_MAX} a side and {millions} million.")
    if min(width, height) < SIDE_MIN:
        raise SlateImageError(f"{size} Choose one of at least {SIDE_MIN} a side.")


def _check_scans(jpeg: bytes) -> None:
    position = scans = 0
    while (found := _MARKER.search(jpeg, position)) is not None and jpeg[found.end() - 1] != _END:
        scans += jpeg[found.end() - 1] == _SCAN
        if scans > _SCANS_MAX:
            raise SlateImageError(f"The JPEG is drawn in more than {_SCANS_MAX} steps. Save it again as a usual one.")
        # What a segment holds may look like a marker.
        position = found.end() + max(2, int.from_bytes(jpeg[found.end() : found.end() + 2]))


def _in_8_bits(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # Of 16 bits the upper 8 are kept: a conversion alone would make nearly all of it white.
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.has_transparency_data:
        return image if image.mode == "RGBA" else image.convert("RGBA")
    return image if image.mode == "RGB" else image.convert("RGB")


def _on_black(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image.convert("RGB")
    black = Image.new("RGB", image.size)
    black.paste(image, mask=image.getchannel("A"))
    return black


def _fitted(image: Image.Image) -> Image.Image:
    scale = min(1.0, *(most / side for most, side in zip(_KEPT_WITHIN, image.size, strict=True)))
    if scale == 1:
        return image
    size = cast(tuple[int, int], tuple(max(1, round(side * scale)) for side in image.size))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _kept(image: Image.Image) -> SlateImage:
    # Nothing but its pixels: neither where a photo was taken, nor by whom.
    bare = Image.new("RGB", image.size)
    bare.paste(image)
    content = _encoded(bare, "PNG")
    if len(content) > _PNG_MAX_BYTES:
        content = _encoded(bare, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return SlateImage(content, *bare.size)


def _encoded(image: Image.Image, image_format: str, **options: int) -> bytes:
    into = BytesIO()
    image.save(into, image_format, **options)
    return into.getvalue()
