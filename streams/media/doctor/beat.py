"""How evenly a track comes, by how often each step between its times occurs."""

from collections.abc import Mapping
from dataclasses import dataclass

# A longer hole is a pause of the encoder, or the network's, of which others tell.
_LONGEST_HOLE_MS = 2_000
# A fifth of all steps is no longer than one frame, however many are missing.
_SHORT_SHARE = 0.2
_A_HOLE = 1.5
# Of the steps that are nearly a multiple of one frame, where the rate is even at all; and how near that is.
_EVEN_SHARE, _EVEN_WITHIN = 0.8, 0.25
_LEAST_STEPS = 20
# A screen that is sent where it changes: most of what is not there is in holes of at least three that no key frame
# follows. Who is too slow leaves one or two out at a time, and whose line is too slow all up to the next key frame.
_MOSTLY, _A_LONG_HOLE = 0.5, 3.5
# What writes the stream makes steps of at most a millisecond of times that go back; one alone is rounding.
_STANDS_STILL_MS, _LEAST_STANDING = 1, 3
_LEAST_FRAME_MS = 5


@dataclass(frozen=True)
class Beat:
    """Of `expected` frames of a length so many are missing, and the clock went back so often.

    `expected` is 0 where the rate is not even, and `frame_ms` where too little came to tell. `is_as_needed`: pictures
    come where something changes, so none is missing.
    """

    frame_ms: float = 0.0
    expected: int = 0
    missing: int = 0
    back: int = 0
    is_as_needed: bool = False


def find_beat(steps: Mapping[int, int], *, key_steps: Mapping[int, int] | None = None) -> Beat:
    """Return the beat of steps in milliseconds, by how often each occurs; `key_steps`: of pictures, to key frames."""
    back = sum(count for step, count in steps.items() if step < 0)
    walked = {step: count for step, count in steps.items() if _STANDS_STILL_MS < step <= _LONGEST_HOLE_MS}
    total = sum(walked.values())
    if total < _LEAST_STEPS:
        return Beat(back=back)
    frame_ms = _frame_ms(walked, total)
    standing = sum(count for step, count in steps.items() if 0 <= step <= _STANDS_STILL_MS)
    if standing >= _LEAST_STANDING and frame_ms >= _LEAST_FRAME_MS:
        back += standing
    ratios = [(step / frame_ms, count) for step, count in walked.items()]
    even = sum(count for ratio, count in ratios if abs(ratio - round(ratio)) < _EVEN_WITHIN)
    if even < _EVEN_SHARE * total:
        return Beat(frame_ms, back=back)
    missing = _missing(walked, frame_ms, longer_than=_A_HOLE)
    if missing and key_steps is not None:
        still = _missing(walked, frame_ms, longer_than=_A_LONG_HOLE)
        still -= _missing(key_steps, frame_ms, longer_than=_A_LONG_HOLE)
        if still > _MOSTLY * missing:
            return Beat(frame_ms, back=back, is_as_needed=True)
    return Beat(frame_ms, total + missing, missing, back)


def _missing(steps: Mapping[int, int], frame_ms: float, *, longer_than: float) -> int:
    """Return how many frames are missing in holes of more than so many."""
    ratios = [(step / frame_ms, count) for step, count in steps.items() if step <= _LONGEST_HOLE_MS]
    return sum((round(ratio) - 1) * count for ratio, count in ratios if ratio > longer_than)


def _frame_ms(walked: Mapping[int, int], total: int) -> float:
    """Return how long one frame is: the mean of the shortest ones, since encoders round times to milliseconds."""
    left = total * _SHORT_SHARE
    for step in sorted(walked):
        left -= walked[step]
        if left < 0:
            break
    ones = [(each, count) for each, count in walked.items() if each < step * _A_HOLE]
    return sum(each * count for each, count in ones) / sum(count for _, count in ones)
