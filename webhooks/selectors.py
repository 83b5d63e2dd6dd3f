"""Shaped reads of endpoints, their deliveries, and what happened."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet

from livehub.core.errors import NotFoundError
from streams.models import App, Organization
from webhooks.models import Attempt, Delivery, Endpoint


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


@dataclass(frozen=True)
class DeliveryFilter:
    """Which deliveries somebody wants to see; empty or None for all."""

    state: str = ""
    name: str = ""
    since: datetime | None = None
    until: datetime | None = None


def list_deliveries(endpoint: Endpoint, wanted: DeliveryFilter = DeliveryFilter()) -> QuerySet[Delivery]:  # Frozen.
    """Return an endpoint's deliveries with their events, newest event first."""
    found = Q()
    if wanted.state:
        found &= Q(state=wanted.state)
    if wanted.name:
        found &= Q(name=wanted.name)
    if wanted.since:
        found &= Q(created_at__gte=wanted.since)
    if wanted.until:
        found &= Q(created_at__lt=wanted.until)
    return endpoint.deliveries.filter(found).select_related("event").order_by("-event_id", "-name")


def get_delivery(*, endpoint: Endpoint, uid: UUID) -> Delivery:
    """Return a delivery of the endpoint with its event and its attempts, the first one first.

    :raises NotFoundError: when it has no such delivery.
    """
    attempts = Prefetch("attempt_rows", Attempt.objects.order_by("number"))
    delivery = endpoint.deliveries.select_related("event").prefetch_related(attempts).filter(uid=uid).first()
    if delivery is None:
        raise NotFoundError(f"No delivery {uid}.")
    delivery.endpoint = endpoint
    return delivery
