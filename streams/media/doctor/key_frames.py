"""How far apart key frames are, and how evenly the bits come from one to the next."""

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import compress
from math import sqrt
from operator import sub
from statistics import fmean

from streams.media.doctor.kinds import FindingKind
from streams.media.doctor.sign import Sign
from streams.media.doctor.windows import WindowTrack

_LATELY_MS = 30_000
_LEAST_INTERVALS = 3
# Of intervals and bins, whatever the encoder's clock does: a key frame for every picture of thirty seconds.
_MOST_KEPT = 4_096
# Without a picture for so long there was a pause, of which others tell; how far apart key frames are is not known.
_LONGEST_PAUSE_MS = 2_000
# From one key frame to the next, or to a later one: key frames are many times larger than other pictures.
_SHORTEST_BIN_MS, _LEAST_BINS = 1_900, 3


class KeyFrames:
    """Takes in the pictures of one connection; times are the encoder's."""

    def __init__(self) -> None:
        self._newest_ms: int | None = None
        self._key_ms: int | None = None
        # When each ended, and how long it was.
        self._intervals: deque[tuple[int, int]] = deque(maxlen=_MOST_KEPT)
        self._bin_from_ms: int | None = None
        self._bin_bytes = 0
        # When each ended, and its rate.
        self._bins: deque[tuple[int, float]] = deque(maxlen=_MOST_KEPT)

    def note(self, pictures: WindowTrack) -> None:
        """Take in the pictures of a window."""
        if not pictures:
            return
        after = self._begin_after_jump(pictures)
        for at in compress(range(after, len(pictures)), pictures.are_key_frames[after:]):
            self._bin_bytes += sum(pictures.sizes[after:at])
            self._note_key_frame(pictures.decoded_ms[at])
            after = at
        self._bin_bytes += sum(pictures.sizes[after:])
        self._newest_ms = pictures.decoded_ms[-1]
        self._forget(self._newest_ms - _LATELY_MS)

    def signs(self) -> Iterator[tuple[FindingKind, Sign]]:
        """Yield what is known of them now."""
        if self._key_ms is None or self._newest_ms is None:
            return
        interval_ms = max(self._newest_ms - self._key_ms, self._intervals[-1][1] if self._intervals else 0)
        # Before the second one nothing is known but that it is late, if it is.
        yield FindingKind.KEYFRAME_INTERVAL, Sign.of(interval_ms / 1000)
        lengths = [length_ms for _, length_ms in self._intervals]
        if len(lengths) >= _LEAST_INTERVALS:
            yield FindingKind.KEYFRAMES_VARY, Sign.of((max(lengths) - min(lengths)) / 1000)
        rates = [rate for _, rate in self._bins]
        if len(rates) >= _LEAST_BINS and max(rates) > 0:
            yield FindingKind.BITRATE_SWINGS, Sign.of(_swing(rates))

    def _begin_after_jump(self, pictures: WindowTrack) -> int:
        """Return where what can be held together begins: behind the last pause or step back of the clock, if any."""
        if max(pictures.steps, default=0) <= _LONGEST_PAUSE_MS and min(pictures.steps, default=0) >= -_LONGEST_PAUSE_MS:
            return 0
        self._key_ms = self._bin_from_ms = None
        self._intervals.clear()
        self._bins.clear()
        times_ms = pictures.decoded_ms
        steps = enumerate(map(sub, times_ms[1:], times_ms), 1)
        return max((at for at, step_ms in steps if abs(step_ms) > _LONGEST_PAUSE_MS), default=0)

    def _note_key_frame(self, at_ms: int) -> None:
        if self._key_ms is None or at_ms < self._key_ms:
            # The first, or the encoder's clock went back.
            self._intervals.clear()
            self._bins.clear()
            self._bin_from_ms, self._bin_bytes = at_ms, 0
        else:
            self._intervals.append((at_ms, at_ms - self._key_ms))
        self._key_ms = at_ms
        if self._bin_from_ms is not None and at_ms - self._bin_from_ms >= _SHORTEST_BIN_MS:
            self._bins.append((at_ms, self._bin_bytes * 8 / (at_ms - self._bin_from_ms)))
            self._bin_from_ms, self._bin_bytes = at_ms, 0

    def _forget(self, before_ms: int) -> None:
        # The newest says what there is, however long ago that was.
        while len(self._intervals) > 1 and self._intervals[0][0] < before_ms:
            self._intervals.popleft()
        while self._bins and self._bins[0][0] < before_ms:
            self._bins.popleft()


def _swing(rates: Sequence[float]) -> float:
    """Return the standard deviation in percent of the mean; that of `statistics` is exact, and twenty times slower."""
    mean = fmean(rates)
    return round(sqrt(fmean([(rate - mean) ** 2 for rate in rates])) * 100 / mean, 1)
