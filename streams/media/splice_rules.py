"""What may be spliced into a running broadcast, and what another run has to check from the beginning."""

from dataclasses import dataclass

from streams.media.aac import parse_aac_config
from streams.media.avc import find_picture_size, length_size
from streams.media.errors import SourceChangedError, SourceRefusedError
from streams.media.flv import Tag, TagType
from streams.media.ladder import Ladder
from streams.media.source import check_announced_size

# Of the sides of a picture to each other: all renditions keep the first one's.
_LEAST_LIKENESS, _MOST_LIKENESS = 0.98, 1.02
# Baseline, Main and High: what every browser decodes. Source: ITU-T H.264 annex A.
_PASSABLE_PROFILES = frozenset({66, 77, 100})
_PROFILE_AT = 1
_LENGTH_SIZE = 4
_SHORTEST_SIDE = 64


@dataclass(frozen=True)
class SpliceRules:
    """Rules of one run: whoever sends is judged by what it announces, tag by tag."""

    ladder: Ladder
    max_height: int

    def check(self, tag: Tag) -> None:
        """Accept a tag that can go where others of the run went before.

        :raises SourceRefusedError: when no run could broadcast it; the message says what to change.
        :raises SourceChangedError: when another run can.
        """
        if tag.type == TagType.VIDEO:
            self._check_picture(tag)
        elif tag.type == TagType.AUDIO:
            self._check_sound(tag)

    def _check_picture(self, tag: Tag) -> None:
        if tag.is_media and not tag.is_avc:
            raise SourceRefusedError("The video is not H.264. Set the encoder's video codec to H.264.")
        if not tag.announced:
            return
        size = find_picture_size(tag.record)
        if size is None or length_size(tag.record) != _LENGTH_SIZE:
            raise SourceChangedError("The encoder changed the settings of its picture.")
        check_announced_size(size, max_height=self.max_height)
        first = self.ladder.videos[0]
        likeness = (size.width / size.height) / (first.width / first.height)
        if not _LEAST_LIKENESS < likeness < _MOST_LIKENESS or min(size.width, size.height) < _SHORTEST_SIDE:
            raise SourceChangedError(f"The encoder changed its picture to {size}.")
        if self.ladder.copies_video and tag.record[_PROFILE_AT] not in _PASSABLE_PROFILES:
            raise SourceChangedError("The encoder changed the settings of its picture.")

    def _check_sound(self, tag: Tag) -> None:
        if self.ladder.audio is None:
            if tag.is_media:
                raise SourceChangedError("The encoder has begun to send sound.")
            return
        if tag.is_media and not tag.is_aac:
            raise SourceChangedError("The encoder changed its sound.")
        if not tag.announced:
            return
        config = parse_aac_config(tag.announced)
        if self.ladder.copies_audio and not (config is not None and config.is_passable):
            raise SourceChangedError("The encoder changed its sound.")
