"""A run's hold on its session: it is renewed every second, and what is written goes by it."""

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from django import db

from livehub.core.deadline import deadline
from livehub.core.outage import DATABASE_OUTAGE, describe
from streams.livestreams.locks import LeaseLostError
from streams.livestreams.models import Lease, Session
from streams.livestreams.renewals import Renewal, Renewals
from streams.media.errors import BrokenOffError

logger = logging.getLogger(__name__)

_Result = TypeVar("_Result")
_DATABASE_RETRY_S = 1.0
# For one statement while a run goes on: ffmpeg is watched from the same thread.
STATEMENT_TIMEOUT_S = 0.9


class HandOverError(BrokenOffError):
    """Another worker is to run the session, or does already."""


class HeldLease:
    """A lease as the run has it that it was claimed for."""

    def __init__(self, lease: Lease, stopping: threading.Event, renewals: Renewals) -> None:
        self.lease = lease
        self.stopping = stopping
        self._renewals = renewals

    def __str__(self) -> str:
        return str(self.lease)

    def renew(self, renewal: Renewal) -> None:
        """Keep the session; a database that does not answer in time is asked again with the next renewal.

        :raises HandOverError: when another worker is to run it, or does.
        :raises LeaseLostError: when it is over.
        """
        if self.stopping.is_set():
            raise HandOverError
        try:
            self._renewals.renew(renewal, timeout_s=STATEMENT_TIMEOUT_S)
        except LeaseLostError:
            if not self._is_over():
                raise HandOverError("Another worker runs the session.") from None
            raise
        except DATABASE_OUTAGE as error:
            # As long as the database is away nobody else can claim the session either, and once it is back, the next
            # renewal tells whether somebody has.
            logger.warning("lease not renewed session=%s %s", self, describe(error))
        finally:
            db.close_old_connections()

    def write(self, change: Callable[[], _Result]) -> _Result:
        """Write as soon as the database lets us: a broadcast outlives it, and so does what became of it.

        :raises LeaseLostError: when this worker stops meanwhile: the lease runs out, and another one takes over.
        """
        while True:
            try:
                return change()
            except DATABASE_OUTAGE as error:
                logger.warning("not written yet session=%s %s", self, describe(error))
            finally:
                # Back to the pool: a session lasts for hours.
                db.close_old_connections()
            if self.stopping.is_set():
                session_id = self.lease.session_id
                raise LeaseLostError(f"Session {session_id} was not concluded before this worker stopped.")
            time.sleep(_DATABASE_RETRY_S)

    def try_once(self, deed: Callable[[], _Result], *, what: str) -> _Result | None:
        """Do what may be left out, and return its result, or None where the database does not answer in time.

        :raises LeaseLostError: as the deed does.
        """
        try:
            with deadline(STATEMENT_TIMEOUT_S):
                return deed()
        except DATABASE_OUTAGE as error:
            logger.warning("left out: %s session=%s %s", what, self, describe(error))
            return None
        finally:
            db.close_old_connections()

    def _is_over(self) -> bool:
        """Tell whether the session is known to be over: not to know is no end for viewers."""
        try:
            with deadline(STATEMENT_TIMEOUT_S):
                return not Session.objects.open().filter(pk=self.lease.session_id).exists()
        except DATABASE_OUTAGE:
            return False
