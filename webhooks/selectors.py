"""Shaped reads of endpoints, their deliveries, and what happened."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models import Exists, Max, Min, OuterRef, Prefetch, Q, QuerySet, prefetch_related_objects

from livehub.core import clock
from livehub.core.errors import NotFoundError
from streams.models import App, Organization
from webhooks.models import Attempt, Delivery, Endpoint, Event
from webhooks.states import HOLD, DeliveryState

# An event's id is taken just before the time in its uid. In between others may take theirs, but no more than that.
_WRITTEN_AT_ONCE = 1000
_MAX_ID = 2**63 - 1
# Of a delivery. One that nobody replays has eleven at most; each replay adds some, without end.
ATTEMPTS_SHOWN = 100
# Of a uid, after its milliseconds since 1970.
_RANDOM_BITS = 80


def list_endpoints(app: App) -> QuerySet[Endpoint]:
    """Return the app's endpoints, oldest first."""
    return Endpoint.objects.for_app(app).order_by("created_at", "id")


def list_endpoints_of(organization: Organization) -> QuerySet[Endpoint]:
    """Return the endpoints of all of an organization's apps with their apps, oldest first."""
    endpoints = Endpoint.objects.existing().select_related("app").filter(app__organization=organization)
    return endpoints.order_by("created_at", "id")


def list_failing_endpoints(organization: Organization) -> QuerySet[Endpoint]:
    """Return those that something does not reach at the moment, or that were disabled for it; the longest first."""
    is_failing = Q(enabled=True, failing_since__isnull=False) | ~Q(disabled_reason="")
    return list_endpoints_of(organization).filter(is_failing).order_by("failing_since", "id")


def get_endpoint(*, app: App, endpoint_id: UUID) -> Endpoint:
    """Return an endpoint of the app.

    :raises NotFoundError: when it has no such endpoint.
    """
    endpoint = Endpoint.objects.for_app(app).filter(pk=endpoint_id).first()
    if endpoint is None:
        raise NotFoundError(f"No webhook {endpoint_id}.")
    return endpoint


def get_own_endpoint(*, organization: Organization, endpoint_id: UUID) -> Endpoint:
    """Return an endpoint of any of the organization's apps, with its app.

    :raises NotFoundError: when it has no such endpoint.
    """
    endpoint = list_endpoints_of(organization).filter(pk=endpoint_id).first()
    if endpoint is None:
        raise NotFoundError(f"No webhook {endpoint_id}.")
    return endpoint


class EventSpan(NamedTuple):
    """Events between two times: exact by their uids, and by their ids so that not all of a table is looked through."""

    first_id: int
    last_id: int
    first_uid: UUID
    # Of the first one that is later.
    end_uid: UUID


def find_span(*, since: datetime | None, until: datetime | None) -> EventSpan:
    """Return where the events lie that were written down from one moment on, and before another."""
    first_uid = _uid_at(since) if since else UUID(int=0)
    end_uid = _uid_at(until) if until else UUID(int=2**128 - 1)
    return EventSpan(_first_id(since) if since else 0, _last_id(until) if until else _MAX_ID, first_uid, end_uid)


@dataclass(frozen=True)
class DeliveryFilter:
    """Which deliveries somebody wants to see; empty or None for all."""

    state: str = ""
    name: str = ""
    # When it happened: from the first moment on, and before the other one.
    since: datetime | None = None
    until: datetime | None = None
    # Of the delivery, or of its event.
    uid: UUID | None = None
    # Those that the list has after this one.
    after: Delivery | None = None


def list_deliveries(endpoint: Endpoint, wanted: DeliveryFilter = DeliveryFilter()) -> QuerySet[Delivery]:  # Frozen.
    """Return an endpoint's deliveries with their events, newest event first."""
    found = endpoint.deliveries.select_related("event").order_by("-event_id", "-name")
    if wanted.state:
        found = found.filter(state=wanted.state)
    if wanted.name:
        found = found.filter(name=wanted.name)
    if wanted.since or wanted.until:
        found = found.filter(within(find_span(since=wanted.since, until=wanted.until)))
    if wanted.uid:
        found = found.filter(_has_uid(wanted.uid))
    if wanted.after:
        last = wanted.after
        found = found.filter(event_id__lte=last.event_id).exclude(event_id=last.event_id, name__gte=last.name)
    return found


def with_held(deliveries: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """Read along which of them wait for an earlier one of their livestream or meeting; see `webhooks.fetching`."""
    now = clock.now()
    earlier = Delivery.objects.filter(
        endpoint=OuterRef("endpoint"),
        state=DeliveryState.PENDING,
        subject_id=OuterRef("subject_id"),
        event__lt=OuterRef("event"),
        due_at__gt=now,
        holds_until__range=(now, now + HOLD),
    )
    return deliveries.annotate(is_held=Exists(earlier))


def within(span: EventSpan) -> Q:
    """Return the condition on deliveries that their events lie there."""
    by_id = Q(event_id__gte=span.first_id, event_id__lte=span.last_id)
    return by_id & Q(event__uid__gte=span.first_uid, event__uid__lt=span.end_uid)


def _has_uid(uid: UUID) -> Q:
    # The event first: of a condition that reaches into its table, the database would read all of the endpoint's rows.
    event_id = Event.objects.filter(uid=uid).values_list("pk", flat=True).first()
    return Q(uid=uid) | Q(event_id=event_id) if event_id else Q(uid=uid)


def find_delivery(*, endpoint: Endpoint, uid: UUID) -> Delivery | None:
    """Return a delivery of the endpoint, or None."""
    return endpoint.deliveries.filter(uid=uid).first()


def get_delivery(*, endpoint: Endpoint, uid: UUID) -> Delivery:
    """Return a delivery with its event, whether it is held, and its attempts: the last `ATTEMPTS_SHOWN`, in their order.

    :raises NotFoundError: when it has no such delivery.
    """
    delivery = with_held(endpoint.deliveries.select_related("event").filter(uid=uid)).first()
    if delivery is None:
        raise NotFoundError(f"No delivery {uid}.")
    attempts = Attempt.objects.filter(number__gt=delivery.attempts - ATTEMPTS_SHOWN).order_by("number")
    prefetch_related_objects([delivery], Prefetch("attempt_rows", attempts))
    delivery.endpoint = endpoint
    return delivery


def _first_id(since: datetime) -> int:
    """Return an id that none of the events from then on is below."""
    found = Event.objects.filter(uid__gte=_uid_at(since)).order_by("uid")[:_WRITTEN_AT_ONCE]
    first: int | None = found.aggregate(first=Min("pk"))["first"]
    return _MAX_ID if first is None else first


def _last_id(until: datetime) -> int:
    """Return an id that none of the events before then is above."""
    found = Event.objects.filter(uid__lt=_uid_at(until)).order_by("-uid")[:_WRITTEN_AT_ONCE]
    last: int | None = found.aggregate(last=Max("pk"))["last"]
    return last or 0


def _uid_at(moment: datetime) -> UUID:
    """Return the least id that is made at that moment. Source: RFC 9562, 5.7."""
    return UUID(int=max(clock.epoch_ms(moment), 0) << _RANDOM_BITS)
