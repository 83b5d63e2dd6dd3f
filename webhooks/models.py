"""Endpoints, what happened, and whether they have heard of it.

Rows of events and deliveries are written by one statement of `webhooks.outbox`, within the transaction of the change
that they tell of.
"""

import uuid
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from livehub.core import crypto
from streams.models import App
from webhooks.fields import CurrentTransaction, TransactionField, Uuid7
from webhooks.states import DeliveryState, DisabledReason, PayloadFormat

NAME_MAX_LENGTH, URL_MAX_LENGTH, EVENT_NAME_MAX_LENGTH = 255, 2048, 64


class EndpointQuerySet(models.QuerySet["Endpoint"]):
    def existing(self) -> Self:
        return self.filter(deleted_at=None)

    def for_app(self, app: App) -> Self:
        return self.existing().filter(app=app)


class Endpoint(models.Model):
    """Where an app's events are sent to, and which.

    Whoever holds the claim delivers for it, and nobody else: see `webhooks.claims`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="webhook_endpoints")
    name = models.CharField(max_length=NAME_MAX_LENGTH)
    url = models.CharField(max_length=URL_MAX_LENGTH)
    # Names of the catalogue.
    events = ArrayField(models.CharField(max_length=EVENT_NAME_MAX_LENGTH))
    format = models.CharField(max_length=16, choices=PayloadFormat.choices, default=PayloadFormat.DYTE)
    enabled = models.BooleanField(default=True)
    # Empty while enabled, or where somebody disabled it.
    disabled_reason = models.CharField(max_length=16, choices=DisabledReason.choices, blank=True, editable=False)
    secret_encrypted = models.TextField(editable=False)
    # Signs beside the present one until then.
    previous_secret_encrypted = models.TextField(blank=True, editable=False)
    previous_secret_until = models.DateTimeField(null=True, editable=False)

    # How it fares. Failures since the last success.
    failures = models.PositiveIntegerField(default=0, editable=False)
    failing_since = models.DateTimeField(null=True, editable=False)
    last_success_at = models.DateTimeField(null=True, editable=False)
    last_error = models.CharField(max_length=255, blank=True, editable=False)
    # Until then it is left alone, after too many failures in a row.
    open_until = models.DateTimeField(null=True, editable=False)
    # Who delivers for it now, and until when unless they say so again.
    claimed_by = models.UUIDField(null=True, editable=False)
    claimed_until = models.DateTimeField(null=True, editable=False)

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects = EndpointQuerySet.as_manager()

    class Meta:
        indexes = [
            # An app's list, and whom an event goes to.
            models.Index(fields=["app", "created_at", "id"], condition=Q(deleted_at=None), name="endpoint_list"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def secret(self) -> str:
        """What its deliveries are signed with. Source: Standard Webhooks.

        :raises UndecryptableSecretError: when the encryption key that it was stored with is gone.
        """
        return crypto.decrypt(self.secret_encrypted)


class Subject(models.Model):
    """How many events a livestream, a meeting or an endpoint has had; locked by whoever writes the next one."""

    id = models.UUIDField(primary_key=True)
    sequence = models.BigIntegerField()
    # Of its newest event.
    transaction = TransactionField(db_default=CurrentTransaction(), editable=False)

    def __str__(self) -> str:
        return f"{self.id} at {self.sequence}"


class Event(models.Model):
    """Something that happened. Never changed, but for its transaction after a restore; removed after `RETENTION`."""

    # In the order in which they were written, which within one subject is that of their commits.
    id = models.BigAutoField(primary_key=True)
    uid = models.UUIDField(unique=True, db_default=Uuid7(), editable=False)
    # `event_feed` is its index.
    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="+", db_index=False)
    # livestream.live
    type = models.CharField(max_length=EVENT_NAME_MAX_LENGTH)
    # Of the catalogue: what endpoints can listen for it by.
    names = ArrayField(models.CharField(max_length=EVENT_NAME_MAX_LENGTH))
    subject_type = models.CharField(max_length=16)
    subject_id = models.UUIDField()
    # 1, 2, 3... within its subject.
    sequence = models.BigIntegerField()
    at = models.DateTimeField()
    # All that payloads are made of, as an object; no secrets.
    facts = models.JSONField()
    # The one that wrote it, or an earlier event of its subject if that is a later one: who locks the subject later may
    # have begun to write earlier. So order by this, and then by id, is that of sequences too.
    transaction = TransactionField(db_default=CurrentTransaction(), editable=False)

    class Meta:
        indexes = [
            # The feed. Not by id: an earlier id may be committed later.
            models.Index(fields=["app", "transaction", "id"], name="event_feed"),
            # What is replayed, however rare it is.
            models.Index(fields=["app", "type", "id"], name="event_type"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.uid}"

    @property
    def is_test(self) -> bool:
        """Whether it never happened, and was made up for a try."""
        return "is_test" in self.facts


class Delivery(models.Model):
    """One event on its way to one endpoint, under the name that the endpoint listens for."""

    id = models.BigAutoField(primary_key=True)
    # The webhook-id: the same for every attempt.
    uid = models.UUIDField(unique=True, db_default=Uuid7(), editable=False)
    # `delivery_list` is its index. Without a constraint, which costs each event a lock of each endpoint: rows are made
    # of endpoints that are there, and those are removed last.
    endpoint = models.ForeignKey(
        Endpoint, on_delete=models.CASCADE, related_name="deliveries", db_index=False, db_constraint=False
    )
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="deliveries")
    name = models.CharField(max_length=EVENT_NAME_MAX_LENGTH)
    # As its event has them.
    subject_id = models.UUIDField()
    sequence = models.BigIntegerField()
    state = models.CharField(max_length=16, choices=DeliveryState.choices, default=DeliveryState.PENDING)
    # Requests in all, and those since it was made or replayed last: they say when the next one is due.
    attempts = models.PositiveIntegerField(default=0)
    tries = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField()
    # Later events of its subject wait for it until then; None before its first failure.
    holds_until = models.DateTimeField(null=True)
    # Of the last attempt.
    last_status = models.PositiveSmallIntegerField(null=True)
    last_error = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            # Also an endpoint's list of one name, however rare it is.
            models.UniqueConstraint(fields=["endpoint", "name", "event"], name="delivery_once"),
        ]
        indexes = [
            # An endpoint's list, newest event first.
            models.Index(fields=["endpoint", "event"], name="delivery_list"),
            # What an endpoint's courier sends next, in its order.
            models.Index(
                fields=["endpoint", "event", "id"], condition=Q(state=DeliveryState.PENDING), name="delivery_pending"
            ),
            # Whether an earlier one of the same subject holds it back: of those that failed only.
            models.Index(
                fields=["endpoint", "subject_id", "event"],
                condition=Q(state=DeliveryState.PENDING, holds_until__isnull=False),
                name="delivery_holds",
            ),
            # Whether the sweep calls a courier to an endpoint.
            models.Index(fields=["endpoint", "due_at"], condition=Q(state=DeliveryState.PENDING), name="delivery_due"),
            # An endpoint's failed ones, to look at and to replay.
            models.Index(fields=["endpoint", "event"], condition=Q(state=DeliveryState.FAILED), name="delivery_failed"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.uid}"


class Attempt(models.Model):
    """One request that was sent, or could not be, and what came back."""

    id = models.BigAutoField(primary_key=True)
    # `attempt_number` is its index.
    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempt_rows", db_index=False)
    # 1, 2, 3... of its delivery.
    number = models.PositiveIntegerField()
    at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    # None where nothing answered.
    status = models.PositiveSmallIntegerField(null=True)
    # For people; empty after a success.
    error = models.CharField(max_length=255, blank=True)
    # Of the request: names and values.
    headers = models.JSONField(default=dict)
    # The first 4 kB of the answer, as text.
    answer = models.TextField(blank=True)
    answer_headers = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["delivery", "number"], name="attempt_number"),
        ]

    def __str__(self) -> str:
        return f"{self.delivery_id}/{self.number}"
