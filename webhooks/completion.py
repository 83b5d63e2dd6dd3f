"""Writing down what became of attempts, many at a time."""

import json
from collections import defaultdict
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

ERROR_MAX_LENGTH = 255

# What was not replayed while it was under way, which goes once more.
_IS_SAME = "(delivery.due_at = done.due_at AND delivery.tries = done.tries)"
_IS_RETRIED = f"({_IS_SAME} AND done.state = 'pending')"
# By whoever has lost the endpoint meanwhile, or whom somebody else was before, nothing is written.
_COMPLETE = f"""
WITH done AS (
    SELECT * FROM unnest(
        %(ids)s::bigint[], %(attempts)s::integer[], %(tries)s::integer[], %(due_ats)s::timestamptz[],
        %(states)s::text[], %(retries)s::double precision[],
        %(ats)s::timestamptz[], %(durations)s::integer[], %(statuses)s::smallint[], %(errors)s::text[],
        %(headers)s::jsonb[], %(answers)s::text[], %(answer_headers)s::jsonb[]
    ) AS done (
        id, attempts, tries, due_at, state, retry_in_s,
        at, duration_ms, status, error, headers, answer, answer_headers
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
            WHEN {_IS_RETRIED} THEN coalesce(delivery.holds_until, statement_timestamp() + %(hold)s)
            ELSE delivery.holds_until
        END,
        finished_at = CASE WHEN {_IS_SAME} AND done.state <> 'pending' THEN statement_timestamp() END
    FROM done, webhooks_endpoint AS endpoint
    WHERE delivery.id = done.id AND delivery.state = 'pending' AND delivery.attempts = done.attempts
        AND endpoint.id = delivery.endpoint_id AND endpoint.claimed_by = %(courier_id)s
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
    # For people; empty after a success.
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
    values: dict[str, object] = defaultdict(list)
    values |= {"hold": HOLD, "courier_id": courier_id}
    # In one order, so that no two writers wait for each other.
    values |= _columns(sorted(outcomes, key=lambda outcome: outcome.due.id))
    with connection.cursor() as cursor:
        cursor.execute(_COMPLETE, values)  # type: ignore[arg-type]  # Columns of several types.
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


def _columns(outcomes: Sequence[AttemptOutcome]) -> dict[str, list[object]]:
    return {
        "ids": [outcome.due.id for outcome in outcomes],
        "attempts": [outcome.due.attempts for outcome in outcomes],
        "tries": [outcome.due.tries for outcome in outcomes],
        "due_ats": [outcome.due.due_at for outcome in outcomes],
        "states": [outcome.state.value for outcome in outcomes],
        "retries": [outcome.retry_in_s for outcome in outcomes],
        "ats": [outcome.at for outcome in outcomes],
        "durations": [outcome.duration_ms for outcome in outcomes],
        "statuses": [outcome.status for outcome in outcomes],
        "errors": [outcome.error[:ERROR_MAX_LENGTH] for outcome in outcomes],
        "headers": [json.dumps(outcome.headers) for outcome in outcomes],
        "answers": [outcome.answer for outcome in outcomes],
        "answer_headers": [json.dumps(outcome.answer_headers) for outcome in outcomes],
    }
