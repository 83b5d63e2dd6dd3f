"""What an encoder sends at this moment, measured over the last seconds of its stream."""

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from streams.media.flv import Tag, TagType

# Long enough that a key frame, which is many times larger than the others, makes no wave of the bitrate: two of the
# key-frame distances that we recommend.
WINDOW_MS = 4_000
# Of each kind, whatever the stream's own clock does: one that stands still would fill the memory. A thousand a second,
# where encoders send a hundred.
_MOST_TAGS = 4_096


@dataclass(frozen=True)
class Measured:
    """Zero for what does not come. `gop_s` is the distance of the newest two key frames, or the time that has passed
    since the newest if that is longer; after the first one alone nothing is known for as long as the window."""

    video_kbps: int = 0
    audio_kbps: int = 0
    fps: float = 0.0
    gop_s: float = 0.0


class _Noted(NamedTuple):
    """What is kept of a tag: its media may be large."""

    timestamp_ms: int
    size: int


class Meter:
    """Takes in every tag of a stream; costs a few operations for each."""

    def __init__(self) -> None:
        self._video = deque[_Noted](maxlen=_MOST_TAGS)
        self._audio = deque[_Noted](maxlen=_MOST_TAGS)
        self._newest_ms = 0
        self._key_frame_ms: int | None = None
        self._gop_ms = 0

    def note(self, tag: Tag) -> None:
        """Take in the next tag."""
        kind = self._video if tag.type == TagType.VIDEO else self._audio if tag.type == TagType.AUDIO else None
        if kind is None or not tag.is_media:
            return
        if tag.timestamp_ms < self._newest_ms - WINDOW_MS:
            # The encoder's clock began anew.
            self._video.clear()
            self._audio.clear()
            self._key_frame_ms, self._newest_ms = None, 0
        self._newest_ms = max(self._newest_ms, tag.timestamp_ms)
        kind.append(_Noted(tag.timestamp_ms, tag.size))
        if tag.is_key_frame:
            if self._key_frame_ms is not None:
                self._gop_ms = tag.timestamp_ms - self._key_frame_ms
            self._key_frame_ms = tag.timestamp_ms

    def read(self) -> Measured:
        """Return the values as they are now, by the stream's own clock."""
        for tags in (self._video, self._audio):
            while tags and tags[0].timestamp_ms <= self._newest_ms - WINDOW_MS:
                tags.popleft()
        return Measured(
            video_kbps=_kbps(self._video),
            audio_kbps=_kbps(self._audio),
            fps=_rate(self._video),
            gop_s=self._read_gop_ms() / 1000,
        )

    def _read_gop_ms(self) -> int:
        since_key_ms = self._newest_ms - self._key_frame_ms if self._key_frame_ms is not None else 0
        is_known = self._gop_ms or since_key_ms >= WINDOW_MS
        return max(self._gop_ms, since_key_ms) if is_known else 0


def _kbps(tags: deque[_Noted]) -> int:
    span_ms = _span_ms(tags)
    # The newest tag's own time is not over yet.
    return round((sum(tag.size for tag in tags) - tags[-1].size) * 8 / span_ms) if span_ms else 0


def _rate(tags: deque[_Noted]) -> float:
    span_ms = _span_ms(tags)
    return round((len(tags) - 1) * 1000 / span_ms, 2) if span_ms else 0.0


def _span_ms(tags: deque[_Noted]) -> int:
    return tags[-1].timestamp_ms - tags[0].timestamp_ms if tags else 0
