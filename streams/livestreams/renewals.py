"""Keeping the leases of all the sessions that a worker runs: those that check in together are written together."""

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db import OperationalError, connection

from livehub.core.deadline import deadline
from livehub.core.outage import DATABASE_OUTAGE
from streams.livestreams.leases import LEASE_TTL, note_media, renew_lease
from streams.livestreams.models import Connection, Lease

# Between two writes: one session alone does not wait, and of a hundred ten go together.
_INTERVAL_S = 0.1

# Rows that somebody else is writing are left out: one that is locked for long holds up no other session.
_WRITE = """
WITH given AS (
    SELECT * FROM jsonb_to_recordset(%s)
    AS given(session_id uuid, epoch integer, connection_id uuid, media_ms bigint, measured jsonb)
), held AS (
    SELECT lease.session_id FROM streams_lease AS lease JOIN given USING (session_id, epoch)
    FOR NO KEY UPDATE OF lease SKIP LOCKED
), kept AS (
    UPDATE streams_lease AS lease SET until = STATEMENT_TIMESTAMP() + make_interval(secs => %s)
    FROM held WHERE lease.session_id = held.session_id RETURNING lease.session_id
), stays AS (
    SELECT stay.id, given.media_ms, given.measured FROM streams_connection AS stay
    JOIN given ON given.connection_id = stay.id JOIN kept ON kept.session_id = given.session_id
    WHERE stay.media_ms < given.media_ms
    FOR NO KEY UPDATE OF stay SKIP LOCKED
), noted AS (
    UPDATE streams_connection AS stay
    SET media_ms = stays.media_ms, measured = stays.measured, last_seen_at = STATEMENT_TIMESTAMP()
    FROM stays WHERE stay.id = stays.id
)
SELECT kept.session_id, present.id FROM kept
LEFT JOIN streams_connection AS present ON present.session_id = kept.session_id AND present.disconnected_at IS NULL
"""


@dataclass(eq=False)
class Renewal:
    """What a run wants written as it checks in: its lease is kept, and how much media came over its connection.

    `media_ms` is all that came over the connection, `measured` other values of it as they are by now.
    """

    lease: Lease
    connection: Connection | None
    media_ms: int
    measured: dict[str, object]
    # The connection of the encoder that is there by then, None where there is none, or nobody has looked.
    present: UUID | None = field(default=None, init=False)
    # Of whoever writes.
    is_taken: bool = field(default=False, init=False)
    is_written: bool = field(default=False, init=False)
    failure: Exception | None = field(default=None, init=False)


class Renewals:
    """What the runs of one worker want written; each waits until it is, and one of them writes for all that wait."""

    def __init__(self) -> None:
        self._waiting: list[Renewal] = []
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._next_at_s = 0.0

    def renew(self, renewal: Renewal, *, timeout_s: float) -> None:
        """Return when it is written; each wait takes that time at most: for others, with others, and for a locked row.

        :raises LeaseLostError: when the session is over or another worker's.
        :raises OperationalError: when the database did not answer.
        """
        with self._lock:
            self._waiting.append(renewal)
        self._await(renewal, timeout_s=timeout_s)
        if renewal.failure is not None:
            raise OperationalError(str(renewal.failure)) from renewal.failure
        if not renewal.is_written:
            with deadline(timeout_s):
                _write_alone(renewal)

    def _await(self, renewal: Renewal, *, timeout_s: float) -> None:
        """Return when it was taken by somebody, if only by us."""
        if not self._turn.acquire(timeout=timeout_s):
            with self._lock:
                if not renewal.is_taken:
                    self._waiting.remove(renewal)
            raise OperationalError("Others wait for the database, too.")
        try:
            if not renewal.is_taken:
                self._write_all(timeout_s=timeout_s)
        finally:
            self._turn.release()

    def _write_all(self, *, timeout_s: float) -> None:
        time.sleep(max(0.0, self._next_at_s - time.monotonic()))
        with self._lock:
            taken, self._waiting = self._waiting, []
            for renewal in taken:
                renewal.is_taken = True
        try:
            with deadline(timeout_s):
                kept = _write_together(taken)
        except DATABASE_OUTAGE as error:
            for renewal in taken:
                renewal.failure = error
            return
        finally:
            self._next_at_s = time.monotonic() + _INTERVAL_S
        for renewal in taken:
            renewal.is_written = renewal.lease.pk in kept
            renewal.present = kept.get(renewal.lease.pk)


def _write_together(renewals: Sequence[Renewal]) -> dict[UUID, UUID | None]:
    """Return the sessions whose leases were renewed, with who is there; others are lost, or locked at the moment."""
    given = json.dumps([_described(renewal) for renewal in renewals])
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, [given, LEASE_TTL.total_seconds()])
        return dict(cursor.fetchall())


def _described(renewal: Renewal) -> dict[str, object]:
    return {
        "session_id": str(renewal.lease.pk),
        "epoch": renewal.lease.epoch,
        "connection_id": str(renewal.connection.pk) if renewal.connection is not None else None,
        "media_ms": renewal.media_ms,
        "measured": renewal.measured,
    }


def _write_alone(renewal: Renewal) -> None:
    """Wait for a row that was locked, and find out whether the lease is lost."""
    renew_lease(renewal.lease)
    if renewal.connection is not None:
        note_media(renewal.connection, media_ms=renewal.media_ms, measured=renewal.measured)
