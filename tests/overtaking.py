"""One deed overtaken by another: it has looked at the rows, and waits for a lock while they change."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connection, transaction

from tests.services import HANG_S, wait_until

_Result = TypeVar("_Result")
# More than anything in here takes; what hangs fails instead of hanging the run.


def overtaken(deed: Callable[[], _Result], *, by: Callable[[], object]) -> _Result:
    """Do `by` in a transaction that commits once `deed`, on a connection of its own, waits for it.

    Returns what the deed returns, and raises what it raises.
    """

    def do() -> _Result:
        try:
            return deed()
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=1) as other:
        with transaction.atomic():
            by()
            outcome = other.submit(do)
            wait_until(lambda: outcome.done() or _somebody_waits(), what="the deed waits")
            assert not outcome.done(), "The deed has not waited for the other one."
        return outcome.result(timeout=HANG_S)


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return bool(cursor.fetchone()[0])
