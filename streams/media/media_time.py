"""How much media came, measured by the media's own clock."""

from streams.media.flv import Tag, TagType

_CLOCK_MS = 1 << 32
# A longer step is a jump of the encoder's clock, not media; the longest distance of frames is that of slides.
_LONGEST_STEP_MS = 5_000


class MediaTime:
    """Adds up the steps from frame to frame: of the video, or of the audio as long as there is no video."""

    def __init__(self) -> None:
        self.elapsed_ms = 0
        self._last_ms: int | None = None
        self._has_video = False

    def note(self, tag: Tag) -> None:
        """Take in the next tag."""
        self._has_video = self._has_video or tag.type == TagType.VIDEO
        if tag.type != (TagType.VIDEO if self._has_video else TagType.AUDIO):
            return
        if self._last_ms is not None:
            # Timestamps begin anew after 49.7 days; a step backwards looks like a very long one.
            step_ms = (tag.timestamp_ms - self._last_ms) % _CLOCK_MS
            self.elapsed_ms += step_ms if step_ms <= _LONGEST_STEP_MS else 0
        self._last_ms = tag.timestamp_ms
