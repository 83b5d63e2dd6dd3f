"""When a target is tried again: soon at first, and gently with one that takes the broadcast and drops it."""

import random
from collections.abc import Callable
from dataclasses import dataclass

_FIRST_S, _LONGEST_S = 1.0, 30.0
_JITTER = 0.2
# Connections that lived less are no success: some platforms make a video of each.
SHORT_S = 30.0
_AFTER_SHORT_S = 15.0
# Without success for so long, it is given up, and tried now and then.
_GIVES_UP_S = 600.0
_NOW_AND_THEN_S = 300.0


@dataclass(frozen=True)
class Pause:
    """How long to wait; `is_given_up`: it has failed for long."""

    length_s: float
    is_given_up: bool


class Backoff:
    """Counts one target's failures; times are of a steady clock, in seconds."""

    def __init__(self, *, draw: Callable[[float, float], float] = random.uniform) -> None:
        self._draw = draw
        self._failures = 0
        self._failing_since_s: float | None = None

    def begin(self, *, now_s: float) -> None:
        """Count the time from the first try."""
        if self._failing_since_s is None:
            self._failing_since_s = now_s

    def failed(self, *, lived_s: float, now_s: float) -> Pause:
        """Return for how long to wait after a connection that took the broadcast for so long; 0 for not at all."""
        if lived_s >= SHORT_S:
            self._failures, self._failing_since_s = 0, now_s
        self._failures += 1
        since_s = now_s if self._failing_since_s is None else self._failing_since_s
        self._failing_since_s = since_s
        jitter = self._draw(1 - _JITTER, 1 + _JITTER)
        if now_s - since_s >= _GIVES_UP_S:
            return Pause(_NOW_AND_THEN_S * jitter, is_given_up=True)
        length_s = min(_LONGEST_S, _FIRST_S * 2 ** min(self._failures - 1, 10)) * jitter
        if 0 < lived_s < SHORT_S:
            length_s = max(length_s, _AFTER_SHORT_S)
        return Pause(length_s, is_given_up=False)

    def forgive(self) -> None:
        """Begin anew: somebody says that it works now."""
        self._failures, self._failing_since_s = 0, None
