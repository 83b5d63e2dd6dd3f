"""What a courier has in its bag for one endpoint, and what of it may go now."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from webhooks.schedule import FAILURES_TO_OPEN, Health

# Requests to one endpoint at a time. One that has shown nothing yet gets fewer, so that many that hang do not take
# all of a courier's.
IN_FLIGHT_MAX = 16
_IN_FLIGHT_FIRST = 4
# What is read ahead; of one that gets less at a time, as much less: thousands that hang would else fill the memory.
BATCH = 128
_AHEAD = BATCH // IN_FLIGHT_MAX


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """An endpoint that is ours to deliver to, as it was when it was read last."""

    id: UUID
    organization_id: UUID
    url: str
    format: str
    # The present one first; none when none can be read.
    secrets: tuple[str, ...]
    health: Health


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """A delivery that may go now, as it was when it was read."""

    id: int
    uid: UUID
    endpoint_id: UUID
    subject_id: UUID
    attempts: int
    tries: int
    due_at: datetime
    # Empty where none can be made.
    body: bytes
    # Of what it tells, where that is of a broadcast and somebody wants its trace.
    session_id: UUID | None = None
    event_type: str = ""


@dataclass(eq=False)
class Route:
    """One endpoint's deliveries, in a lane for each livestream or meeting: lanes go side by side, a lane in order."""

    endpoint: Claimed
    # By this process's steady clock: nothing is sent without a claim.
    claimed_until_s: float
    idle_since_s: float = 0.0
    is_closed: bool = False
    in_flight: int = 0
    # There may be more than what was read.
    is_behind: bool = False
    # The endpoint itself may be another by now, or be sent nothing more, however much there is still to be sent.
    is_stale: bool = False
    _window: int = _IN_FLIGHT_FIRST
    # In a row, those that are not written down yet included.
    _failures: int = 0
    _lanes: dict[UUID, deque[Due]] = field(default_factory=dict)
    _ready: deque[UUID] = field(default_factory=deque)
    _busy: set[UUID] = field(default_factory=set)
    # Which of them failed, of each that has one whose failure is not written down yet: what was read meanwhile does
    # not know of it.
    _halted: dict[UUID, int] = field(default_factory=dict)
    # All that was read and is not settled.
    _known: set[int] = field(default_factory=set)

    @property
    def known(self) -> set[int]:
        return self._known

    @property
    def room(self) -> int:
        """How many more deliveries may be read."""
        return 0 if self.is_closed else max(self._most - len(self._known), 0)

    @property
    def wants_more(self) -> bool:
        """Whether so much is settled that it pays to read on."""
        return self.is_behind and self.room > 0 and len(self._known) <= self._most // 2

    @property
    def _most(self) -> int:
        return 1 if self.endpoint.health.is_probed else self._window * _AHEAD

    def refresh(self, endpoint: Claimed | None) -> None:
        """Take note of the endpoint as it is now; None when it is disabled or deleted, or somebody else's by now."""
        if endpoint is None:
            self.close()
        else:
            self.endpoint = endpoint

    def add(self, deliveries: Iterable[Due]) -> None:
        """Put what was read behind what is there, in the order of the events."""
        for due in deliveries:
            if due.subject_id in self._halted or due.id in self._known:
                continue
            self._known.add(due.id)
            lane = self._lanes.setdefault(due.subject_id, deque())
            if not lane and due.subject_id not in self._busy:
                self._ready.append(due.subject_id)
            lane.append(due)

    def next(self, now_s: float) -> Due | None:
        """Return what goes next, which is under way from now on, or None when nothing may."""
        most = 1 if self.endpoint.health.is_probed else self._window
        if self.is_closed or not self._ready or self.in_flight >= most or now_s >= self.claimed_until_s:
            return None
        if self._failures >= FAILURES_TO_OPEN:
            return None  # Closed as soon as that is written down.
        subject_id = self._ready.popleft()
        self._busy.add(subject_id)
        self.in_flight += 1
        return self._lanes[subject_id].popleft()

    def finish(self, due: Due, *, is_success: bool) -> None:
        """Note what became of an attempt: after a failure the later ones of its lane wait."""
        self.in_flight -= 1
        self._busy.discard(due.subject_id)
        lane = self._lanes[due.subject_id]
        if is_success and lane:
            self._ready.append(due.subject_id)
        else:
            del self._lanes[due.subject_id]
        if is_success:
            self._window, self._failures = min(self._window + 1, IN_FLIGHT_MAX), 0
            return
        self._failures += 1
        self._window = max(self._window // 2, 1)
        self._known.difference_update(later.id for later in lane)
        self.is_behind = self.is_behind or bool(lane)
        self._halted[due.subject_id] = due.id

    def settle(self, due: Due) -> None:
        """Note that what became of it is written down, or cannot be any more."""
        self._known.discard(due.id)
        if self._halted.get(due.subject_id) == due.id:
            del self._halted[due.subject_id]

    def give_back(self, due: Due) -> None:
        """Note that an attempt was broken off, of which nothing is written down."""
        self.finish(due, is_success=False)
        self.settle(due)

    def close(self) -> None:
        """Send nothing more; what is under way may end."""
        self.is_closed = True
        for lane in self._lanes.values():
            self._known.difference_update(due.id for due in lane)
            lane.clear()
        self._ready.clear()
