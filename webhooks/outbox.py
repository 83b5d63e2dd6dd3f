"""Writing an event down with a delivery for each endpoint that listens for it: the outbox.

All in one statement, within the transaction of the change: a rolled-back change leaves nothing, and a committed one
has its rows, whatever is killed next. The couriers are only called after the commit; a call that gets lost is made up
for by the sweep.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from webhooks import calls

# The caller holds the lock of the livestream or meeting, so that the row of the subject makes nobody wait who would
# not wait already, and sequences are committed in their order.
_RECORD = """
WITH subject AS (
    INSERT INTO webhooks_subject AS subject (id, sequence) VALUES (%(subject_id)s, %(count)s)
    ON CONFLICT (id) DO UPDATE SET
        sequence = subject.sequence + %(count)s, transaction = GREATEST(subject.transaction, pg_current_xact_id())
    RETURNING sequence, transaction
), event AS (
    INSERT INTO webhooks_event (app_id, type, names, subject_type, subject_id, sequence, at, facts, transaction)
    SELECT %(app_id)s, %(type)s, %(names)s, %(subject_type)s, %(subject_id)s,
        subject.sequence - %(count)s + happened.number, happened.at, happened.facts, subject.transaction
    FROM subject, unnest(%(at)s::timestamptz[], %(facts)s::jsonb[]) WITH ORDINALITY AS happened (at, facts, number)
    ORDER BY happened.number
    RETURNING id, sequence
), delivery AS (
    INSERT INTO webhooks_delivery (
        endpoint_id, event_id, name, subject_id, sequence, state, attempts, tries, due_at, last_error, created_at
    )
    SELECT endpoint.id, event.id, wanted.name, %(subject_id)s, event.sequence, 'pending', 0, 0,
        statement_timestamp(), '', statement_timestamp()
    FROM event, webhooks_endpoint AS endpoint, unnest(endpoint.events) AS wanted (name)
    WHERE endpoint.app_id = %(app_id)s AND endpoint.enabled AND endpoint.deleted_at IS NULL
        AND wanted.name = ANY(%(names)s)
    RETURNING endpoint_id
)
SELECT DISTINCT endpoint_id FROM delivery
"""
# Events at a time: with as many endpoints as an app may have, a statement takes well less than it may (4 s).
_BATCH = 200


@dataclass(frozen=True, kw_only=True)
class Happening:
    """What is to be written down; `names` are those of the catalogue that endpoints can listen for it by."""

    app_id: UUID
    type: str
    names: Collection[str]
    subject_type: str
    subject_id: UUID
    at: datetime
    facts: Mapping[str, object]


def record(happening: Happening) -> None:
    """Write an event and its deliveries, and have them sent once they are committed."""
    record_all([happening])


def record_all(happenings: Sequence[Happening]) -> None:
    """Do the same for events of one type, at once; `happenings` are of one subject, in their order."""
    endpoint_ids = set[UUID]()
    for start in range(0, len(happenings), _BATCH):
        endpoint_ids |= _record(happenings[start : start + _BATCH])
    if endpoint_ids:
        calls.call_couriers(endpoint_ids)


def _record(happenings: Sequence[Happening]) -> set[UUID]:
    """Return which endpoints are to be told."""
    first = happenings[0]
    values: dict[str, UUID | str | int | list[str] | list[datetime]] = {
        "app_id": first.app_id,
        "type": first.type,
        "names": list(first.names),
        "subject_type": first.subject_type,
        "subject_id": first.subject_id,
        "count": len(happenings),
        "at": [happening.at for happening in happenings],
        "facts": [json.dumps(happening.facts) for happening in happenings],
    }
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, values)
        return {row[0] for row in cursor.fetchall()}
