"""Telling a machine that is too busy for a run from an encoder or a network that is slow: a judgement on what was seen.

A slow encoder makes pictures late as well, but then the transcoder waits for them. Where the machine cannot hold real
time, the transcoder does not take what it is offered, and falls behind more and more.
"""

from collections import deque

# The start of every encoder, and what had come before it, take their time.
_SETTLES_S = 10.0
_WINDOW_S = 4.0
# Of the looks in the window. What comes is pushed within milliseconds as long as the transcoder keeps up.
_BLOCKED_SHARE = 0.6
# A machine that keeps up needs some 50 ms: this is no load, but a backlog.
_LONGEST_LATENCY_MS = 2500.0
# Who makes up for a pause is behind as well, and comes nearer in the window by more than that.
_ROUNDING_MS = 200.0


class OverloadWatch:
    """Takes in what is seen of a run about twice a second; times are an `AwakeClock`'s."""

    def __init__(self, *, now_s: float) -> None:
        self._began_at = now_s
        # When, whether the transcoder had not taken what it was offered, and how late pictures were.
        self._looks: deque[tuple[float, bool, float]] = deque()

    def look(self, *, now_s: float, is_pushing: bool, latency_ms: float | None) -> bool:
        """Note what is seen now; tell whether the machine cannot hold real time.

        `latency_ms` is the time from when a picture was taken until it can be fetched, None before the first.
        """
        if latency_ms is None or now_s - self._began_at < _SETTLES_S:
            return False
        looks = self._looks
        looks.append((now_s, is_pushing, latency_ms))
        while len(looks) > 1 and looks[1][0] <= now_s - _WINDOW_S:
            looks.popleft()
        first_s, _, first_ms = looks[0]
        if now_s - first_s < _WINDOW_S:
            return False
        blocked = sum(was_pushing for _, was_pushing, _ in looks)
        is_catching_up = latency_ms < first_ms - _ROUNDING_MS
        return latency_ms > _LONGEST_LATENCY_MS and blocked >= _BLOCKED_SHARE * len(looks) and not is_catching_up
