"""Endpoints that listen, and what was written down for them."""

from uuid import UUID

from streams.models import App
from streams.organizations.services import SYSTEM
from webhooks.models import Delivery, Endpoint, Event
from webhooks.services import create_endpoint


def listen_for(app: App, *names: str, enabled: bool = True, format: str = "dyte") -> Endpoint:
    url = "https://receiver.example/webhooks"
    return create_endpoint(
        app=app, name="Backend", url=url, events=names, actor=SYSTEM, enabled=enabled, format=format
    ).row


def events_of(subject_id: UUID) -> list[Event]:
    """Return what happened to a livestream or meeting, in order."""
    return list(Event.objects.filter(subject_id=subject_id).order_by("sequence"))


def types_of(subject_id: UUID) -> list[str]:
    return [event.type for event in events_of(subject_id)]


def deliveries_to(endpoint: Endpoint) -> list[tuple[str, str]]:
    """Return what goes to an endpoint, in the order of the events: their types, and the names they go under."""
    deliveries = Delivery.objects.filter(endpoint=endpoint).order_by("event_id", "name")
    return list(deliveries.values_list("event__type", "name"))
