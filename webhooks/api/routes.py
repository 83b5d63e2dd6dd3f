"""Where the operations of webhooks live below a dialect's prefix."""

from typing import Any

from django.urls import URLPattern, path

from livehub.api.dialect import Dialect
from webhooks.api import deliveries, events, views
from webhooks.api.base import WebhooksApi
from webhooks.api.serializers import WebhookShapes

_ONE = "webhooks/<str:webhook_id>"
_DELIVERY = f"{_ONE}/deliveries/<str:delivery_id>"

_COMMON: dict[str, type[WebhooksApi]] = {
    "webhooks": views.WebhooksView,
    # Before those of one webhook: "all" is no id.
    "webhooks/all": views.EventNamesView,
}
_LIVEHUB: dict[str, type[WebhooksApi]] = {
    "events": events.EventsView,
    "webhooks/events": views.EventCatalogueView,
    f"{_ONE}/rotate-secret": views.RotateSecretView,
    f"{_ONE}/deliveries": deliveries.DeliveriesView,
    _DELIVERY: deliveries.DeliveryView,
    f"{_DELIVERY}/replay": deliveries.ReplayDeliveryView,
    f"{_ONE}/replay-failed": deliveries.ReplayFailedView,
    f"{_ONE}/replay": deliveries.ReplayAllView,
    f"{_ONE}/test": deliveries.WebhookTestView,
}


def vendor_routes(dialect: Dialect, shapes: WebhookShapes) -> list[URLPattern]:
    """Return what the vendors have."""
    return _paths({**_COMMON, _ONE: views.WebhookView}, dialect=dialect, shapes=shapes)


def livehub_routes(dialect: Dialect, shapes: WebhookShapes) -> list[URLPattern]:
    """Return what the vendors have, and what LiveHub has beyond them."""
    return _paths({**_COMMON, **_LIVEHUB, _ONE: views.WebhookView}, dialect=dialect, shapes=shapes)


def _paths(found: dict[str, type[WebhooksApi]], **given: Any) -> list[URLPattern]:
    return [path(route, view.as_view(**given)) for route, view in found.items()]
