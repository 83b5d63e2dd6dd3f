"""How long parts and segments are: chosen once for a session, since players rely on it."""

import math
from dataclasses import dataclass
from enum import StrEnum

# Three parts are what a player keeps between itself and the newest picture.
_PART_S = 0.3
# Of the part target, what every part but a segment's last has to last. Source: RFC 8216bis 4.4.4.9.
_LEAST_SHARE = 0.85
# Timestamps of encoders are milliseconds, so the same number of frames may last a little longer.
_ROUNDING_S = 0.002
# Written without being told of, where there are no parts: what a crash may lose.
_CHUNK_S = 0.5
# In rounded seconds no segment is longer; a key frame distance up to that can be passed through.
TARGET_DURATION_S = 4
LONGEST_SEGMENT_S = 4.4


class Latency(StrEnum):
    """Parts for players a second behind, or segments alone for the least load."""

    LOW = "low"
    STANDARD = "standard"

    @property
    def segment_s(self) -> float:
        return 2.0 if self is Latency.LOW else 4.0


@dataclass(frozen=True)
class Targets:
    """`part_s` is the part target, 0 for none; `chunk_s` is how much is written at once, at least."""

    part_s: float
    chunk_s: float
    segment_s: float

    @property
    def longest_chunk_s(self) -> float:
        return self.part_s or self.segment_s

    @property
    def fragment_s(self) -> float:
        """How much ffmpeg hands over at once: half, so that what is cut elsewhere waits for less."""
        return self.chunk_s / 2


def choose_targets(mode: Latency, *, fps: float) -> Targets:
    """Return targets for a source of this frame rate, 0 for an unknown one: parts are whole frames."""
    if mode is Latency.STANDARD:
        return Targets(part_s=0.0, chunk_s=_CHUNK_S, segment_s=mode.segment_s)
    frame_s = 1 / fps if fps > 0 else 1 / 30
    frames_s = math.ceil(_PART_S * _LEAST_SHARE / frame_s) * frame_s
    part_s = max(_PART_S, math.ceil((frames_s + _ROUNDING_S) * 100) / 100)
    return Targets(part_s=part_s, chunk_s=part_s * _LEAST_SHARE, segment_s=mode.segment_s)
