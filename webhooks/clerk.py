"""A courier's one thread for the database, so that its event loop never waits for it, nor any two calls cross."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Self, TypeVar

from django.db import connection

from livehub.core.deadline import deadline
from livehub.core.outage import DATABASE_OUTAGE

_Result = TypeVar("_Result")
# For a call as a whole: less than the time between two renewals of a claim.
_CALL_S = 4.5


class Clerk:
    """Calls functions that use the database, one after the other, on a connection that it keeps."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="clerk")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        # Its own connection, not this thread's.
        self._thread.submit(lambda: connection.close())
        self._thread.shutdown()

    async def call(self, function: Callable[[], _Result]) -> _Result:
        """Return what it returns, within a few seconds.

        :raises OperationalError, InterfaceError: when the database is away, hangs, or lets it wait.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: _bounded(function))


def _bounded(function: Callable[[], _Result]) -> _Result:
    try:
        with deadline(_CALL_S):
            return function()
    except DATABASE_OUTAGE:
        # Of whatever is left of it nothing is of use.
        connection.close()
        raise
