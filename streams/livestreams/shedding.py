"""Which broadcasts of this worker do without their top rungs, because the machine is too busy for all of them."""

import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar
from uuid import UUID

from streams.livestreams.states import EventKind
from streams.media.errors import BrokenOffError

# What one has freed shows in the others by then.
_APART_S = 5.0
# Others that complained within this time still do: each is asked about twice a second.
_COMPLAINT_S = 1.5
# Until a rung comes back: twice as long after each further time, for the machine was too busy for it again.
_FIRST_WAIT_S = 300.0
_LONGEST_WAIT_S = 2400.0
# For so long there has to be room, which is also measured anew before another rung comes back.
_IDLE_S = 60.0
_SAMPLE_S = 5.0
# Scaling and encoding (x264, veryfast): 73 to 110 million were measured. Other work is not to be squeezed by it.
_PIXELS_PER_CORE_S = 60_000_000
_HEADROOM = 1.5


class LadderChangedError(BrokenOffError):
    """The next run is to make another number of renditions; `kind` is what that is called in a timeline."""

    kind: ClassVar[EventKind]


class OverloadedError(LadderChangedError):
    """The machine cannot hold real time: the next run makes one rendition less."""

    kind = EventKind.OVERLOADED


class RestoredError(LadderChangedError):
    """The machine has room again: the next run makes one rendition more."""

    kind = EventKind.RESTORED


class IdleCores:
    """How many cores had nothing to do lately; `read_idle_s` counts their idle seconds."""

    def __init__(self, read_idle_s: Callable[[], float] | None = None) -> None:
        self._read_idle_s = read_idle_s or _read_idle_s
        self._readings: deque[tuple[float, float]] = deque()

    def look(self, *, now_s: float) -> float | None:
        """Return their mean over the last minute by a steady clock, None before a minute is known; ask every second."""
        readings = self._readings
        if readings and now_s - readings[-1][0] > 2 * _SAMPLE_S:
            # Nobody asked meanwhile.
            readings.clear()
        if not readings or now_s - readings[-1][0] >= _SAMPLE_S:
            readings.append((now_s, self._read_idle_s()))
        while len(readings) > 1 and now_s - readings[1][0] >= _IDLE_S:
            readings.popleft()
        (first_s, first_idle_s), (last_s, last_idle_s) = readings[0], readings[-1]
        if now_s - first_s < _IDLE_S:
            return None
        return (last_idle_s - first_idle_s) / (last_s - first_s)


@dataclass
class _Shed:
    """What one session does without; `costs` are the cores that its rungs need, the one that went last at the end."""

    costs: list[float] = field(default_factory=list)
    times: int = 0
    back_at_s: float = 0.0

    def wait(self, now_s: float) -> None:
        self.back_at_s = now_s + min(_FIRST_WAIT_S * 2 ** (self.times - 1), _LONGEST_WAIT_S)


class Shedding:
    """What a worker's runs ask, each in its own thread; times are a steady clock's."""

    def __init__(self, idle: IdleCores | None = None) -> None:
        self._idle = idle or IdleCores()
        self._sheds: dict[UUID, _Shed] = {}
        # When, and how many pixels a second would be saved.
        self._complaints: dict[UUID, tuple[float, float]] = {}
        self._shed_at_s = self._restored_at_s = -_LONGEST_WAIT_S
        self._lock = threading.Lock()

    def count(self, session_id: UUID) -> int:
        """Return how many rungs a session is to do without."""
        with self._lock:
            shed = self._sheds.get(session_id)
            return len(shed.costs) if shed else 0

    def take_over(self, session_id: UUID, *, pixels_per_s: Sequence[float], now_s: float) -> None:
        """Go on without the rungs that another worker has left out, the one that went last at the end.

        What this worker knows of the session itself counts more.
        """
        with self._lock:
            if session_id in self._sheds or not pixels_per_s:
                return
            costs = [pixels / _PIXELS_PER_CORE_S for pixels in pixels_per_s]
            shed = self._sheds[session_id] = _Shed(costs, times=len(costs))
            shed.wait(now_s)

    def found(self, session_id: UUID, *, left_out: int) -> None:
        """Note how many rungs a session does without indeed: another source may have fewer."""
        with self._lock:
            if shed := self._sheds.get(session_id):
                del shed.costs[left_out:]

    def shed(self, session_id: UUID, *, pixels_per_s: float, now_s: float) -> bool:
        """Let an overloaded session do without one more rung, which has so many pixels; tell whether it is to.

        One after the other, the one that frees most first: the others may find that they have room then.
        """
        with self._lock:
            self._complaints[session_id] = now_s, pixels_per_s
            recent = [pixels for at_s, pixels in self._complaints.values() if now_s - at_s <= _COMPLAINT_S]
            if now_s - self._shed_at_s < _APART_S or pixels_per_s < max(recent):
                return False
            self._shed_at_s = now_s
            del self._complaints[session_id]
            shed = self._sheds.setdefault(session_id, _Shed())
            shed.costs.append(pixels_per_s / _PIXELS_PER_CORE_S)
            shed.times += 1
            shed.wait(now_s)
            return True

    def restore(self, session_id: UUID, *, now_s: float) -> bool:
        """Let a session have its rung back that went last, if it is time and there is room; tell whether it is to.

        Ask about every second.
        """
        with self._lock:
            shed = self._sheds.get(session_id)
            if shed is None or not shed.costs:
                return False
            idle_cores = self._idle.look(now_s=now_s)
            if now_s < shed.back_at_s or now_s - self._restored_at_s < _IDLE_S:
                return False
            if idle_cores is None or idle_cores < shed.costs[-1] * _HEADROOM:
                return False
            self._restored_at_s = now_s
            shed.costs.pop()
            shed.wait(now_s)
            return True

    def forget(self, session_id: UUID) -> None:
        """Keep nothing of a session that this worker is done with."""
        with self._lock:
            self._sheds.pop(session_id, None)
            self._complaints.pop(session_id, None)


def _read_idle_s() -> float:
    """Return for how many seconds the machine's cores had nothing to do, all together. Source: proc(5), /proc/stat."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    idle, waiting = int(fields[4]), int(fields[5])
    return (idle + waiting) / os.sysconf("SC_CLK_TCK")
