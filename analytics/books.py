"""Where a collector writes: into the database, or at an edge node by way of the hub."""

from typing import Protocol

import httpx
import msgspec
from django.db import connection

from analytics import batches, telling
from analytics.counting.batch import EdgeName, LogBatch, LogOpened, WatchingNow
from livehub.core.outage import DATABASE_OUTAGE, describe

_HUB_S = 10.0
_REFUSED = 409


class BooksAwayError(Exception):
    """Nothing can be written at the moment: counting goes on, and it is tried again."""


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


class DatabaseBooks:
    """The hub's own."""

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


class HubBooks:
    """An edge node's, which shows the hub its token; `http` has been made for that hub."""

    def __init__(self, http: httpx.Client, *, token: str) -> None:
        self._http = http
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def open_log(self, edge: str) -> LogOpened:
        try:
            return msgspec.json.decode(self._tell("open", EdgeName(edge)), type=LogOpened)
        except msgspec.MsgspecError as error:
            raise BooksAwayError("what the hub answers is not understood: is it of the same version?") from error

    def write_batch(self, batch: LogBatch) -> None:
        self._tell("batch", batch)

    def write_now(self, now: WatchingNow) -> None:
        self._tell("now", now)

    def _tell(self, what: str, told: msgspec.Struct) -> bytes:
        try:
            response = self._http.post(f"/edges/{what}", content=msgspec.json.encode(told), headers=self._headers)
        except httpx.HTTPError as error:
            raise BooksAwayError(f"the hub does not answer: {error!r}") from error
        if response.status_code == _REFUSED:
            raise batches.BatchRefusedError(response.text.strip())
        if not response.is_success:
            raise BooksAwayError(f"the hub answers {response.status_code}: {response.text.strip()[:200]}")
        return response.content


def hub_client(hub_url: str) -> httpx.Client:
    """Return what reaches a hub, and by no proxy of the environment: its token is for it alone."""
    return httpx.Client(base_url=hub_url, timeout=_HUB_S, trust_env=False)


def _away(error: Exception) -> BooksAwayError:
    # What is left of a connection that broke is of no use.
    connection.close()
    return BooksAwayError(f"the database is away: {describe(error)}")
