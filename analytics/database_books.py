"""The hub's own books: rows."""

from django.db import connection

from analytics import batches, telling
from analytics.books import BooksAwayError
from analytics.counting.batch import LogBatch, LogOpened, WatchingNow
from livehub.core.outage import DATABASE_OUTAGE, describe


class DatabaseBooks:
    """What `Books` says."""

    def open_log(self, edge: str) -> LogOpened:
        try:
            return batches.open_log(edge)
        except DATABASE_OUTAGE as error:
            raise _away(error) from error

    def write_batch(self, batch: LogBatch) -> None:
        try:
            batches.write_batch(batch)
        except DATABASE_OUTAGE as error:
            raise _away(error) from error

    def write_now(self, now: WatchingNow) -> None:
        try:
            telling.write_and_tell(now)
        except DATABASE_OUTAGE as error:
            raise _away(error) from error


def _away(error: Exception) -> BooksAwayError:
    # What is left of a connection that broke is of no use.
    connection.close()
    return BooksAwayError(f"the database is away: {describe(error)}")
