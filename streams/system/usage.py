"""What programs of this machine take of it: CPU and memory, each with all the processes that it has started."""

import os
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class ProgramUsage:
    """`cpu_percent` is of one core, since the last look or its start; the memory is what is shared with nobody."""

    cpu_percent: float
    memory_bytes: int


@dataclass(frozen=True)
class MachineLoad:
    """How many processes want a core at once, in the mean of a minute, and the memory that is in use."""

    load: float
    cores: int
    memory_bytes: int
    memory_used_bytes: int


class _Process(NamedTuple):
    parent: int
    cpu_s: float
    # Since the machine's start: with its id it names a process for ever.
    began_s: float
    memory_bytes: int


class UsageMeter:
    """Remembers what processes had taken when they were looked at last."""

    def __init__(self) -> None:
        self._seen: dict[tuple[int, float], float] = {}
        self._seen_at_s = 0.0

    def read(self, programs: Mapping[str, int]) -> dict[str, ProgramUsage]:
        """Return what each program takes, by name, given its process id; those that are gone are left out."""
        processes, now_s = dict(_processes()), time.clock_gettime(time.CLOCK_BOOTTIME)
        children = defaultdict[int, list[int]](list)
        for pid, process in processes.items():
            children[process.parent].append(pid)
        found = {}
        for name, pid in programs.items():
            if pid in processes:
                tree = list(_tree(pid, children))
                memory_bytes = sum(processes[each].memory_bytes for each in tree)
                found[name] = ProgramUsage(self._cpu_percent(tree, processes, now_s=now_s), memory_bytes)
        self._seen = {(pid, process.began_s): process.cpu_s for pid, process in processes.items()}
        self._seen_at_s = now_s
        return found

    def _cpu_percent(self, tree: list[int], processes: Mapping[int, _Process], *, now_s: float) -> float:
        began_s = max(self._seen_at_s, processes[tree[0]].began_s)
        # What a process had taken before it was seen first, it took since then: it had not begun.
        taken_s = sum(processes[pid].cpu_s - self._seen.get((pid, processes[pid].began_s), 0.0) for pid in tree)
        return 100 * taken_s / max(now_s - began_s, _TICK_S)


def machine_load() -> MachineLoad:
    """Return how busy this machine is."""
    memory = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    total, free = (int(memory[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable"))
    return MachineLoad(os.getloadavg()[0], len(os.sched_getaffinity(0)), total, total - free)


def _tree(pid: int, children: Mapping[int, list[int]]) -> Iterator[int]:
    yield pid
    for child in children.get(pid, ()):
        yield from _tree(child, children)


def _processes() -> Iterator[tuple[int, _Process]]:
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                stat = Path(entry.path, "stat").read_bytes()
                statm = Path(entry.path, "statm").read_bytes()
            except OSError:
                # It has just ended.
                continue
            # Its name comes in brackets, and may have some. Source: proc(5).
            fields = stat[stat.rindex(b")") + 2 :].split()
            _, resident, shared, *_ = map(int, statm.split())
            cpu_s = (int(fields[11]) + int(fields[12])) * _TICK_S
            memory_bytes = (resident - shared) * _PAGE_BYTES
            yield int(entry.name), _Process(int(fields[1]), cpu_s, int(fields[19]) * _TICK_S, memory_bytes)
