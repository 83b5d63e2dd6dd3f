"""Whether a run keeps up with its encoder."""

from collections import deque

_WINDOW_S = 10.0
# Less says little: media comes in pieces.
_LEAST_S = 3.0


class SpeedWatch:
    """Takes in about every second how much media has gone through in all; a steady clock's times."""

    def __init__(self) -> None:
        self._readings: deque[tuple[float, int]] = deque()

    def note(self, *, now_s: float, media_ms: int) -> float | None:
        """Return the seconds of media per second lately: 1.0 is real time; None while too little is known."""
        self._readings.append((now_s, media_ms))
        while now_s - self._readings[0][0] > _WINDOW_S:
            self._readings.popleft()
        began_s, before_ms = self._readings[0]
        if now_s - began_s < _LEAST_S:
            return None
        return round((media_ms - before_ms) / 1000 / (now_s - began_s), 2)
