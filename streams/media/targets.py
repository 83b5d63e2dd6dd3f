"""How long parts and segments are: chosen once for a session, since players rely on it."""

import math
from dataclasses import dataclass, replace
from enum import StrEnum

from streams.media.aac import PASSABLE_RATES, SAMPLES

# A multiple of the frames' times at all usual rates. hls.js, which looks at its buffer four times a second, comes no
# nearer to the live edge than a second and some two thirds of a part.
_PART_S = 0.2
# Shorter than any: each frame is handed over as it comes.
_EACH_FRAME_S = 0.001
# Of a source that does not tell.
_USUAL_FPS = 30.0
# Of the part target, what every part but a segment's last has to last. Source: RFC 8216bis 4.4.4.9.
_LEAST_SHARE = 0.85
# Timestamps of encoders are milliseconds, so the same number of frames may last a little longer.
_ROUNDING_S = 0.002
# Parts of sound are whole frames, too.
_SOUND_FRAMES_S = tuple(SAMPLES / rate for rate in PASSABLE_RATES)
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

    @property
    def longest_pause_s(self) -> float:
        """After how long without media the slate is shown: by then it has to come, or players run dry.

        With parts they have a second in hand (measured: 0.9 s are just enough, 1.1 s are too much), else ten.
        """
        return 0.7 if self is Latency.LOW else 3.0

    @property
    def longest_gap_s(self) -> float:
        """How long after the last media something has to be shown, where what is to be shown is still being made."""
        return 0.85 if self is Latency.LOW else 4.5

    @property
    def gathered_s(self) -> float:
        """For how long the relay gathers media before it hands it on: viewers wait for it.

        Encoders send some seventy packets a second, and each turn of the relay costs more than what comes in it.
        """
        return 0.02 if self is Latency.LOW else 0.2


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
        """How much ffmpeg hands over at once: where parts wait for it, a frame."""
        return _EACH_FRAME_S if self.part_s else self.chunk_s

    def with_part_target(self, part_s: float) -> "Targets":
        """Return these for a session whose players were told of that part target, 0 for no parts."""
        if part_s == self.part_s:
            return self
        return replace(self, part_s=part_s, chunk_s=part_s * _LEAST_SHARE or _CHUNK_S)


def choose_targets(mode: Latency, *, fps: float) -> Targets:
    """Return targets for a source of this frame rate, 0 for an unknown one: parts are whole frames."""
    if mode is Latency.STANDARD:
        return Targets(part_s=0.0, chunk_s=_CHUNK_S, segment_s=mode.segment_s)
    part_s = _part_s(fps or _USUAL_FPS, segment_s=mode.segment_s)
    return Targets(part_s=part_s, chunk_s=part_s * _LEAST_SHARE, segment_s=mode.segment_s)


def _part_s(fps: float, *, segment_s: float) -> float:
    """Return how long a part may be, so that a segment can be divided into parts that are nearly alike.

    Else the last one would be short, and players would have to fetch it within the moment that it lasts. What frames
    of sound come to has to do as well.
    """
    in_segment = round(segment_s * fps) or 1
    # 29.97 is meant to be 30.
    frames = max(1, math.floor(_PART_S * fps + 0.05))
    while True:
        least_ms = math.ceil((frames / fps + _ROUNDING_S) * 1000)
        most_ms = math.floor(frames / fps / _LEAST_SHARE * 1000)
        for part_ms in range(least_ms, max(least_ms, most_ms) + 1):
            part_s = part_ms / 1000
            if _divides(part_s * fps, in_segment, frames) and all(_fits(part_s, each_s) for each_s in _SOUND_FRAMES_S):
                return part_s
        frames += 1


def _divides(longest: float, in_segment: int, frames: int) -> bool:
    return math.ceil(in_segment / frames) * math.ceil(_LEAST_SHARE * longest) <= in_segment


def _fits(part_s: float, sound_frame_s: float) -> bool:
    """Tell whether parts of sound are long enough, though one of their frames may be half as long again.

    So are those that join two connections, and nobody knows of it before they are there.
    """
    too_few = math.ceil(_LEAST_SHARE * part_s / sound_frame_s) - 1
    return (too_few + 1.5) * sound_frame_s <= part_s
