"""Reading what is due, and making the bodies of it."""

import json
import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from livehub.core import tracing
from livehub.core.crypto import UndecryptableSecretError
from streams.models import Livestream
from webhooks import claims
from webhooks.payloads import Message, body_of, needs_stream_key
from webhooks.routes import Claimed, Due
from webhooks.states import HOLD

logger = logging.getLogger(__name__)

# What was never tried is due whatever its time says: somebody may have set the clock back. An earlier one of the same
# livestream or meeting that waits for its next attempt holds it back for a time; one that is due goes before it, and
# one that is under way is in its lane.
#
# However little PostgreSQL knows of the tables, after a burst on a new instance nothing, it is to read in the order of
# `delivery_pending`, no more than there is room for, and to look into `delivery_holds` and for the event of each.
# OFFSET keeps it from making joins of that: it cannot tell for how much there is room, and would read all events where
# much waits.
_FETCH = """
SELECT delivery.id, delivery.uid, delivery.endpoint_id, delivery.event_id, delivery.name, delivery.subject_id,
    delivery.sequence, delivery.attempts, delivery.tries, delivery.due_at,
    event.uid, event.app_id, event.type, event.subject_type, event.at, event.facts
FROM unnest(%(endpoint_ids)s::uuid[], %(rooms)s::integer[]) AS route (endpoint_id, room)
CROSS JOIN LATERAL (
    SELECT * FROM webhooks_delivery AS found
    WHERE found.endpoint_id = route.endpoint_id AND found.state = 'pending'
        AND (found.due_at <= statement_timestamp() OR found.tries = 0)
        AND found.id <> ALL(%(known)s::bigint[])
        AND NOT EXISTS (
            SELECT 1 FROM webhooks_delivery AS earlier
            WHERE earlier.endpoint_id = route.endpoint_id AND earlier.state = 'pending'
                AND earlier.subject_id = found.subject_id AND earlier.event_id < found.event_id
                AND earlier.due_at > statement_timestamp()
                AND earlier.holds_until IS NOT NULL
                AND earlier.holds_until BETWEEN statement_timestamp() AND statement_timestamp() + %(hold)s
            OFFSET 0
        )
    ORDER BY found.event_id, found.id
    LIMIT route.room
) AS delivery
CROSS JOIN LATERAL (SELECT * FROM webhooks_event WHERE id = delivery.event_id OFFSET 0) AS event
ORDER BY delivery.event_id, delivery.id
"""


class _Row(NamedTuple):
    id: int
    uid: UUID
    endpoint_id: UUID
    event_id: int
    name: str
    subject_id: UUID
    sequence: int
    attempts: int
    tries: int
    due_at: datetime
    event_uid: UUID
    app_id: UUID
    type: str
    subject_type: str
    at: datetime
    facts: str


def fetch_claimed(
    *, courier_id: UUID, rooms: Mapping[UUID, int], known: Iterable[int]
) -> tuple[Mapping[UUID, Claimed], Mapping[UUID, list[Due]]]:
    """Return those of these endpoints that still are the courier's, as they are now, and what may go to each."""
    found = claims.look(rooms, courier_id=courier_id)
    if not found:
        return {}, {}
    by_endpoint = defaultdict[UUID, list[Due]](list)
    formats = {endpoint_id: endpoint.format for endpoint_id, endpoint in found.items()}
    ours = {endpoint_id: rooms[endpoint_id] for endpoint_id in found if rooms[endpoint_id]}
    for due in fetch(rooms=ours, formats=formats, known=known):
        by_endpoint[due.endpoint_id].append(due)
    return found, by_endpoint


def fetch(*, rooms: Mapping[UUID, int], formats: Mapping[UUID, str], known: Iterable[int]) -> list[Due]:
    """Return what may go now to each endpoint, as much as it has room for and nothing that is known, by event."""
    rows = _read(rooms=rooms, known=known) if rooms else []
    bodies = _Bodies(rows, formats)
    return [
        Due(
            id=row.id,
            uid=row.uid,
            endpoint_id=row.endpoint_id,
            subject_id=row.subject_id,
            attempts=row.attempts,
            tries=row.tries,
            due_at=row.due_at,
            body=bodies.of(row),
            session_id=_session_of(row) if tracing.is_wanted() else None,
            event_type=row.type,
        )
        for row in rows
    ]


def _read(*, rooms: Mapping[UUID, int], known: Iterable[int]) -> list[_Row]:
    values: dict[str, Any] = {
        "endpoint_ids": list(rooms),
        "rooms": list(rooms.values()),
        "known": list(known),
        "hold": HOLD,
    }
    with connection.cursor() as cursor:
        cursor.execute(_FETCH, values)
        return [_Row(*row) for row in cursor.fetchall()]


def _session_of(row: _Row) -> UUID | None:
    session = json.loads(row.facts).get("session")
    return UUID(session["id"]) if row.subject_type == "livestream" and session else None


class _Bodies:
    """The same for every endpoint that listens for the same in the same format."""

    def __init__(self, rows: Collection[_Row], formats: Mapping[UUID, str]) -> None:
        self._formats = formats
        self._made: dict[tuple[int, str, str], bytes] = {}
        self._keys = _stream_keys(
            {row.subject_id for row in rows if needs_stream_key(name=row.name, format=formats[row.endpoint_id])}
        )

    def of(self, row: _Row) -> bytes:
        payload_format = self._formats[row.endpoint_id]
        what = (row.event_id, row.name, payload_format)
        if what not in self._made:
            self._made[what] = self._make(row, payload_format)
        return self._made[what]

    def _make(self, row: _Row, payload_format: str) -> bytes:
        key = self._keys.get(row.subject_id) if needs_stream_key(name=row.name, format=payload_format) else None
        try:
            return body_of(_message(row, payload_format), stream_key=key)
        except Exception:
            # A mistake of ours, in one event: the others go on, and its attempts say that it cannot be sent.
            logger.exception("no body can be made event=%s name=%s", row.event_uid, row.name)
            return b""


def _message(row: _Row, payload_format: str) -> Message:
    return Message(
        event_id=row.event_uid,
        app_id=row.app_id,
        type=row.type,
        name=row.name,
        format=payload_format,
        subject_type=row.subject_type,
        subject_id=row.subject_id,
        sequence=row.sequence,
        at=row.at,
        facts=json.loads(row.facts),
    )


def _stream_keys(livestream_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the present keys of those that there still are."""
    if not livestream_ids:
        return {}
    found = Livestream.objects.with_stream_key().filter(pk__in=livestream_ids, deleted_at=None)
    return {livestream.pk: key for livestream in found if (key := _key_of(livestream))}


def _key_of(livestream: Livestream) -> str | None:
    try:
        return livestream.stream_key
    except UndecryptableSecretError:
        return None
