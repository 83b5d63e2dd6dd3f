"""Writing down what became of attempts, many at a time."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from livehub.core import clock
from webhooks.models import Endpoint
from webhooks.routes import Due
from webhooks.schedule import Health, health_after
from webhooks.states import HOLD, DeliveryState

# Of what an attempt and its endpoint keep of what went wrong.
ERROR_MAX_LENGTH = 255

# What was not replayed while it was under way, which goes once more.
_IS_SAME = "(delivery.due_at = done.due_at AND delivery.tries = done.tries)"
_IS_RETRIED = f"({_IS_SAME} AND done.state = 'pending')"
# By whoever has lost the endpoint meanwhile, or whom somebody else was before, nothing is written.
#
# However little PostgreSQL knows of what waits, it is to find each row by its key: of the other conditions no index can
# tell, and OFFSET keeps it from making a join of the last one.
_COMPLETE = f"""
WITH done AS (
    SELECT * FROM jsonb_to_recordset(%(done)s::jsonb) AS done (
        id bigint, attempts integer, tries integer, due_at timestamptz, state text, retry_in_s double precision,
        at timestamptz, duration_ms integer, status smallint, error text, headers jsonb, answer text,
        answer_headers jsonb
    )
), written AS (
    UPDATE webhooks_delivery AS delivery SET
        attempts = delivery.attempts + 1,
        last_status = done.status,
        last_error = done.error,
        state = CASE WHEN {_IS_SAME} THEN done.state ELSE delivery.state END,
        tries = CASE WHEN {_IS_SAME} THEN delivery.tries + 1 ELSE delivery.tries END,
        due_at = CASE
            WHEN {_IS_RETRIED} THEN statement_timestamp() + done.retry_in_s * interval '1 s' ELSE delivery.due_at
        END,
        holds_until = CASE
            WHEN {_IS_RETRIED} THEN coalesce(delivery.holds_until, statement_timestamp() + %(hold_s)s * interval '1 s')
            ELSE delivery.holds_until
        END,
        finished_at = CASE WHEN {_IS_SAME} AND done.state <> 'pending' THEN statement_timestamp() END
    FROM done
    WHERE delivery.id = done.id
        AND (delivery.state, delivery.attempts) IS NOT DISTINCT FROM ('pending', done.attempts)
        AND EXISTS (
            SELECT FROM webhooks_endpoint AS endpoint
            WHERE endpoint.id = delivery.endpoint_id AND endpoint.claimed_by = %(courier_id)s
            OFFSET 0
        )
    RETURNING delivery.id, delivery.attempts
)
INSERT INTO webhooks_attempt (
    delivery_id, number, at, duration_ms, status, error, headers, answer, answer_headers
)
SELECT done.id, written.attempts, done.at, done.duration_ms, done.status, done.error, done.headers, done.answer,
    done.answer_headers
FROM written JOIN done ON done.id = written.id
RETURNING delivery_id
"""  # noqa: S608  # Constants of ours.
_LOCK_HEALTH = """
SELECT id, failures, failing_since, last_success_at, last_error, open_until FROM webhooks_endpoint
WHERE id = ANY(%(ids)s) AND claimed_by = %(courier_id)s
FOR NO KEY UPDATE SKIP LOCKED
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class AttemptOutcome:
    """What became of one attempt. `retry_in_s` is None after a success, and after the last failure."""

    due: Due
    at: datetime
    duration_ms: int
    status: int | None
    # For people, `ERROR_MAX_LENGTH` at most; empty after a success.
    error: str
    headers: Mapping[str, str]
    answer: str = ""
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    retry_in_s: float | None = None
    # Where the receiver wants nothing more, ever; empty where it does.
    gone_url: str = ""

    @property
    def is_success(self) -> bool:
        return not self.error

    @property
    def state(self) -> DeliveryState:
        if self.is_success:
            return DeliveryState.DELIVERED
        return DeliveryState.FAILED if self.retry_in_s is None else DeliveryState.PENDING


@dataclass
class Tally:
    """How an endpoint's attempts went, in their order."""

    has_success: bool = False
    # Since the last success.
    failures: int = 0
    error: str = ""
    gone_url: str = ""

    def count(self, outcome: AttemptOutcome) -> None:
        if outcome.is_success:
            self.has_success, self.failures, self.error = True, 0, ""
        else:
            self.failures, self.error = self.failures + 1, outcome.error
        self.gone_url = outcome.gone_url or self.gone_url


def complete(outcomes: Sequence[AttemptOutcome], *, courier_id: UUID) -> set[int]:
    """Write down attempts and what becomes of their deliveries; return those of which it was ours to say."""
    # In one order, so that no two writers wait for each other.
    done = [_row(outcome) for outcome in sorted(outcomes, key=lambda outcome: outcome.due.id)]
    with connection.cursor() as cursor:
        cursor.execute(_COMPLETE, {"done": json.dumps(done), "hold_s": HOLD.total_seconds(), "courier_id": courier_id})
        return {row[0] for row in cursor.fetchall()}


@transaction.atomic
def note_health(tallies: Mapping[UUID, Tally], *, courier_id: UUID) -> dict[UUID, Health]:
    """Write down how endpoints fare; return it of those that were ours, and that nobody is changing just now."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_HEALTH, {"ids": list(tallies), "courier_id": courier_id})
        before = {row[0]: Health(**dict(zip(_HEALTH, row[1:], strict=True))) for row in cursor.fetchall()}
    after = {endpoint_id: _after(health, tallies[endpoint_id]) for endpoint_id, health in before.items()}
    for endpoint_id, health in after.items():
        # Not its time of change, which is that of what people say of it.
        Endpoint.objects.filter(pk=endpoint_id).update(**{name: getattr(health, name) for name in _HEALTH})
    return after


_HEALTH = ("failures", "failing_since", "last_success_at", "last_error", "open_until")


def _after(health: Health, tally: Tally) -> Health:
    return health_after(
        health, has_success=tally.has_success, failures=tally.failures, error=tally.error, now=clock.now()
    )


def _row(outcome: AttemptOutcome) -> dict[str, object]:
    due = outcome.due
    return {
        "id": due.id,
        "attempts": due.attempts,
        "tries": due.tries,
        "due_at": due.due_at.isoformat(),
        "state": outcome.state,
        "retry_in_s": outcome.retry_in_s,
        "at": outcome.at.isoformat(),
        "duration_ms": outcome.duration_ms,
        "status": outcome.status,
        "error": outcome.error,
        "headers": outcome.headers,
        "answer": outcome.answer,
        "answer_headers": outcome.answer_headers,
    }
