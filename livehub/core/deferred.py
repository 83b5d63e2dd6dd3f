"""Sending what goes to Redis without anybody waiting for it: Celery messages, and news for open pages.

One thread in each process sends one message after the other, in order. A message may be lost, when Redis is away or
hangs, when too many wait, or when the process is killed: whatever must happen has a sweep, and pages poll.
"""

import asyncio
import logging
import math
import os
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from multiprocessing.util import Finalize
from typing import NamedTuple

from celery.signals import worker_process_shutdown

logger = logging.getLogger(__name__)

Send = Callable[[], Coroutine[object, object, None] | None]

# Far more than is sent in the seconds that Redis may hang for before people notice.
_CAPACITY = 1000
# For a message that is sent by a coroutine; the others' bound is Celery's (`CELERY_BROKER_TRANSPORT_OPTIONS`).
_SEND_S = 2.0
# What an ending process grants its last messages.
_FLUSH_S = 2.0


class _Entry(NamedTuple):
    what: str
    send: Send
    # By this process's steady clock.
    at_s: float


class Outbox:
    """A queue and the daemon thread that empties it."""

    def __init__(self, *, capacity: int = _CAPACITY) -> None:
        self._waiting: queue.Queue[_Entry | threading.Event] = queue.Queue(capacity)
        # What is not due yet; belongs to the thread.
        self._later: list[_Entry] = []
        self._lost: Counter[str] = Counter()
        # One for all messages, since the channel layer keeps its connections by loop.
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._run, name="deferred", daemon=True).start()

    def post(self, send: Send, *, what: str, delay_s: float = 0.0) -> None:
        """Have `send` called soon, or after a delay, if there is room; `what` names it in the log."""
        try:
            self._waiting.put_nowait(_Entry(what, send, time.monotonic() + delay_s))
        except queue.Full:
            self._lose(what, reason="too many are waiting")

    def flush(self, *, timeout_s: float) -> bool:
        """Tell whether all that was posted before has been tried, as soon as it has, or after `timeout_s`.

        What is not due yet is tried at once.
        """
        is_reached = threading.Event()
        try:
            self._waiting.put(is_reached, timeout=timeout_s)
        except queue.Full:
            return False
        return is_reached.wait(timeout_s)

    def _run(self) -> None:
        while True:
            self._try_later(until_s=time.monotonic())
            try:
                entry = self._waiting.get(timeout=self._wait_s())
            except queue.Empty:
                continue
            if isinstance(entry, threading.Event):
                self._try_later(until_s=math.inf)
                entry.set()
            else:
                self._take(entry)

    def _take(self, entry: _Entry) -> None:
        if entry.at_s > time.monotonic():
            self._later.append(entry)
        else:
            self._try(entry.what, entry.send)

    def _wait_s(self) -> float | None:
        """Return for how long there is nothing to do, unless something new comes."""
        if not self._later:
            return None
        return max(0.0, min(entry.at_s for entry in self._later) - time.monotonic())

    def _try_later(self, *, until_s: float) -> None:
        due = [entry for entry in self._later if entry.at_s <= until_s]
        if due:
            self._later = [entry for entry in self._later if entry.at_s > until_s]
        for entry in due:
            self._try(entry.what, entry.send)

    def _try(self, what: str, send: Send) -> None:
        try:
            coroutine = send()
            if coroutine is not None:
                self._loop.run_until_complete(asyncio.wait_for(coroutine, _SEND_S))
        except Exception as error:  # Whatever is wrong with Redis or a message: the next one may get through.
            self._lose(what, reason=repr(error))
        else:
            if lost := self._lost.pop(what, 0):
                logger.warning("sending works again message=%s lost=%d", what, lost)

    def _lose(self, what: str, *, reason: str) -> None:
        """Count a message; the first of its kind in an outage is worth a line."""
        if not self._lost[what]:
            logger.warning("not sent, nor may be those that follow message=%s: %s", what, reason)
        self._lost[what] += 1


_outbox: Outbox | None = None
_lock = threading.Lock()
os.register_at_fork(after_in_child=lambda: _forget())


def post(send: Send, *, what: str, delay_s: float = 0.0) -> None:
    """Have this process's outbox call `send` soon, or after a delay; never waits, never raises.

    `send` has to have a bound of its own: those that follow wait for it.
    """
    _started().post(send, what=what, delay_s=delay_s)


def flush(timeout_s: float) -> bool:
    """Wait until all that was posted has been tried, and tell whether that was so within `timeout_s`."""
    return _outbox is None or _outbox.flush(timeout_s=timeout_s)


def _started() -> Outbox:
    global _outbox
    with _lock:
        if _outbox is None:
            _outbox = Outbox()
            # Not `atexit`, which the web workers end without, as all that `multiprocessing` has forked.
            Finalize(None, flush, (_FLUSH_S,), exitpriority=0)
        return _outbox


def _forget() -> None:
    """A forked child has the queue, but not the thread."""
    global _outbox, _lock
    _outbox, _lock = None, threading.Lock()


def _flush_child(**_: object) -> None:
    flush(_FLUSH_S)


# Children of Celery's pool end without what is held for the end of a process.
worker_process_shutdown.connect(_flush_child)
