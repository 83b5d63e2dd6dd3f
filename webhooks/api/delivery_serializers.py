"""Deliveries on the wire."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from rest_framework import serializers

from livehub.api.dialect import JsonObject
from livehub.api.fields import InstantField
from livehub.core import clock
from webhooks.api.input import ALL_NAMES
from webhooks.models import Attempt, Delivery
from webhooks.requests_shown import body_shown
from webhooks.states import DeliveryState


class DeliverySerializer(serializers.Serializer[Delivery]):
    """One event on its way to one webhook."""

    examples: ClassVar[Mapping[str, object]] = {
        "event": "livestream.live",
        "event_type": "livestream.live",
        "sequence": 3,
        "subject_type": "livestream",
        "state": "delivered",
        "next_attempt_at": None,
        "last_status": 200,
        "last_error": None,
    }

    id = serializers.UUIDField(help_text="The header webhook-id, the same for every attempt.")
    event_id = serializers.UUIDField()
    event = serializers.ChoiceField(choices=ALL_NAMES, help_text="The name that it goes out under.")
    event_type = serializers.CharField(help_text="What happened, in LiveHub's word.")
    subject_type = serializers.CharField(help_text="livestream, meeting or endpoint.")
    subject_id = serializers.UUIDField()
    sequence = serializers.IntegerField(help_text="1, 2, 3... within its subject.")
    test = serializers.BooleanField(help_text="Nothing happened: somebody tried the webhook.")
    state = serializers.ChoiceField(choices=DeliveryState.values)
    attempt_count = serializers.IntegerField()
    happened_at = InstantField()
    created_at = InstantField()
    next_attempt_at = InstantField(
        allow_null=True,
        help_text="Not before then: later while the webhook is disabled or left alone, or an earlier event of the same "
        "subject is being retried. Null when it is over.",
    )
    finished_at = InstantField(allow_null=True)
    last_status = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="The HTTP status of the last answer; null where nothing answered."
    )
    last_error = serializers.CharField(read_only=True, allow_null=True)

    def to_representation(self, delivery: Delivery) -> JsonObject:
        is_pending = delivery.state == DeliveryState.PENDING
        return {
            "id": str(delivery.uid),
            "event_id": str(delivery.event.uid),
            "event": delivery.name,
            "event_type": delivery.event.type,
            "subject_type": delivery.event.subject_type,
            "subject_id": str(delivery.subject_id),
            "sequence": delivery.sequence,
            "test": delivery.event.is_test,
            "state": delivery.state,
            "attempt_count": delivery.attempts,
            "happened_at": clock.isoformat(delivery.event.at),
            "created_at": clock.isoformat(delivery.created_at),
            "next_attempt_at": clock.isoformat(delivery.due_at) if is_pending else None,
            "finished_at": _instant(delivery.finished_at),
            "last_status": delivery.last_status,
            "last_error": delivery.last_error or None,
        }


_HEADERS: Mapping[str, str] = {"Content-Type": "application/json"}


class RequestSerializer(serializers.Serializer[Delivery]):
    """What is sent."""

    examples: ClassVar[Mapping[str, object]] = {
        "method": "POST",
        "url": "https://example.com/webhooks",
        "body": '{"event":"livestreaming.statusUpdate","status":"LIVE"}',
    }

    method = serializers.CharField()
    url = serializers.CharField(help_text="The webhook's, as it is now.")
    body = serializers.CharField(help_text="As it is signed and sent, but for a stream key, which is masked here.")

    def to_representation(self, delivery: Delivery) -> JsonObject:
        return {"method": "POST", "url": delivery.endpoint.url, "body": body_shown(delivery)}


class AttemptSerializer(serializers.Serializer[Attempt]):
    """One request, and what came back."""

    examples: ClassVar[Mapping[str, object]] = {
        "duration_ms": 41,
        "status": 200,
        "error": None,
        "request_headers": _HEADERS,
        "answer_headers": _HEADERS,
        "answer": "ok",
    }

    number = serializers.IntegerField(help_text="1, 2, 3...")
    at = InstantField()
    duration_ms = serializers.IntegerField()
    status = serializers.IntegerField(read_only=True, allow_null=True, help_text="Null where nothing answered.")
    error = serializers.CharField(read_only=True, allow_null=True, help_text="Null after a success.")
    request_headers = serializers.DictField(child=serializers.CharField())
    answer_headers = serializers.DictField(child=serializers.CharField())
    answer = serializers.CharField(help_text="The first 4 kB of its body.")

    def to_representation(self, attempt: Attempt) -> JsonObject:
        return {
            "number": attempt.number,
            "at": clock.isoformat(attempt.at),
            "duration_ms": attempt.duration_ms,
            "status": attempt.status,
            "error": attempt.error or None,
            "request_headers": attempt.headers,
            "answer_headers": attempt.answer_headers,
            "answer": attempt.answer,
        }


class DeliveryDetailSerializer(DeliverySerializer):
    """A delivery with its request and its attempts, the first one first; of more than a hundred the last hundred."""

    request = RequestSerializer()
    attempts = AttemptSerializer(many=True)

    def to_representation(self, delivery: Delivery) -> JsonObject:
        attempts = [AttemptSerializer().to_representation(attempt) for attempt in delivery.attempt_rows.all()]
        request = RequestSerializer().to_representation(delivery)
        return {**super().to_representation(delivery), "request": request, "attempts": attempts}


class ReplayedSerializer(serializers.Serializer[None]):
    examples: ClassVar[Mapping[str, object]] = {"count": 14}

    count = serializers.IntegerField(help_text="How many deliveries are on their way.")


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else clock.isoformat(moment)
