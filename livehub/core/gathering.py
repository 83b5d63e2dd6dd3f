"""Handing ids on together that come one by one: a thousand changes in a second are a few messages."""

import os
import threading
import time
from collections.abc import Callable, Coroutine, Iterable
from uuid import UUID

from livehub.core import deferred

HandOn = Callable[[frozenset[UUID]], Coroutine[object, object, None] | None]


class Gathering:
    """What this process has to hand on, by its outbox; `what` names it in the log. Safe for threads and event loops.

    One that is lost on its way takes nothing out: what comes `lost_s` after it goes with it. A forked child begins
    empty, since whoever filled it hands it on.
    """

    def __init__(self, hand_on: HandOn, *, what: str, lost_s: float) -> None:
        self._hand_on = hand_on
        self._what = what
        self._lost_s = lost_s
        self._ids: set[UUID] = set()
        self._gathers_until_s = 0.0
        self._lock = threading.Lock()
        os.register_at_fork(after_in_child=self._forget)

    def add(self, ids: Iterable[UUID], *, delay_s: float) -> None:
        """Have them handed on after the delay, or with those that wait already; never waits, never raises."""
        now_s = time.monotonic()
        with self._lock:
            self._ids.update(ids)
            if not self._ids or now_s < self._gathers_until_s:
                return
            self._gathers_until_s = now_s + self._lost_s
        deferred.post(self._hand_on_all, what=self._what, delay_s=delay_s)

    def _hand_on_all(self) -> Coroutine[object, object, None] | None:
        with self._lock:
            ids = frozenset(self._ids)
            self._ids.clear()
            self._gathers_until_s = 0.0
        return self._hand_on(ids)

    def _forget(self) -> None:
        # Whoever held the lock is not there any more.
        self._lock = threading.Lock()
        self._ids.clear()
        self._gathers_until_s = 0.0
