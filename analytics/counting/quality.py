"""What one viewer saw, as their player has reported it: bounded by the time that has passed, never counted twice."""

import msgspec

from analytics.counting.batch import ReportedFigures
from analytics.counting.reports import PlayerEvent, short_name

# An event says what has been since the beginning of its session, which is all that there was if it is among the first:
# before that it was asked for, began, and was paused. Later ones may be of somebody whose view was over meanwhile.
_FIRST_EVENTS = 4
# What was reported before the first event that came through, and how far events wait on their way.
_GRACE_MS = 20_000
# Between two events nothing longer is believed: a machine that slept did not play. Players report every minute.
_LONGEST_SILENCE_MS = 60_000
_LONGEST_STARTUP_MS = 600_000
# Further behind nobody watches live.
_LONGEST_LATENCY_MS = 300_000
_DROPPED_MOST = 2**31 - 1
# A viewer whose player began anew; two at once with one viewer id are one view, of which one reports until it is over.
_TAKES_OVER_AFTER_MS = 60_000
_OVER = frozenset("qf")
# Somebody waits for a first picture; nobody does any more.
_WAITING, _NOT_WAITING = frozenset("skrw"), frozenset("ad")
_WATCHING = frozenset("pr")


class Total(msgspec.Struct, array_like=True):
    """A sum. Of the present session `said` is what its player says the whole is, and `guessed` what it seems to be."""

    sum: int = 0
    said: int | None = None
    guessed: int = 0

    def say(self, said: int | None, *, is_whole: bool) -> int:
        """Return by how much it has grown; of a session that is heard of late, what was before counts as nothing."""
        if said is None:
            return 0
        before, self.said = self.said, said
        more = (said - self.guessed if is_whole else 0) if before is None else max(0, said - before)
        self.sum += more
        return more

    def guess(self, more: int) -> int:
        """Add to it by what states tell, where the player does not say it; return how much."""
        if self.said is not None:
            return 0
        self.sum += more
        self.guessed += more
        return more

    def cap(self, most: int) -> int:
        """Have it be no more than that, and return how much was too much."""
        too_much = max(0, self.sum - most)
        self.sum -= too_much
        # What is gone is not to be taken back once more when the player says what the whole is.
        self.guessed = max(0, self.guessed - too_much)
        return too_much

    def begin(self) -> None:
        self.said, self.guessed = None, 0


class ReportedQuality(msgspec.Struct, array_like=True):
    """Times in ms; those called `by_player` by the player's clock, since 1970."""

    # Which of its sessions is listened to.
    sid: int = 0
    first_ms: int = 0
    heard_ms: int = 0
    sequence: int = -1
    # It was heard of from its beginning.
    is_whole: bool = False
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
    # 0 until there was a picture.
    started_by_player_ms: int = 0

    @property
    def is_watching(self) -> bool:
        """Whether its player plays, or waits for more in the middle of that."""
        return self.state in _WATCHING

    def take(self, event: PlayerEvent, at_ms: int) -> bool:
        """Take in an event that came then; False for one of somebody else than is listened to."""
        name = short_name(event.sid)
        if name != self.sid:
            if self.sid and self.state not in _OVER and at_ms - self.heard_ms < _TAKES_OVER_AFTER_MS:
                return False
            self._begin(name, at_ms)
        if not self.state:
            self.is_whole = event.sequence is None or event.sequence < _FIRST_EVENTS
        if event.sequence is not None:
            if event.sequence <= self.sequence:
                # It was sent twice, or overtaken by one that says more: players post several at a time.
                self._take_overtaken(event)
                return True
            self.sequence = event.sequence
        self._add(event, at_ms)
        self._change(event)
        self.heard_ms = max(self.heard_ms, at_ms)
        return True

    def shift(self, ms: int) -> None:
        """Have what was be so much later, or earlier, by our clock: it was set by that. The player's goes on."""
        if self.first_ms:
            self.first_ms += ms
            self.heard_ms += ms

    def figures(self, *, is_over: bool) -> ReportedFigures:
        """Return what is written down."""
        measured_ms = self.latency_measured_ms
        was_asked = self.asked_by_player_ms > 0
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
            total.begin()

    def _add(self, event: PlayerEvent, at_ms: int) -> None:
        """Add what has passed since the event before: by what the player says, or else by the state that it was in."""
        passed_ms = 0
        if self.state:
            most_ms = min(at_ms - self.heard_ms + _GRACE_MS, _LONGEST_SILENCE_MS)
            passed_ms = min(max(0, event.at_ms - self.state_by_player_ms), most_ms)
        played_ms = self.played.say(event.played_ms, is_whole=self.is_whole)
        self.stalled.say(event.stalled_ms, is_whole=self.is_whole)
        self.stalls.say(event.stalls, is_whole=self.is_whole)
        self.dropped.say(event.dropped_frames, is_whole=self.is_whole)
        if self.state == "p":
            played_ms += self.played.guess(passed_ms)
        if self.state == "r":
            self.stalled.guess(passed_ms)
        if event.state == "r" != self.state and self.has_played:
            self.stalls.guess(1)
        played_ms -= self._bound(at_ms)
        if event.latency_ms is not None and event.latency_ms <= _LONGEST_LATENCY_MS and played_ms > 0:
            self.latency_sum += event.latency_ms * played_ms
            self.latency_measured_ms += played_ms
        self.has_played = self.has_played or self.played.sum > 0

    def _bound(self, at_ms: int) -> int:
        """Have nobody play or wait for longer than they are there, and return how much was too much of playing."""
        room_ms = max(0, at_ms - self.first_ms) + _GRACE_MS
        too_much = self.played.cap(room_ms)
        self.stalled.cap(room_ms - self.played.sum)
        self.stalls.cap(room_ms // 100)
        # A thousand frames a second, and no more than a row has room for.
        self.dropped.cap(min(room_ms, _DROPPED_MOST))
        return too_much

    def _change(self, event: PlayerEvent) -> None:
        """Have the player in the state that it says it is in now."""
        if not self.has_played and event.state in _WAITING:
            self.asked_by_player_ms = self.asked_by_player_ms or event.at_ms
        elif not self.has_played and event.state in _NOT_WAITING:
            self.asked_by_player_ms = 0
        if self.startup_ms is None:
            self._start(event)
        self.error_code = event.error_code or self.error_code
        if event.state is None:
            return
        if event.state == "p":
            self.has_played, self.has_failed, self.error_code = True, False, None
            self.started_by_player_ms = self.started_by_player_ms or event.at_ms
        elif event.state == "f":
            self.has_failed = True
        self.has_left = event.state == "q"
        self.state = event.state
        self.state_by_player_ms = event.at_ms

    def _take_overtaken(self, event: PlayerEvent) -> None:
        """Learn from an event that comes late when the first picture was asked for: no other one says that."""
        if event.state not in _WAITING or self.state in _NOT_WAITING or self.asked_by_player_ms:
            return
        if not self.started_by_player_ms:
            self.asked_by_player_ms = 0 if self.has_played else event.at_ms
        elif event.at_ms <= self.started_by_player_ms:
            self.asked_by_player_ms = event.at_ms
            if self.startup_ms is None:
                self._note_startup(self.started_by_player_ms - event.at_ms)

    def _start(self, event: PlayerEvent) -> None:
        """Note how long it took until the first picture: as it says, or by when it was asked for."""
        took_ms = event.startup_ms if self.is_whole else None
        if took_ms is None or took_ms > _LONGEST_STARTUP_MS:
            if event.state != "p" or self.has_played or not self.asked_by_player_ms:
                return
            took_ms = event.at_ms - self.asked_by_player_ms
        self._note_startup(took_ms)

    def _note_startup(self, took_ms: int) -> None:
        if 0 <= took_ms <= _LONGEST_STARTUP_MS:
            self.startup_ms = took_ms
