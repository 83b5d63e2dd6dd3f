"""Forgetting what is too old to be looked up, a little at a time, so that the tables stay small and nobody waits."""

from datetime import timedelta
from uuid import UUID

from django.db import connection

from livehub.core import clock
from livehub.core.deadline import remaining_s
from webhooks.states import RETENTION

# Events at a time: of each there may be two hundred deliveries, and of each of these a dozen attempts.
_EVENTS = 50
_DELIVERIES = 500
# What a batch may still take, at the most.
_BATCH_S = 4.0
# After its deletion nothing is on its way to an endpoint any more.
_LAST_DELIVERY = timedelta(hours=1)
# Of a uid, after its milliseconds since 1970. Source: RFC 9562, 5.7.
_RANDOM_BITS = 80

# One that is still on its way is let finish, which takes three days: it was replayed. After its deletion nothing
# happens to a livestream any more, so nobody needs to know how many events it had.
_FORGET_EVENTS = """
WITH old AS (
    SELECT event.id FROM webhooks_event AS event
    WHERE event.uid < %(before)s AND NOT EXISTS (
        SELECT FROM webhooks_delivery AS delivery
        JOIN webhooks_endpoint AS endpoint ON endpoint.id = delivery.endpoint_id
        WHERE delivery.event_id = event.id AND delivery.state = 'pending'
            AND endpoint.enabled AND endpoint.deleted_at IS NULL
    )
    ORDER BY event.uid
    LIMIT %(most)s
), deliveries AS (
    DELETE FROM webhooks_delivery AS delivery USING old WHERE delivery.event_id = old.id RETURNING delivery.id
), attempts AS (
    DELETE FROM webhooks_attempt AS attempt USING deliveries WHERE attempt.delivery_id = deliveries.id
), events AS (
    DELETE FROM webhooks_event AS event USING old WHERE event.id = old.id RETURNING event.type, event.subject_id
), subjects AS (
    DELETE FROM webhooks_subject AS subject USING events
    WHERE subject.id = events.subject_id AND events.type = 'livestream.deleted'
)
SELECT count(*) FROM events
"""
_FORGET_DELIVERIES = """
WITH deliveries AS (
    DELETE FROM webhooks_delivery WHERE id IN (
        SELECT delivery.id FROM webhooks_endpoint AS endpoint
        JOIN webhooks_delivery AS delivery ON delivery.endpoint_id = endpoint.id
        WHERE endpoint.deleted_at < %(before)s
        LIMIT %(most)s
    )
    RETURNING id
), attempts AS (
    DELETE FROM webhooks_attempt AS attempt USING deliveries WHERE attempt.delivery_id = deliveries.id
)
SELECT count(*) FROM deliveries
"""
_FORGET_ENDPOINTS = """
WITH endpoints AS (
    DELETE FROM webhooks_endpoint AS endpoint WHERE endpoint.deleted_at < %(before)s
        AND NOT EXISTS (SELECT FROM webhooks_delivery WHERE endpoint_id = endpoint.id)
    RETURNING id
), subjects AS (
    DELETE FROM webhooks_subject AS subject USING endpoints WHERE subject.id = endpoints.id
)
SELECT count(*) FROM endpoints
"""


def forget_old() -> None:
    """Remove events past their time with all that belongs to them, and what is left of deleted endpoints.

    Stops early when the caller's deadline comes near: the next call goes on.
    """
    now = clock.now()
    oldest = UUID(int=clock.epoch_ms(now - RETENTION) << _RANDOM_BITS)
    _forget(_FORGET_EVENTS, before=oldest, most=_EVENTS)
    _forget(_FORGET_DELIVERIES, before=now - _LAST_DELIVERY, most=_DELIVERIES)
    _forget(_FORGET_ENDPOINTS, before=now - _LAST_DELIVERY)


def _forget(statement: str, **values: object) -> None:
    """Run the statement until it removes nothing more, each time in a transaction of its own."""
    while remaining_s(at_most=_BATCH_S) == _BATCH_S and _run(statement, values):
        pass


def _run(statement: str, values: dict[str, object]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)  # type: ignore[arg-type]  # Times, numbers and ids.
        count: int = cursor.fetchone()[0]
    return count
