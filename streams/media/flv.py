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
_PEEK_SIZE = 5
_LAST_PEEKED = _TAG_HEADER_SIZE + _PEEK_SIZE - 1
# In front of what a tag announces.
_KIND_SIZE = 2
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
    """

    type: int
    timestamp_ms: int
    size: int
    is_key_frame: bool
    announced: bytes = b""
    composition_ms: int = 0
    is_media: bool = True

    @property
    def shown_ms(self) -> int:
        return self.timestamp_ms + self.composition_ms


class FlvError(Exception):
    """The bytes are not FLV."""


class TagReader:
    """Finds the tags in a stream that arrives in pieces of any size."""

    def __init__(self) -> None:
        self._pending = b""
        # From the beginning of what is pending up to the next tag.
        self._to_skip = _FILE_HEADER_SIZE + _PREVIOUS_SIZE
        self._has_signature = False

    def feed(self, piece: bytes) -> Iterator[Tag]:
        """Yield the tags that begin in this piece (the last bytes of their media may still be to come).

        :raises FlvError: when the stream does not begin as FLV does.
        """
        data, position = self._pending + piece, self._to_skip
        if not self._has_signature:
            if len(data) < len(_SIGNATURE):
                self._pending = data
                return
            if not data.startswith(_SIGNATURE):
                raise FlvError("The stream does not begin with an FLV header.")
            self._has_signature = True
        while (begun := data[position : position + _TAG_HEADER_SIZE + _PEEK_SIZE])[_LAST_PEEKED:]:
            size = int.from_bytes(begun[1:4])
            body, announced = position + _TAG_HEADER_SIZE, b""
            if _announces(begun):
                announcement_end = body + min(size, _LONGEST_ANNOUNCEMENT)
                if len(data) < announcement_end:
                    break
                announced = data[body + _KIND_SIZE : announcement_end]
            yield _tag(begun, size=size, announced=announced)
            position = body + size + _PREVIOUS_SIZE
        self._pending, self._to_skip = data[position:], max(0, position - len(data))


def _announces(header: bytes) -> bool:
    kind, first, second = header[0] & 0x1F, header[_TAG_HEADER_SIZE], header[_TAG_HEADER_SIZE + 1]
    is_known = (kind == TagType.VIDEO and first & 0x0F == _AVC) or (kind == TagType.AUDIO and first >> 4 == _AAC)
    return is_known and second == _ANNOUNCEMENT


def _tag(header: bytes, *, size: int, announced: bytes) -> Tag:
    kind = header[0] & 0x1F
    timestamp = int.from_bytes(header[4:7]) | header[7] << 24
    if kind != TagType.VIDEO:
        return Tag(kind, timestamp, size, is_key_frame=False, announced=announced, is_media=not announced)
    first, second = header[_TAG_HEADER_SIZE], header[_TAG_HEADER_SIZE + 1]
    is_avc = first & 0x0F == _AVC
    # AVC's sequence header and end of sequence are marked as key frames, but hold no picture.
    is_picture = not is_avc or second == _NAL_UNITS
    composition = header[_TAG_HEADER_SIZE + _KIND_SIZE :] if is_picture and is_avc else b""
    is_key_frame = is_picture and first >> 4 == _KEY_FRAME
    return Tag(kind, timestamp, size, is_key_frame, announced, int.from_bytes(composition, signed=True), is_picture)
