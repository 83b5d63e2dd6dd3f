"""Noticing a process that is alive and does nothing any more, so that it can be killed and replaced.

Each program shows the supervisor that it lives (`show_life`); see `livehub/stack/supervise.py` for the watch. The ASGI
server and the gate do so from their event loops: a thread would go on while those are stuck. Celery's workers do not:
while Redis hangs, their loop stands still for 18 s and more, and live sessions are to go on meanwhile.

The web program watches its workers itself: each counts in memory that it shares with its parent; a count that stands
still for too long is a hang. Counts instead of times: nobody's clock can be wrong, and a machine that slept hurts no
worker.
"""

import asyncio
import logging
import mmap
import multiprocessing
import os
import signal
import struct
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

logger = logging.getLogger(__name__)

Receive = Callable[[], Awaitable[object]]
Send = Callable[[dict[str, str]], Awaitable[None]]

# How long a Python program needs before it can be called started: less, and a broken import restarts for ever. One that
# ends sooner again and again ends the product.
START_S = 10
_LIFE_S = 1.0
_BEAT_S = 0.5
_CHECK_S = 1.0
# Far more checks than any garbage collection or burst of requests keeps a thread from counting.
_MISSES_TO_KILL = 10
_ENTRY = struct.Struct("qq")
# Workers come and go; an entry is used again after so many of them.
_ENTRIES = 64


def show_life() -> None:
    """Touch the file that the supervisor watches, from a thread of this process; nothing where no supervisor asks."""
    threading.Thread(target=_beat_on, name="life", daemon=True).start()


def _beat_on() -> None:
    while True:
        beat_once()
        time.sleep(_LIFE_S)


async def lifespan(_: object, receive: Receive, send: Send) -> None:
    """Beat from the event loop for as long as an ASGI server lives. Source: ASGI, Lifespan Protocol."""
    await receive()
    life = asyncio.create_task(beat_in_loop())
    await send({"type": "lifespan.startup.complete"})
    await receive()
    life.cancel()
    await send({"type": "lifespan.shutdown.complete"})


async def beat_in_loop() -> None:
    """Show life for as long as the event loop that this runs in does its work; never returns."""
    while True:
        beat_once()
        await asyncio.sleep(_LIFE_S)


def beat_once() -> None:
    """Show life, from whoever does so themselves in each turn of their work; nothing where no supervisor asks."""
    path = os.environ.get("LIVEHUB_HEARTBEAT")
    if path:
        Path(path).touch(mode=0o600)


class Heartbeats:
    """Made by the parent before it forks; `beat` belongs to the workers, `watch` to the parent."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, _ENTRY.size * _ENTRIES)
        self._started = multiprocessing.Value("L", 0)

    def beat(self) -> None:
        """Count from now on, in a thread of this process."""
        with self._started.get_lock():
            number = self._started.value % _ENTRIES
            self._started.value += 1
        threading.Thread(target=self._count, args=(number,), name="heartbeat", daemon=True).start()

    def watch(self) -> None:
        """Kill children that have begun to count and no longer do, from a thread of this process."""
        threading.Thread(target=self._watch, name="watch", daemon=True).start()

    def _count(self, number: int) -> None:
        pid, count = os.getpid(), 0
        while True:
            count += 1
            _ENTRY.pack_into(self._shared, number * _ENTRY.size, pid, count)
            time.sleep(_BEAT_S)

    def _watch(self) -> None:
        seen: dict[int, tuple[int, int]] = {}
        while True:
            time.sleep(_CHECK_S)
            seen = {pid: _misses(seen.get(pid), count=count) for pid, count in self._counts().items()}
            for pid, (_, misses) in seen.items():
                if misses == _MISSES_TO_KILL:
                    logger.error("web worker %d does nothing any more and is replaced", pid)
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)

    def _counts(self) -> dict[int, int]:
        """Return each living worker's count, by process id."""
        children = {child.pid for child in multiprocessing.active_children()}
        counts = dict(_ENTRY.iter_unpack(self._shared[:]))
        return {pid: count for pid, count in counts.items() if pid in children}


def _misses(before: tuple[int, int] | None, *, count: int) -> tuple[int, int]:
    """Return a worker's count with how often it was found unchanged."""
    if before is None or before[0] != count:
        return count, 0
    return count, before[1] + 1
