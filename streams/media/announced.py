"""What an encoder has announced of its picture and its sound, and whether it stays with that."""

from streams.media.avc import PictureSize, find_picture_size
from streams.media.errors import SourceChangedError
from streams.media.flv import Tag, TagType


class Announced:
    """Takes in every tag of a stream. Encoders repeat what they have announced, which changes nothing."""

    def __init__(self) -> None:
        self._newest: dict[int, bytes] = {}

    @property
    def picture_size(self) -> PictureSize | None:
        """None when it is not known."""
        return find_picture_size(self._newest.get(TagType.VIDEO, b""))

    @property
    def record(self) -> bytes:
        """The AVCDecoderConfigurationRecord, empty when nothing was announced."""
        return self._newest.get(TagType.VIDEO, b"")

    @property
    def config(self) -> bytes:
        """The AudioSpecificConfig, empty when nothing was announced."""
        return self._newest.get(TagType.AUDIO, b"")

    def check(self, tag: Tag) -> None:
        """Accept a tag that announces nothing, or what was announced before.

        :raises SourceChangedError: when it announces something else.
        """
        if tag.announced and tag.record != self._newest.get(tag.type, tag.record):
            raise SourceChangedError(self._what_changed(tag))

    def take(self, tag: Tag) -> None:
        """Take in the next tag."""
        if tag.announced:
            self._newest[tag.type] = tag.record

    def _what_changed(self, tag: Tag) -> str:
        if tag.type != TagType.VIDEO:
            return "The encoder changed its sound."
        size = find_picture_size(tag.record)
        if size is None or size == self.picture_size:
            return "The encoder changed the settings of its picture."
        return f"The encoder changed its picture to {size}."
