"""What can become of a delivery, and how long it is tried."""

from datetime import timedelta

from django.db import models


class DeliveryState(models.TextChoices):
    """Whether an event has reached its endpoint."""

    PENDING = "pending", "Pending"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Failed"


class PayloadFormat(models.TextChoices):
    """Whose payloads the names carry that several vendors have."""

    DYTE = "dyte", "Dyte v2"
    REALTIMEKIT = "realtimekit", "RealtimeKit"


class DisabledReason(models.TextChoices):
    """Why an endpoint is sent nothing any more, if not because somebody wanted it so."""

    GONE = "gone", "The endpoint answered 410 Gone"
    FAILING = "failing", "No delivery succeeded for 5 days"


# How long later events of the same livestream or meeting wait for an earlier one that failed.
HOLD = timedelta(minutes=10)
# How long an endpoint may fail without one success before it is disabled.
PATIENCE = timedelta(days=5)
# How long both secrets sign after a rotation.
ROTATION_OVERLAP = timedelta(hours=24)
# How long events, deliveries and attempts can be looked up.
RETENTION = timedelta(days=30)
