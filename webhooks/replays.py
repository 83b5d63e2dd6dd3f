"""Sending again what was sent, or was not, and sending a test."""

import uuid
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Model, QuerySet

from livehub.core import clock
from livehub.core.errors import DomainError
from streams.organizations.services import Actor, record
from webhooks import calls, live_updates
from webhooks.locks import lock_endpoint
from webhooks.models import Delivery, Endpoint, Event
from webhooks.states import DeliveryState

_Row = TypeVar("_Row", bound=Model)

# At a time: the request waits for it.
REPLAYED_MAX = 50_000

# Of events that the endpoint listens for now and was not meant for then: it was not there, disabled, or listened for
# others.
_MAKE_MISSING = """
INSERT INTO webhooks_delivery (
    endpoint_id, event_id, name, subject_id, sequence, state, attempts, tries, due_at, last_error, created_at
)
SELECT endpoint.id, event.id, wanted.name, event.subject_id, event.sequence, 'pending', 0, 0,
    statement_timestamp(), '', statement_timestamp()
FROM webhooks_endpoint AS endpoint
JOIN webhooks_event AS event ON event.app_id = endpoint.app_id
CROSS JOIN unnest(event.names) AS wanted (name)
WHERE endpoint.id = %(endpoint_id)s AND event.id BETWEEN %(first_id)s AND %(last_id)s
    AND wanted.name = ANY(endpoint.events)
ORDER BY event.id
ON CONFLICT DO NOTHING
"""


class EndpointDisabledError(DomainError):
    """Nothing is sent to it."""

    code = "webhook_disabled"
    http_status = 422


class TooMuchToReplayError(DomainError):
    """More than can be started within one request."""

    code = "too_much_to_replay"
    http_status = 422


@transaction.atomic
def replay_delivery(*, delivery: Delivery, actor: Actor) -> None:
    """Send one again under the same webhook-id, whatever became of it; one that waits for its next attempt goes now.

    :raises NotFoundError: when the endpoint is deleted.
    :raises EndpointDisabledError: when it is disabled.
    """
    endpoint = _lock_enabled(delivery.endpoint_id)
    _send_again(Delivery.objects.filter(pk=delivery.pk))
    _finish(endpoint, actor=actor, delivery=str(delivery.uid))


@transaction.atomic
def replay_failed(*, endpoint: Endpoint, since: datetime, actor: Actor, until: datetime | None = None) -> int:
    """Send again what failed of the events between two times, each under its webhook-id; return how many.

    :raises NotFoundError: when the endpoint is deleted.
    :raises EndpointDisabledError: when it is disabled.
    :raises TooMuchToReplayError: when there are more than `REPLAYED_MAX`.
    """
    endpoint = _lock_enabled(endpoint.pk)
    first_id, last_id = _find_events(since=since, until=until)
    failed = endpoint.deliveries.filter(event_id__range=(first_id, last_id), state=DeliveryState.FAILED)
    count = _send_again(_few_enough(failed))
    _finish(endpoint, actor=actor, failed_since=since.isoformat(), count=count)
    return count


@transaction.atomic
def replay_all(*, endpoint: Endpoint, since: datetime, actor: Actor, until: datetime | None = None) -> int:
    """Send all events between two times that the endpoint listens for, also those that were never meant for it.

    What was sent before goes under the same webhook-id. Returns how many go.

    :raises NotFoundError: when the endpoint is deleted.
    :raises EndpointDisabledError: when it is disabled.
    :raises TooMuchToReplayError: when there are more than `REPLAYED_MAX`.
    """
    endpoint = _lock_enabled(endpoint.pk)
    first_id, last_id = _find_events(since=since, until=until)
    _few_enough(Event.objects.filter(app_id=endpoint.app_id, pk__range=(first_id, last_id)))
    known = endpoint.deliveries.filter(event_id__range=(first_id, last_id), name__in=endpoint.events)
    count = _send_again(_few_enough(known)) + _make_missing(endpoint, first_id=first_id, last_id=last_id)
    _finish(endpoint, actor=actor, all_since=since.isoformat(), count=count)
    return count


def _lock_enabled(endpoint_id: UUID) -> Endpoint:
    endpoint = lock_endpoint(endpoint_id)
    if not endpoint.enabled:
        raise EndpointDisabledError("This webhook is disabled. Enable it first.")
    return endpoint


def _find_events(*, since: datetime, until: datetime | None) -> tuple[int, int]:
    """Return the first and the last id of what was written down between two times, or (1, 0)."""
    found = Event.objects.filter(uid__range=(_first_uid(since), _first_uid(until or clock.now())))
    first, last = found.order_by("uid").first(), found.order_by("uid").last()
    return (first.pk, last.pk) if first and last else (1, 0)


def _first_uid(moment: datetime) -> UUID:
    """Return the least id that is made at that moment. Source: RFC 9562, 5.7."""
    return uuid.UUID(int=max(int(moment.timestamp() * 1000), 0) << 80)


def _few_enough(rows: QuerySet[_Row]) -> QuerySet[_Row]:
    count = rows.count()
    if count > REPLAYED_MAX:
        raise TooMuchToReplayError(
            f"That would be {count:,} events, and {REPLAYED_MAX:,} is the most at a time. Choose a shorter time."
        )
    return rows


def _send_again(deliveries: QuerySet[Delivery]) -> int:
    return deliveries.update(
        state=DeliveryState.PENDING, tries=0, due_at=clock.now(), holds_until=None, finished_at=None
    )


def _make_missing(endpoint: Endpoint, *, first_id: int, last_id: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_MAKE_MISSING, {"endpoint_id": endpoint.pk, "first_id": first_id, "last_id": last_id})
        count: int = cursor.rowcount
    return count


def _finish(endpoint: Endpoint, *, actor: Actor, **detail: object) -> None:
    record(organization=endpoint.app.organization, actor=actor, action="webhook.replayed", target=endpoint, **detail)
    calls.call_couriers([endpoint.pk])
    live_updates.tell_on_commit(endpoint.pk)
