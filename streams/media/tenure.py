"""Whose child processes are whose: a worker that hangs cannot end its own, so whoever takes its broadcast over does.

Each child says in its environment which run of which broadcast it belongs to, so nothing has to be written down, and
nothing that was written down can be out of date.
"""

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_BROADCAST, _EPOCH = "LIVEHUB_BROADCAST", "LIVEHUB_EPOCH"


@dataclass(frozen=True)
class Tenure:
    """One run of a broadcast; a later run has a higher epoch."""

    broadcast: str
    epoch: int

    @property
    def environment(self) -> dict[str, str]:
        """What its children have in their environment, beside ours."""
        return {**os.environ, _BROADCAST: self.broadcast, _EPOCH: str(self.epoch)}

    def end_earlier(self) -> list[int]:
        """Kill what earlier runs of the broadcast have left on this machine; return the ids of those processes."""
        return [pid for pid in _children() if self._end(pid)]

    def _end(self, pid: int) -> bool:
        # Gone meanwhile, or another user's, whose runs are none of ours.
        with suppress(OSError):
            descriptor = os.pidfd_open(pid)
            try:
                # Read with the descriptor open: from here on the number cannot be another process's unnoticed.
                if self._follows(_environment(pid)):
                    signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                    return True
            finally:
                os.close(descriptor)
        return False

    def _follows(self, environment: dict[bytes, bytes]) -> bool:
        epoch = environment.get(_EPOCH.encode(), b"")
        is_same = environment.get(_BROADCAST.encode()) == self.broadcast.encode()
        return is_same and epoch.isdigit() and int(epoch) < self.epoch


def find_children(broadcast_end: str) -> list[int]:
    """Return the ids of the processes on this machine that belong to the broadcast whose name ends so."""
    found = []
    for pid in _children():
        # Gone meanwhile, or another user's.
        with suppress(OSError):
            if _environment(pid).get(_BROADCAST.encode(), b"").endswith(broadcast_end.encode()):
                found.append(pid)
    return found


def _children() -> list[int]:
    return [int(path.name) for path in _PROC.iterdir() if path.name.isdigit() and int(path.name) != os.getpid()]


def _environment(pid: int) -> dict[bytes, bytes]:
    words = (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    return {name: value for name, found, value in (word.partition(b"=") for word in words) if found}
