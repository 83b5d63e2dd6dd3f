"""Where a collector writes, without saying how: a collector of an edge node loads nothing of the database."""

from typing import Protocol

from analytics.counting.batch import LogBatch, LogOpened, WatchingNow
from livehub.core.errors import DomainError


class BooksAwayError(Exception):
    """Nothing can be written at the moment: counting goes on, and it is tried again."""


class BatchRefusedError(DomainError):
    """The batch does not begin where the one before has ended: its collector has to begin anew."""

    code = "batch_refused"
    http_status = 409


class Books(Protocol):
    """Each raises BooksAwayError."""

    def open_log(self, edge: str) -> LogOpened:
        """Return where that edge's collector goes on; with the salts of now."""

    def write_batch(self, batch: LogBatch) -> None:
        """Write it once.

        :raises BatchRefusedError: when it is not the next one of its edge.
        """

    def write_now(self, now: WatchingNow) -> None:
        """Write who watches now."""
