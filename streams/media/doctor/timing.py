"""When media comes against the encoder's own clock: in bursts, ever later, or by another clock's second."""

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import sqrt
from statistics import fmean
from typing import NamedTuple

from streams.media.doctor.kinds import FindingKind
from streams.media.doctor.sign import Sign
from streams.media.doctor.windows import WINDOW_MS, TagWindow

# At first comes at once what had waited for us.
_SETTLES = 1
_LATELY = 5
# Steps that all grow: one that grows alone is a route that changed.
_STEPS = 3
# The earliest tag of ten seconds counts, over five minutes: over shorter times a network's moods look like a clock.
_SPAN, _SPANS, _LEAST_SPANS = 5, 30, 28
# How often its own uncertainty a slope has to be.
_SURE = 3.0
_PPM = 1_000_000
# Who falls behind cannot do so by more than the time that goes by: what is more is another clock.
_LONGEST_JUMP_MS = 3_000
# A clock drifts on in both halves of the time; a route that became longer once does so in one.
_LEAST_SHARE = 0.5


class _Late(NamedTuple):
    """In one window, how late tags came beside a constant: the earliest and the latest of them."""

    at_ms: float
    least_ms: float
    most_ms: float


class Timing:
    """Takes in the windows of one connection."""

    def __init__(self) -> None:
        self._seen = 0
        # Without a window between them in which nothing is known.
        self._lately: deque[_Late] = deque(maxlen=_LATELY)
        self._span: list[_Late] = []
        # The earliest of each span.
        self._spans: deque[_Late] = deque(maxlen=_SPANS)
        self._drift: Sign | None = None

    def break_off(self) -> None:
        """Begin anew with what has to be seen in a row."""
        self._lately.clear()

    def note(self, window: TagWindow) -> None:
        """Take in the next window."""
        self._seen += 1
        if self._seen <= _SETTLES:
            return
        if window.was_held_up or window.is_empty:
            self.break_off()
            return
        # Those of one track: the other's clock may be another.
        lates_ms = (window.pictures or window.sounds).lates_ms
        late = _Late(window.ended_ms, min(lates_ms), max(lates_ms))
        if self._lately and abs(late.least_ms - self._lately[-1].least_ms) > _LONGEST_JUMP_MS:
            self.break_off()
            self._span, self._drift = [], None
            self._spans.clear()
        self._lately.append(late)
        self._span.append(late)
        if len(self._span) == _SPAN:
            self._spans.append(min(self._span, key=lambda each: each.least_ms))
            self._span = []
            self._drift = self._find_drift() if len(self._spans) >= _LEAST_SPANS else None

    def signs(self) -> Iterator[tuple[FindingKind, Sign]]:
        """Yield what is known now."""
        spreads_s = sorted((late.most_ms - late.least_ms) / 1000 for late in self._lately)
        if len(spreads_s) > 1:
            # Not the widest: one hiccup is nothing to mend.
            yield FindingKind.NETWORK_JITTER, Sign.of(round(spreads_s[-2], 3))
        if len(self._lately) > _STEPS:
            newest = list(self._lately)[-_STEPS - 1 :]
            grown_ms = min(after.least_ms - before.least_ms for before, after in pairwise(newest))
            yield FindingKind.FALLS_BEHIND, Sign.of(round(max(0.0, grown_ms) * 100 / WINDOW_MS, 2))
        if self._drift is not None:
            yield FindingKind.CLOCK_DRIFT, self._drift

    def _find_drift(self) -> Sign:
        lates = list(self._spans)
        middle = len(lates) // 2
        slope, unsure = _slope(lates)
        # Of the same sign, and as much of it.
        least = _LEAST_SHARE * slope * slope
        is_steady = all(_slope(half)[0] * slope > least for half in (lates[:middle], lates[middle:]))
        # Who is ever later has the slower clock.
        ppm = round(-slope * _PPM)
        return Sign(ppm, abs(ppm) if is_steady and abs(slope) > _SURE * unsure else 0.0)


def _slope(lates: Sequence[_Late]) -> tuple[float, float]:
    """Return how fast the earliest become later, and how unsure that is: least squares, about the means."""
    mean_at, mean_late = fmean(late.at_ms for late in lates), fmean(late.least_ms for late in lates)
    points = [(late.at_ms - mean_at, late.least_ms - mean_late) for late in lates]
    spread = sum(at * at for at, _ in points)
    slope = sum(at * late for at, late in points) / spread
    rest = sum((late - slope * at) ** 2 for at, late in points)
    return slope, sqrt(rest / (len(points) - 2) / spread)
