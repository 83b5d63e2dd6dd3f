"""Reading FLV as far as a relay needs: where tags end, which are key frames, when they play, what they announce.

Source: Adobe Flash Video File Format Specification 10.1, annex E.
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

_SIGNATURE = b"FLV"
_FILE_HEADER_SIZE = 9
_TAG_HEADER_SIZE = 11
_PREVIOUS_SIZE = 4
_KEY_FRAME = 1
_AVC = 7
_NAL_UNITS = 1
_AAC = 10
_ANNOUNCEMENT = 0
# Enough of a tag's body to tell what it is, and when a picture is shown.
AVC_HEADER_SIZE = 5
# In front of what a tag announces.
_KIND_SIZE = 2
_HAS_SOUND, _HAS_PICTURE = 4, 1
# The parameter sets of an encoder take some fifty bytes; what is longer is known by its beginning.
_LONGEST_ANNOUNCEMENT = 4096


class TagType(IntEnum):
    AUDIO = 8
    VIDEO = 9
    SCRIPT = 18


class Tag(NamedTuple):
    """`size` is that of the media in bytes, `timestamp_ms` that of decoding, `shown_ms` a picture's own.

    `announced` is what follows of H.264 or AAC is decoded with (its configuration record); empty in all other tags.
    `is_media` is false of tags that hold no picture and no sound: announcements, and the end that encoders write.
    `body` is all of it, as it was sent.
    """

    type: int
    timestamp_ms: int
    size: int
    is_key_frame: bool
    announced: bytes = b""
    composition_ms: int = 0
    is_media: bool = True
    body: bytes = b""

    @property
    def is_avc(self) -> bool:
        return self.type == TagType.VIDEO and self.body[:1] != b"" and self.body[0] & 0x0F == _AVC

    @property
    def is_aac(self) -> bool:
        return self.type == TagType.AUDIO and self.body[:1] != b"" and self.body[0] >> 4 == _AAC

    @property
    def record(self) -> bytes:
        """The decoder's configuration in what is announced: of H.264 it stands behind three bytes more."""
        return self.announced[AVC_HEADER_SIZE - _KIND_SIZE :] if self.type == TagType.VIDEO else self.announced

    @property
    def shown_ms(self) -> int:
        return self.timestamp_ms + self.composition_ms


class FlvError(Exception):
    """The bytes are not FLV."""


class TagReader:
    """Finds the tags in a stream that arrives in pieces of any size."""

    def __init__(self) -> None:
        self._pending = bytearray()
        # Empty until it was read.
        self.header = b""

    def feed(self, piece: bytes) -> Iterator[Tag]:
        """Yield the tags that are whole with this piece.

        :raises FlvError: when the stream does not begin as FLV does.
        """
        self._pending += piece
        if not self.header and not self._take_header():
            return
        position, data = 0, self._pending
        while len(data) >= position + _TAG_HEADER_SIZE:
            size = int.from_bytes(data[position + 1 : position + 4])
            end = position + _TAG_HEADER_SIZE + size + _PREVIOUS_SIZE
            if len(data) < end:
                break
            body_at = position + _TAG_HEADER_SIZE
            yield _tag(bytes(data[position:body_at]), bytes(data[body_at : body_at + size]))
            position = end
        del data[:position]

    def _take_header(self) -> bool:
        if self._pending[: len(_SIGNATURE)] != _SIGNATURE[: len(self._pending)]:
            raise FlvError("The stream does not begin with an FLV header.")
        if len(self._pending) < _FILE_HEADER_SIZE + _PREVIOUS_SIZE:
            return False
        self.header = bytes(self._pending[: _FILE_HEADER_SIZE + _PREVIOUS_SIZE])
        del self._pending[: len(self.header)]
        return True


def file_header(*, has_sound: bool) -> bytes:
    """Return what a stream with a picture begins with: readers wait for what is announced there."""
    flags = _HAS_PICTURE | (_HAS_SOUND if has_sound else 0)
    return _SIGNATURE + bytes([1, flags]) + _FILE_HEADER_SIZE.to_bytes(4) + bytes(_PREVIOUS_SIZE)


def render_tag(kind: int, at_ms: int, body: bytes) -> bytes:
    """Return a tag as it is sent, with the size that follows it."""
    time = (at_ms & 0xFFFFFF).to_bytes(3) + bytes([at_ms >> 24 & 0xFF])
    size = len(body)
    return bytes([kind]) + size.to_bytes(3) + time + bytes(3) + body + (size + _TAG_HEADER_SIZE).to_bytes(4)


def _tag(header: bytes, body: bytes) -> Tag:
    kind, size = header[0] & 0x1F, len(body)
    timestamp = int.from_bytes(header[4:7]) | header[7] << 24
    first, second, *_ = body[:_KIND_SIZE].ljust(_KIND_SIZE, b"\xff")
    announced = body[_KIND_SIZE:_LONGEST_ANNOUNCEMENT] if _announces(kind, first, second) else b""
    if kind != TagType.VIDEO:
        return Tag(kind, timestamp, size, is_key_frame=False, announced=announced, is_media=not announced, body=body)
    is_avc = first & 0x0F == _AVC
    # AVC's sequence header and end of sequence are marked as key frames, but hold no picture.
    is_picture = not is_avc or second == _NAL_UNITS
    composition = body[_KIND_SIZE:AVC_HEADER_SIZE] if is_picture and is_avc else b""
    is_key_frame = is_picture and first >> 4 == _KEY_FRAME
    shown_after = int.from_bytes(composition, signed=True)
    return Tag(kind, timestamp, size, is_key_frame, announced, shown_after, is_picture, body)


def _announces(kind: int, first: int, second: int) -> bool:
    is_known = (kind == TagType.VIDEO and first & 0x0F == _AVC) or (kind == TagType.AUDIO and first >> 4 == _AAC)
    return is_known and second == _ANNOUNCEMENT
