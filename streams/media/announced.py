"""What an encoder has announced of its picture and its sound, and whether it stays with that."""

from streams.media.avc import PictureSize, find_picture_size
from streams.media.errors import SourceChangedError
from streams.media.flv import Tag, TagType


class Announced:
    """Takes in every tag of a stream. Encoders repeat what they have announced, which changes nothing."""

    def __init__(self) -> None:
        self._first: dict[int, bytes] = {}

    @property
    def picture_size(self) -> PictureSize | None:
        """None when it is not known."""
        return _size(self._first.get(TagType.VIDEO, b""))

    def note(self, tag: Tag) -> None:
        """Take in the next tag.

        :raises SourceChangedError: when it announces something else than before.
        """
        if not tag.announced:
            return
        first = self._first.setdefault(tag.type, tag.announced)
        if tag.announced != first:
            raise SourceChangedError(_what_changed(tag, first))


def _what_changed(tag: Tag, first: bytes) -> str:
    if tag.type != TagType.VIDEO:
        return "The encoder changed its sound."
    size = _size(tag.announced)
    if size is None or size == _size(first):
        return "The encoder changed the settings of its picture."
    return f"The encoder changed its picture to {size}."


def _size(announced: bytes) -> PictureSize | None:
    # Before the record stands by how much each picture is shown later than decoded.
    return find_picture_size(announced[3:])
