"""Sending again what was sent, or was not, and sending a test."""

from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Model, QuerySet

from livehub.core import clock
from livehub.core.errors import DomainError, ValidationFailedError
from streams.organizations.services import Actor, record
from webhooks import calls, live_updates, outbox, samples
from webhooks.catalogue import EVENT_NAMES
from webhooks.locks import lock_endpoint, try_lock_replays
from webhooks.models import Delivery, Endpoint, Event
from webhooks.outbox import Happening
from webhooks.selectors import EventSpan, find_span, within
from webhooks.states import DeliveryState

_Row = TypeVar("_Row", bound=Model)

# Events at a time: the request waits for it, a second or two where each goes out under three names.
REPLAYED_MAX = 10_000
# What is tried where an endpoint listens for nothing that happens yet.
_TRIED_TYPE = "livestream.live"

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
    AND event.uid >= %(first_uid)s AND event.uid < %(end_uid)s AND wanted.name = ANY(endpoint.events)
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


class ReplayUnderWayError(DomainError):
    """Of an organization one goes at a time: each has the database write thousands of rows."""

    code = "replay_under_way"
    http_status = 409
    retryable = True
    retry_after_s = 2


@transaction.atomic
def replay_delivery(*, delivery: Delivery, actor: Actor) -> None:
    """Send one again under the same webhook-id, whatever became of it; one that waits for its next attempt goes now.

    :raises NotFoundError: when the endpoint is deleted.
    :raises EndpointDisabledError: when it is disabled.
    """
    endpoint = _lock_enabled(delivery.endpoint_id)
    _send_again(Delivery.objects.filter(pk=delivery.pk))
    _finish(endpoint, actor=actor, action="webhook.replayed", delivery=str(delivery.uid))


@transaction.atomic
def replay_failed(*, endpoint: Endpoint, since: datetime, actor: Actor, until: datetime | None = None) -> int:
    """Send again what failed of the events between two times, each under its webhook-id; return how many.

    :raises NotFoundError: when the endpoint is deleted.
    :raises EndpointDisabledError: when it is disabled.
    :raises TooMuchToReplayError: when there are more than `REPLAYED_MAX`.
    :raises ReplayUnderWayError: when another one of the organization is.
    """
    endpoint = _lock_for_many(endpoint)
    failed = endpoint.deliveries.filter(within(find_span(since=since, until=until)), state=DeliveryState.FAILED)
    count = _send_again(_few_enough(failed))
    _finish(endpoint, actor=actor, action="webhook.replayed", failed_since=clock.isoformat(since), count=count)
    return count


@transaction.atomic
def replay_all(*, endpoint: Endpoint, since: datetime, actor: Actor, until: datetime | None = None) -> int:
    """Send all events between two times that the endpoint listens for, also those that were never meant for it.

    What was sent before goes under the same webhook-id. Returns how many go.

    :raises NotFoundError: when the endpoint is deleted.
    :raises EndpointDisabledError: when it is disabled.
    :raises TooMuchToReplayError: when there are more than `REPLAYED_MAX`.
    :raises ReplayUnderWayError: when another one of the organization is.
    """
    endpoint = _lock_for_many(endpoint)
    span = find_span(since=since, until=until)
    _few_enough(_events_for(endpoint, span))
    known = endpoint.deliveries.filter(within(span), name__in=endpoint.events)
    count = _send_again(known) + _make_missing(endpoint, span)
    _finish(endpoint, actor=actor, action="webhook.replayed", all_since=clock.isoformat(since), count=count)
    return count


@transaction.atomic
def send_test(*, endpoint: Endpoint, actor: Actor, name: str = "") -> Delivery:
    """Send what might have happened, marked as a test, under a name of the catalogue; return its delivery.

    Without a name, under the first that the endpoint listens for. Nobody else is told, not even by the feed.

    :raises NotFoundError: when the endpoint is deleted.
    :raises EndpointDisabledError: when it is disabled.
    :raises ValidationFailedError: when there is no such name, or nothing goes out under it yet.
    """
    endpoint = _lock_enabled(endpoint.pk)
    name = name or _first_emitted(endpoint)
    delivery = _write_test(endpoint, name=name, event_type=_type_to_try(name))
    _finish(endpoint, actor=actor, action="webhook.tested", event=name, delivery=str(delivery.uid))
    return delivery


def _lock_for_many(endpoint: Endpoint) -> Endpoint:
    # First, since whoever waits for an endpoint takes a connection meanwhile.
    if not try_lock_replays(endpoint):
        raise ReplayUnderWayError("Another replay is being started. Wait a few seconds, then try again.")
    return _lock_enabled(endpoint.pk)


def _lock_enabled(endpoint_id: UUID) -> Endpoint:
    endpoint = lock_endpoint(endpoint_id)
    if not endpoint.enabled:
        raise EndpointDisabledError("This webhook is disabled. Enable it first.")
    return endpoint


def _events_for(endpoint: Endpoint, span: EventSpan) -> QuerySet[Event]:
    return Event.objects.filter(
        app_id=endpoint.app_id,
        names__overlap=endpoint.events,
        pk__range=(span.first_id, span.last_id),
        uid__gte=span.first_uid,
        uid__lt=span.end_uid,
    )


def _few_enough(rows: QuerySet[_Row]) -> QuerySet[_Row]:
    # Not how many there are: of millions that takes longer than a request may.
    if rows[: REPLAYED_MAX + 1].count() > REPLAYED_MAX:
        raise TooMuchToReplayError(
            f"That would be more than {REPLAYED_MAX:,} events, which is the most at a time. Choose a shorter time."
        )
    return rows


def _send_again(deliveries: QuerySet[Delivery]) -> int:
    return deliveries.update(
        state=DeliveryState.PENDING, tries=0, due_at=clock.now(), holds_until=None, finished_at=None
    )


def _make_missing(endpoint: Endpoint, span: EventSpan) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_MAKE_MISSING, {"endpoint_id": endpoint.pk, **span._asdict()})
        count: int = cursor.rowcount
    return count


def _first_emitted(endpoint: Endpoint) -> str:
    return next((name for name in endpoint.events if EVENT_NAMES[name].is_emitted), _TRIED_TYPE)


def _type_to_try(name: str) -> str:
    known = EVENT_NAMES.get(name)
    if known is None:
        raise ValidationFailedError("Unknown event.", fields={"event": [f"There is no event {name[:64]}."]})
    if not known.is_emitted:
        message = f"Nothing is sent under {name} yet. Choose another event."
        raise ValidationFailedError("Not sent yet.", fields={"event": [message]})
    return known.types[0]


def _write_test(endpoint: Endpoint, *, name: str, event_type: str) -> Delivery:
    facts = {**samples.facts_of(event_type, organization=endpoint.app.organization), "is_test": True}
    outbox.record(
        Happening(
            app_id=endpoint.app_id,
            type=event_type,
            # Nobody can listen for an event without names, so that nobody else is ever told of a test.
            names=[],
            subject_type="endpoint",
            subject_id=endpoint.pk,
            at=clock.now(),
            facts=facts,
        )
    )
    event = Event.objects.filter(subject_id=endpoint.pk).order_by("-pk")[0]
    return Delivery.objects.create(
        endpoint=endpoint,
        event=event,
        name=name,
        subject_id=endpoint.pk,
        sequence=event.sequence,
        due_at=event.at,
        created_at=event.at,
    )


def _finish(endpoint: Endpoint, *, actor: Actor, action: str, **detail: object) -> None:
    # Somebody wants to see it now, whatever the endpoint has answered lately.
    Endpoint.objects.filter(pk=endpoint.pk).update(open_until=None)
    record(organization=endpoint.app.organization, actor=actor, action=action, target=endpoint, **detail)
    calls.call_couriers([endpoint.pk])
    live_updates.tell_on_commit(endpoint.pk)
