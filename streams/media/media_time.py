"""How much media came, measured by the media's own clock."""

from streams.media.flv import Tag, TagType

_CLOCK_MS = 1 << 32
# A longer step is a jump of the encoder's clock, not media; the longest distance of frames is that of slides.
_LONGEST_STEP_MS = 5_000
# A clock that does not get so far while media comes for so long will not make a part, however much comes.
_LEAST_PROGRESS_MS = 1_000
_LONGEST_STAND_S = 5.0
# Between two pieces; what is longer is a pause of the encoder.
_LONGEST_GAP_S = 0.1
# How long the soonest arrival counts: encoders' clocks are not ours.
_ANCHOR_MS = 10_000.0


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


class Pace:
    """Tells an encoder's clock that goes on from one that all but stands still."""

    def __init__(self) -> None:
        self._begun_ms: int | None = None
        # For how long media has come since then.
        self._coming_s = 0.0
        self._noted_at_s: float | None = None

    def stands_still(self, newest_ms: int, *, now_s: float) -> bool:
        """Take in how far the stream's clock is as something of it comes; tell whether that has not moved for long."""
        if self._noted_at_s is not None:
            self._coming_s += min(now_s - self._noted_at_s, _LONGEST_GAP_S)
        self._noted_at_s = now_s
        if self._begun_ms is None or newest_ms - self._begun_ms >= _LEAST_PROGRESS_MS:
            self._begun_ms, self._coming_s = newest_ms, 0.0
        return self._coming_s > _LONGEST_STAND_S


class Anchor:
    """What the stream's clock lacks of ours, by what came soonest of late."""

    def __init__(self) -> None:
        self._begun_at = 0.0
        self._least: list[float] = []

    @property
    def value(self) -> float | None:
        """None before anything came."""
        return min(self._least, default=None)

    def note(self, lacking_ms: float, *, now_ms: float) -> None:
        """Take in what it lacks by something that has just come."""
        if not self._least or now_ms - self._begun_at > _ANCHOR_MS:
            self._least = [*self._least[-1:], lacking_ms]
            self._begun_at = now_ms
        self._least[-1] = min(self._least[-1], lacking_ms)
