"""The dashboard's addresses that are about webhooks."""

from collections.abc import Callable
from typing import cast

from django.http.response import HttpResponseBase
from django.urls import URLPattern, path

from streams.livestreams.consumers import FragmentConsumer
from webhooks import delivery_views as deliveries
from webhooks import endpoint_views as endpoints
from webhooks.consumers import DeliveryConsumer, EndpointConsumer, EndpointListConsumer

app_name = "webhooks"
_ENDPOINT = "webhooks/<uuid:endpoint_id>"
_DELIVERY = f"{_ENDPOINT}/deliveries/<uuid:delivery_id>"

urlpatterns = [
    path("webhooks", endpoints.EndpointListView.as_view(), name="endpoint_list"),
    path("webhooks/create", endpoints.EndpointCreateView.as_view(), name="endpoint_create"),
    path(_ENDPOINT, endpoints.EndpointDetailView.as_view(), name="endpoint_detail"),
    path(f"{_ENDPOINT}/change", endpoints.EndpointChangeView.as_view(), name="endpoint_change"),
    path(f"{_ENDPOINT}/secret", endpoints.EndpointSecretView.as_view(), name="endpoint_secret"),
    path(f"{_ENDPOINT}/rotate-secret", endpoints.SecretRotateView.as_view(), name="secret_rotate"),
    path(f"{_ENDPOINT}/pause", endpoints.EndpointPauseView.as_view(), name="endpoint_pause"),
    path(f"{_ENDPOINT}/enable", endpoints.EndpointEnableView.as_view(), name="endpoint_enable"),
    path(f"{_ENDPOINT}/delete", endpoints.EndpointDeleteView.as_view(), name="endpoint_delete"),
    path(f"{_ENDPOINT}/replay", deliveries.EndpointReplayView.as_view(), name="endpoint_replay"),
    path(f"{_ENDPOINT}/test", deliveries.EndpointTestView.as_view(), name="endpoint_test"),
    path(_DELIVERY, deliveries.DeliveryDetailView.as_view(), name="delivery_detail"),
    path(f"{_DELIVERY}/replay", deliveries.DeliveryReplayView.as_view(), name="delivery_replay"),
]


def _socket(route: str, consumer: type[FragmentConsumer]) -> URLPattern:
    # Channels routes its applications by Django's own `path`, which is typed for views.
    return path(route, cast(Callable[..., HttpResponseBase], consumer.as_asgi()))


websocket_urlpatterns = [
    _socket("ws/webhooks", EndpointListConsumer),
    _socket(f"ws/{_ENDPOINT}", EndpointConsumer),
    _socket(f"ws/{_DELIVERY}", DeliveryConsumer),
]
