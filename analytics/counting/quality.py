"""What one viewer saw, as their player has reported it: bounded by the time that has passed, never counted twice."""

import msgspec

from analytics.counting.batch import ReportedFigures
from analytics.counting.reports import PlayerEvent, short_name

# An event that says what has been since the beginning of its session is such a one if it is among the first.
_FIRST_EVENTS = 8
# What was reported before the first event that came through, and how far events wait on their way.
_GRACE_MS = 20_000
# Between two events nothing longer is believed: a machine that slept did not play. Players report every minute.
_LONGEST_SILENCE_MS = 60_000
_LONGEST_STARTUP_MS = 600_000
# Further behind nobody watches live.
_LONGEST_LATENCY_MS = 300_000
# A viewer whose player began anew; two at once with one viewer id are one view, of which one reports.
_TAKES_OVER_AFTER_MS = 60_000
_STARTING = frozenset("skrw")
_WATCHING = frozenset("pr")


class Total(msgspec.Struct, array_like=True):
    """A sum that a player says the whole of each time; `said` is what it has said last, None before."""

    sum: int = 0
    said: int | None = None

    def gain(self, said: int | None, *, is_first: bool) -> int:
        """Return by how much it has grown; what was before the first that is heard of late counts as nothing."""
        if said is None:
            return 0
        before, self.said = self.said, said
        more = (said if is_first else 0) if before is None else max(0, said - before)
        self.sum += more
        return more


class ReportedQuality(msgspec.Struct, array_like=True):
    """Times in ms; those called `by_player` by the player's clock, since 1970."""

    # Which of its sessions is listened to.
    sid: int = 0
    first_ms: int = 0
    heard_ms: int = 0
    sequence: int = -1
    state: str = ""
    state_by_player_ms: int = 0
    # 0 until a picture was asked for.
    asked_by_player_ms: int = 0
    startup_ms: int | None = None
    has_played: bool = False
    has_failed: bool = False
    has_left: bool = False
    error_code: str | None = None
    played: Total = msgspec.field(default_factory=Total)
    stalled: Total = msgspec.field(default_factory=Total)
    stalls: Total = msgspec.field(default_factory=Total)
    dropped: Total = msgspec.field(default_factory=Total)
    # Of latency by playing time.
    latency_sum: int = 0
    latency_measured_ms: int = 0

    @property
    def is_watching(self) -> bool:
        """Whether its player plays, or waits for more in the middle of that."""
        return self.state in _WATCHING

    def take(self, event: PlayerEvent, at_ms: int) -> bool:
        """Take in an event that came then; False for one of somebody else than is listened to."""
        name = short_name(event.sid)
        if name != self.sid:
            if self.sid and at_ms - self.heard_ms < _TAKES_OVER_AFTER_MS:
                return False
            self._begin(name, at_ms)
        if event.sequence is not None:
            if event.sequence <= self.sequence:
                # It was sent twice, or overtaken by one that says more.
                return True
            is_first = self.sequence < 0 and event.sequence < _FIRST_EVENTS
            self.sequence = event.sequence
        else:
            is_first = not self.state
        self._add(event, at_ms, is_first=is_first)
        self._change(event)
        self.heard_ms = max(self.heard_ms, at_ms)
        return True

    def figures(self, *, is_over: bool) -> ReportedFigures:
        """Return what is written down."""
        measured_ms = self.latency_measured_ms
        was_asked = self.asked_by_player_ms > 0 or self.state in _STARTING
        return ReportedFigures(
            startup_ms=self.startup_ms,
            played_ms=self.played.sum,
            stalled_ms=self.stalled.sum,
            stalls=self.stalls.sum,
            latency_ms=round(self.latency_sum / measured_ms) if measured_ms else None,
            latency_measured_ms=measured_ms,
            dropped_frames=None if self.dropped.said is None else self.dropped.sum,
            failed=self.has_failed,
            error_code=self.error_code if self.has_failed else None,
            exited_before_start=(
                was_asked and not self.has_played and not self.has_failed and (self.has_left or is_over)
            ),
        )

    def _begin(self, sid: int, at_ms: int) -> None:
        self.sid, self.sequence, self.state = sid, -1, ""
        self.first_ms = self.first_ms or at_ms
        self.heard_ms = at_ms
        for total in (self.played, self.stalled, self.stalls, self.dropped):
            total.said = None

    def _add(self, event: PlayerEvent, at_ms: int, *, is_first: bool) -> None:
        """Add what has passed since the event before; by its totals, or else by how long it was in its state."""
        passed_ms = 0
        if self.state:
            most_ms = min(at_ms - self.heard_ms + _GRACE_MS, _LONGEST_SILENCE_MS)
            passed_ms = min(max(0, event.at_ms - self.state_by_player_ms), most_ms)
        played_ms = self.played.gain(event.played_ms, is_first=is_first)
        if self.state == "p" and self.played.said is None:
            played_ms = passed_ms
            self.played.sum += passed_ms
        self.stalled.gain(event.stalled_ms, is_first=is_first)
        if self.state == "r" and self.stalled.said is None:
            self.stalled.sum += passed_ms
        self.stalls.gain(event.stalls, is_first=is_first)
        if event.state == "r" != self.state and self.has_played and self.stalls.said is None:
            self.stalls.sum += 1
        self.dropped.gain(event.dropped_frames, is_first=is_first)
        played_ms -= self._bound(at_ms)
        if event.latency_ms is not None and event.latency_ms <= _LONGEST_LATENCY_MS and played_ms > 0:
            self.latency_sum += event.latency_ms * played_ms
            self.latency_measured_ms += played_ms
        self.has_played = self.has_played or self.played.sum > 0

    def _bound(self, at_ms: int) -> int:
        """Have nobody play or wait for longer than they are there, and return how much was too much of playing."""
        room_ms = max(0, at_ms - self.first_ms) + _GRACE_MS
        too_much = max(0, self.played.sum - room_ms)
        self.played.sum -= too_much
        self.stalled.sum = min(self.stalled.sum, room_ms - self.played.sum)
        self.stalls.sum = min(self.stalls.sum, room_ms // 100)
        # A thousand frames a second.
        self.dropped.sum = min(self.dropped.sum, room_ms)
        return too_much

    def _change(self, event: PlayerEvent) -> None:
        """Have the player in the state that it says it is in now."""
        if event.state == "s" and not self.asked_by_player_ms and not self.has_played:
            self.asked_by_player_ms = event.at_ms
        if self.startup_ms is None:
            startup_ms = event.startup_ms
            if startup_ms is None and event.state == "p" and self.asked_by_player_ms and not self.has_played:
                startup_ms = event.at_ms - self.asked_by_player_ms
            if startup_ms is not None and 0 <= startup_ms <= _LONGEST_STARTUP_MS:
                self.startup_ms = startup_ms
        self.error_code = event.error_code or self.error_code
        if event.state is None:
            return
        if event.state == "p":
            self.has_played, self.has_failed, self.error_code = True, False, None
        elif event.state == "f":
            self.has_failed = True
        self.has_left = event.state == "q"
        self.state = event.state
        self.state_by_player_ms = event.at_ms
