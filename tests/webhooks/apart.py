"""Transactions of others: each on a connection of its own, one step at a time."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from queue import Queue
from typing import TypeVar

from django.db import connection, transaction

# More than any step takes; what hangs fails instead of hanging the run.
_HANG_S = 60
_Result = TypeVar("_Result")


class _RolledBackError(Exception):
    """Ends a transaction without a commit."""


class Apart:
    """A transaction that somebody else has begun."""

    def __init__(self) -> None:
        self._steps: Queue[Callable[[], None] | None] = Queue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def do(self, deed: Callable[[], _Result]) -> _Result:
        """Do something in it, and return what that returns."""
        outcome: Future[_Result] = Future()

        def step() -> None:
            try:
                outcome.set_result(deed())
            except Exception as error:
                outcome.set_exception(error)

        self._steps.put(step)
        return outcome.result(timeout=_HANG_S)

    def commit(self) -> None:
        self._steps.put(None)
        self._finish()

    def roll_back(self) -> None:
        self._steps.put(_roll_back)
        self._finish()

    def _finish(self) -> None:
        self._thread.join(_HANG_S)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        try:
            with suppress(_RolledBackError), transaction.atomic():
                while (step := self._steps.get(timeout=_HANG_S)) is not None:
                    step()
        finally:
            connection.close()


@contextmanager
def apart() -> Iterator[Apart]:
    """Yield another's transaction, which is rolled back at the end if it is still running."""
    other = Apart()
    try:
        yield other
    finally:
        other.roll_back()


def _roll_back() -> None:
    raise _RolledBackError
