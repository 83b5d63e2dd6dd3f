"""What ffmpeg's filters say of picture and sound while it transcodes: lines of `metadata=print`.

Source: ffmpeg's blackdetect, freezedetect, silencedetect, astats and ebur128, `lavfi.` keys.
"""

import math
from dataclasses import dataclass

# Nothing that filters print is longer; what has no end of line is none of theirs.
_LONGEST_LINE = 4_096
_TIME = b"pts_time:"
# Pictures of another size, or sound of another rate, begin filters anew: those before say no more that anything ends.
_FIRST_FRAME = b"frame:0 "
_PREFIX = b"lavfi."
# Filters tell a length once it is over as well; only these two say what is going on.
_BEGINS = {b"black_start": "black", b"freezedetect.freeze_start": "frozen", b"silence_start": "silent"}
_ENDS = {b"black_end": "black", b"freezedetect.freeze_end": "frozen", b"silence_end": "silent"}
_PEAK = b"astats.Overall.Peak_level"
_LOUDNESS = b"r128.S"
# Less is silence, of which other findings speak. Source: EBU R 128, the gate of loudness.
_SILENT_LUFS = -70.0


@dataclass(frozen=True)
class Heard:
    """Seconds for which something has lasted, 0 for what is fine, None for what is not known.

    `peak_dbfs` is the highest since it was asked for last, `loudness_lufs` that of the last 3 s.
    """

    black_s: float | None = None
    frozen_s: float | None = None
    silent_s: float | None = None
    peak_dbfs: float | None = None
    loudness_lufs: float | None = None


class FilterLines:
    """Takes in what the filters of one track print; times are the stream's own."""

    def __init__(self) -> None:
        self._pending = b""
        self._now_s: float | None = None
        self._fresh_s: float | None = None
        self._since_s: dict[str, float] = {}
        self._peak: float | None = None
        self._loudness: float | None = None

    def feed(self, piece: bytes) -> None:
        """Take in some of the output, cut anywhere; what makes no sense is left out."""
        *lines, self._pending = (self._pending + piece).split(b"\n")
        self._pending = self._pending[-_LONGEST_LINE:]
        for line in lines:
            self._take(line)

    def forget(self) -> None:
        """Let what goes on count from now on alone: what was shown until now was not the encoder's."""
        self._peak = self._loudness = None
        # Said again and again while that goes on, more often than there are lines.
        if self._now_s is not None:
            self._fresh_s, self._now_s = self._now_s, None

    def lasted_s(self, what: str) -> float | None:
        """Return for how long it has been black, frozen or silent; None before the first frame."""
        if self._now_s is None:
            return None
        since_s = self._since_s.get(what)
        if since_s is None:
            return 0.0
        return max(0.0, self._now_s - max(since_s, self._fresh_s or since_s))

    def take_peak(self) -> float | None:
        """Return the highest peak since the last call."""
        peak, self._peak = self._peak, None
        return peak

    @property
    def loudness_lufs(self) -> float | None:
        return self._loudness

    def _take(self, line: bytes) -> None:
        if line.startswith(b"frame:"):
            if line.startswith(_FIRST_FRAME):
                self._since_s.clear()
            at_s = _number(line.partition(_TIME)[2])
            self._now_s = at_s if at_s is not None else self._now_s
            return
        key, _, text = line.removeprefix(_PREFIX).partition(b"=")
        value = _number(text)
        if value is None:
            return
        if key in _BEGINS:
            self._since_s[_BEGINS[key]] = value
        elif key in _ENDS:
            self._since_s.pop(_ENDS[key], None)
        elif key == _PEAK:
            self._peak = value if self._peak is None else max(self._peak, value)
        elif key == _LOUDNESS:
            self._loudness = value if value > _SILENT_LUFS else None


def _number(text: bytes) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
