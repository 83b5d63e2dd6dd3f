"""The pictures since the last key frame: what the last one of them is decoded with."""

from dataclasses import dataclass

from streams.media.feeds import announce_picture
from streams.media.flv import Tag, TagType, file_header, render_tag

# Some seconds of the highest bitrate that is taken in; each broadcast that holds its last picture may keep so much.
_MOST_BYTES = 16 << 20


@dataclass(frozen=True)
class Pictures:
    """Pictures as an encoder sent them, the first a key frame; `record` is what they are decoded with."""

    record: bytes
    tags: tuple[Tag, ...]

    @property
    def last_ms(self) -> int:
        """When the one is shown that is shown last, by the clock of `clip`: not the one that was sent last."""
        return max(tag.shown_ms for tag in self.tags) - self.tags[0].timestamp_ms

    def clip(self) -> bytes:
        """Return them as FLV that begins at 0."""
        began_ms = self.tags[0].timestamp_ms
        told = render_tag(TagType.VIDEO, 0, announce_picture(self.record))
        sent = (render_tag(TagType.VIDEO, max(0, tag.timestamp_ms - began_ms), tag.body) for tag in self.tags)
        return b"".join([file_header(has_sound=False), told, *sent])


class KeptGop:
    """Keeps the pictures that were handed on since the last key frame, or where those are too many, that one alone."""

    def __init__(self, *, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._record = b""
        self._used_record = b""
        self._tags: list[Tag] = []
        self._size = 0
        self._is_too_long = False
        # How many pictures were noted: by that one knows whether others came since.
        self.count = 0

    @property
    def is_empty(self) -> bool:
        """No key frame has come yet."""
        return not self._tags

    @property
    def pictures(self) -> Pictures | None:
        """What is kept now, None while there is nothing."""
        return Pictures(self._used_record, tuple(self._tags)) if self._tags else None

    def announce(self, tag: Tag) -> None:
        """Take in what the next key frame is decoded with."""
        if tag.type == TagType.VIDEO and tag.announced:
            self._record = tag.record

    def note(self, tag: Tag) -> None:
        """Take in the next tag that was handed on."""
        if not (tag.is_avc and tag.is_media):
            return
        self.count += 1
        if tag.is_key_frame:
            self._used_record, self._tags, self._size, self._is_too_long = self._record, [tag], tag.size, False
        elif self._tags and not self._is_too_long:
            self._tags.append(tag)
            self._size += tag.size
            if self._size > self._most_bytes:
                # Others after it cannot be decoded without what is dropped.
                self._is_too_long = True
                del self._tags[1:]
