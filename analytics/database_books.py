"""The hub's own books: rows."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from analytics import batches, telling
from analytics.books import BooksAwayError
from analytics.counting.batch import LogBatch, LogOpened, WatchingNow
from livehub.core.deadline import deadline
from livehub.core.outage import DATABASE_OUTAGE, describe

# For all statements together: less than the supervisor's patience with who shows no life meanwhile.
_BOUND_S = 8.0


class DatabaseBooks:
    """What `Books` says."""

    def open_log(self, edge: str) -> LogOpened:
        with _within_bounds():
            return batches.open_log(edge)

    def write_batch(self, batch: LogBatch) -> None:
        with _within_bounds():
            batches.write_batch(batch)

    def write_now(self, now: WatchingNow) -> None:
        with _within_bounds():
            telling.write_and_tell(now)


@contextmanager
def _within_bounds() -> Iterator[None]:
    try:
        with deadline(_BOUND_S):
            yield
    except DATABASE_OUTAGE as error:
        # What is left of a connection that broke is of no use.
        connection.close()
        raise BooksAwayError(f"the database is away: {describe(error)}") from error
