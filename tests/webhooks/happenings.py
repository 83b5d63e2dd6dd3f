"""Endpoints, and what happens that they listen for."""

import uuid
from datetime import timedelta
from uuid import UUID

from livehub.core import clock
from streams.models import App
from streams.organizations.services import SYSTEM
from webhooks import catalogue, samples
from webhooks.models import Delivery, Endpoint, Event
from webhooks.outbox import Happening, record
from webhooks.services import create_endpoint
from webhooks.states import DeliveryState

URL = "https://example.com/webhooks"
LIVE = "livestream.live"
ENDED = "livestream.ended"


def listening(app: App, *names: str, enabled: bool = True) -> Endpoint:
    """Make an endpoint that listens for these names, or for a livestream's going live."""
    return create_endpoint(
        app=app, name="Attendance", url=URL, events=names or [LIVE], enabled=enabled, actor=SYSTEM
    ).row


def happened(
    app: App, event_type: str = LIVE, *, subject_id: UUID | None = None, ago: timedelta = timedelta()
) -> Event:
    """Write an event down as if that long ago."""
    at = clock.now() - ago
    record(
        Happening(
            app_id=app.pk,
            type=event_type,
            names=catalogue.names_of(event_type),
            subject_type=event_type.partition(".")[0],
            subject_id=subject_id or uuid.uuid4(),
            at=at,
            facts=samples.facts_of(event_type, organization=app.organization),
        )
    )
    event = Event.objects.order_by("-pk")[0]
    if ago:
        event.uid = UUID(int=clock.epoch_ms(at) << 80 | event.uid.int & (1 << 80) - 1)
        event.save(update_fields=["uid"])
    return event


def delivery_of(endpoint: Endpoint, event: Event, *, state: DeliveryState = DeliveryState.PENDING) -> Delivery:
    """Return the delivery of the event to the endpoint, as if that had become of it."""
    found = endpoint.deliveries.filter(event=event)
    if state != DeliveryState.PENDING:
        found.update(state=state, attempts=3, tries=3, finished_at=clock.now(), last_status=500, last_error="HTTP 500")
    return found.get()


def furnish_webhooks(app: App) -> dict[str, str]:
    """Make an endpoint with something on its way to it; return what arguments of addresses mean."""
    endpoint = listening(app)
    delivery = delivery_of(endpoint, happened(app))
    known = str(endpoint.pk)
    # As the API calls it, and as our own pages do.
    return {"webhook_id": known, "endpoint_id": known, "delivery_id": str(delivery.uid)}


def body_of_webhook(operation: str) -> dict[str, object] | None:
    """Return what an operation (`POST /v2/webhooks`) needs in its body, or None."""
    method, _, path = operation.partition(" ")
    is_whole = (method, path.rpartition("/")[2]) in {("POST", "webhooks"), ("PUT", "{webhook_id}")}
    return {"name": "Attendance", "url": URL, "events": ["meeting.ended"]} if is_whole else None
