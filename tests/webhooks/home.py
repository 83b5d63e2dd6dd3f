"""What a tenant has of webhooks, for tests over all addresses."""

from django.utils import timezone

from streams.models import App
from tests.webhooks.happenings import delivery_of, happened, listening
from webhooks.models import Attempt


def listen_in(app: App) -> dict[str, str]:
    """Make an endpoint with a delivery that was tried; return what arguments of addresses mean."""
    endpoint = listening(app)
    delivery = delivery_of(endpoint, happened(app))
    Attempt.objects.create(delivery=delivery, number=1, at=timezone.now(), duration_ms=12, status=500, answer="Oops")
    return {"webhook_id": str(endpoint.pk), "endpoint_id": str(endpoint.pk), "delivery_id": str(delivery.uid)}
