"""Lengths of time as counts between fixed boundaries: those of views, of days and of apps add up, and stay small.

The boundaries are for ever, since what was counted between them cannot be counted anew: views are dropped after thirty
days. Each is about an eighth more than the one before, so what is read of them is within six percent.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

# Preferred numbers, from 50 ms to 100 s. Source: ISO 3, series R20.
_DECADE = (100, 112, 125, 140, 160, 180, 200, 224, 250, 280, 315, 355, 400, 450, 500, 560, 630, 710, 800, 900)
_FIRST_MS, _LAST_MS = 50, 100_000
BOUNDS_MS: tuple[int, ...] = tuple(
    bound
    for scale in (0.1, 1, 10, 100, 1000)
    for number in _DECADE
    if _FIRST_MS <= (bound := round(number * scale)) <= _LAST_MS
)
# What is below the first one, between two, and from the last one on.
SLOTS = len(BOUNDS_MS) + 1


def slot_of(length_ms: int) -> int:
    """Return in which place, from 0, a length is counted: it is not below the boundary before."""
    return bisect_right(BOUNDS_MS, length_ms)


def percentile(counts: Sequence[int], percent: int) -> int | None:
    """Return below which length, in milliseconds, so many percent of what was counted is; None of nothing.

    Within a place it is taken to be spread evenly. Of what is longer than the last boundary that one is told.
    """
    total = sum(counts)
    if total <= 0:
        return None
    wanted = total * percent / 100
    for slot, until in enumerate(accumulate(counts)):
        if until >= wanted and counts[slot] > 0:
            break
    low = BOUNDS_MS[slot - 1] if slot else 0
    high = BOUNDS_MS[slot] if slot < len(BOUNDS_MS) else low
    return round(low + (high - low) * (wanted - until + counts[slot]) / counts[slot])
