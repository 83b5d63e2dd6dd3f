"""What a broadcast costs the machine, and how many more of its kind that carries: from /proc, and pure sums."""

import os
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")
# Of cores: where no more is idle, what the self-test takes is taken from others, and nothing is free again after it.
_FULL = 0.05


@dataclass(frozen=True)
class Usage:
    """CPU seconds up to a moment: those of the machine that nobody used, and what processes used."""

    at_s: float
    idle_s: float
    worker_s: float
    broadcast_s: float
    own_s: float


@dataclass(frozen=True)
class Capacity:
    """Cores: what a broadcast takes, what is free without the self-test; and how many more broadcasts that carries."""

    broadcast_cores: float
    free_cores: float
    free_places: int

    @property
    def more(self) -> int:
        """As many as there is CPU for, and places.

        Nothing is held back for what comes at once: one alone takes more than one of many, 0.30 to 0.35 cores where
        1.8 carried six, and with a fifth held back it said four (bench/test_self_test.py).
        """
        return max(0, min(self.free_places, int(self.free_cores / self.broadcast_cores)))


def capacity_between(before: Usage, after: Usage, *, sharers: int, free_places: int) -> Capacity | None:
    """Return what two looks say; None when they are too close together, or nothing was used.

    The broadcast has its own processes, and its share of the worker, whose threads package all `sharers` broadcasts of
    it. What it and our own encoder took is free again afterwards.
    """
    seconds = after.at_s - before.at_s
    worker = (after.worker_s - before.worker_s) / max(sharers, 1)
    used = after.broadcast_s - before.broadcast_s + worker
    if seconds <= 0 or used <= 0:
        return None
    idle = after.idle_s - before.idle_s
    free = idle + used + after.own_s - before.own_s if idle > _FULL * seconds else 0.0
    return Capacity(used / seconds, free / seconds, free_places)


def look(*, worker: int, broadcast: Collection[int], own: Collection[int]) -> Usage:
    """Return what was used until now by the machine's processes of these ids; one that is gone counts nothing."""
    times = os.times()
    idle, iowait = (_PROC / "stat").read_text().splitlines()[0].split()[4:6]
    return Usage(
        time.monotonic(),
        (int(idle) + int(iowait)) / _TICKS,
        _cpu_s(worker),
        sum(map(_cpu_s, broadcast)),
        # What has been decoded meanwhile counts as well: such children have ended.
        sum(map(_cpu_s, own)) + times.children_user + times.children_system,
    )


def find_named(name: str) -> list[int]:
    """Return the ids of the processes whose command line has this word in it."""
    found = []
    for path in _PROC.iterdir():
        # Gone meanwhile.
        with suppress(OSError):
            if path.name.isdigit() and name.encode() in (path / "cmdline").read_bytes():
                found.append(int(path.name))
    return found


def _cpu_s(pid: int) -> float:
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return 0.0
    # Behind the name, which may have spaces: fields 14 and 15 of all. Source: proc(5).
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / _TICKS
