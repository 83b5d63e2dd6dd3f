"""Reading the database from asynchronous code: in a few threads, each read with a bound, and nobody with all threads.

Not `database_sync_to_async`: all that it runs outside a request shares one thread, so that one page whose read waits
for a lock stops every other page.
"""

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from django.db import close_old_connections

from livehub.core.deadline import deadline
from livehub.core.shares import Shares

_Result = TypeVar("_Result")

# Half of a process's connections, so that what else runs in it finds some.
_READERS = ThreadPoolExecutor(max_workers=8, thread_name_prefix="reader")
# What one reader has in threads and before them at most: the others' reads wait behind so many of each, not behind all.
_AT_ONCE = 2
_READ_S = 4.0
# With the wait for a free thread.
_ANSWER_S = 5.0


_SHARES = Shares(at_once=_AT_ONCE)


async def read(function: Callable[[], _Result], *, reader: Hashable) -> _Result:
    """Return what the function reads; `reader` is whose share of the threads it takes.

    :raises django.db.OperationalError: when the database is away or hangs.
    :raises TimeoutError: when all threads are waiting for it, or all of the reader's are.
    """
    async with asyncio.timeout(_ANSWER_S), _SHARES.place_of(reader):
        return await asyncio.get_running_loop().run_in_executor(_READERS, partial(_read, function))


def _read(function: Callable[[], _Result]) -> _Result:
    close_old_connections()
    try:
        with deadline(_READ_S):
            return function()
    finally:
        # Back to the pool.
        close_old_connections()
