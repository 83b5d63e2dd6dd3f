"""What can be found, and how bad it is."""

from enum import IntEnum, StrEnum


class FindingKind(StrEnum):
    """The names that findings are stored under and told by."""

    KEYFRAME_INTERVAL = "keyframe_interval"
    KEYFRAMES_VARY = "keyframes_vary"
    B_FRAMES = "b_frames"
    FRAMES_MISSING = "frames_missing"
    BITRATE_SWINGS = "bitrate_swings"
    BITRATE_HIGH = "bitrate_high"
    BITRATE_LOW = "bitrate_low"
    FALLS_BEHIND = "falls_behind"
    NETWORK_JITTER = "network_jitter"
    CLOCK_DRIFT = "clock_drift"
    AUDIO_MISSING = "audio_missing"
    AUDIO_GAPS = "audio_gaps"
    AUDIO_SILENT = "audio_silent"
    AUDIO_CLIPPING = "audio_clipping"
    LOUDNESS = "loudness"
    BLACK = "black"
    FROZEN = "frozen"
    AV_SKEW = "av_skew"
    PARAMETERS_CHANGED = "parameters_changed"
    TIMESTAMPS_BACK = "timestamps_back"
    BROKEN_MEDIA = "broken_media"
    NO_VIDEO = "no_video"


class Severity(IntEnum):
    """Viewers notice nothing yet; some notice; the broadcast is spoilt."""

    INFO = 1
    WARNING = 2
    ERROR = 3

    @property
    def word(self) -> str:
        return self.name.lower()
