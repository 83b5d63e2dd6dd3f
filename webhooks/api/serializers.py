"""Webhooks and the catalogue on the wire."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from rest_framework import serializers

from livehub.api.dialect import JsonObject
from livehub.api.fields import InstantField
from livehub.core import clock
from webhooks.api.input import (
    ALL_NAMES,
    VENDORS_NAMES,
    LiveHubWebhookBody,
    LiveHubWebhookChangesBody,
    WebhookBody,
    WebhookChangesBody,
)
from webhooks.catalogue import EVENT_NAMES, EventName, Family
from webhooks.models import Endpoint
from webhooks.services import NewEndpoint
from webhooks.states import DisabledReason, PayloadFormat

_SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="  # noqa: S105  # An example.


def _names(names: list[str]) -> serializers.ListField:
    return serializers.ListField(child=serializers.ChoiceField(choices=names))


class WebhookSerializer(serializers.Serializer[Endpoint]):
    """A webhook, as both vendors have it."""

    names: ClassVar[frozenset[str]] = frozenset(VENDORS_NAMES)
    examples: ClassVar[Mapping[str, object]] = {**WebhookBody.examples}

    id = serializers.UUIDField()
    name = serializers.CharField()
    url = serializers.CharField()
    events = _names(VENDORS_NAMES)
    enabled = serializers.BooleanField()
    created_at = InstantField()
    updated_at = InstantField()

    def to_representation(self, endpoint: Endpoint) -> JsonObject:
        return {
            "id": str(endpoint.pk),
            "name": endpoint.name,
            "url": endpoint.url,
            # A strict client knows no other names than its vendor's.
            "events": [name for name in endpoint.events if name in self.names],
            "enabled": endpoint.enabled,
            "created_at": clock.isoformat(endpoint.created_at),
            "updated_at": clock.isoformat(endpoint.updated_at),
        }


def _secret() -> serializers.CharField:
    return serializers.CharField(
        read_only=True, help_text="What deliveries are signed with, as Standard Webhooks has it. Shown this once."
    )


class NewWebhookSerializer(WebhookSerializer):
    """A webhook with its secret, which no vendor has."""

    examples = {**WebhookSerializer.examples, "secret": _SECRET}

    secret = _secret()

    def to_representation(self, made: NewEndpoint) -> JsonObject:  # type: ignore[override]  # Wraps one.
        return {**super().to_representation(made.row), "secret": made.secret}


class LiveHubWebhookSerializer(WebhookSerializer):
    """The same with every name that there is, and how it fares."""

    names = frozenset(ALL_NAMES)
    examples = {
        **WebhookSerializer.examples,
        "disabled_reason": None,
        "failing_since": None,
        "last_error": None,
    }

    events = _names(ALL_NAMES)
    format = serializers.ChoiceField(
        choices=PayloadFormat.values, help_text="Whose payloads the names carry that both vendors have."
    )
    disabled_reason = serializers.ChoiceField(
        choices=DisabledReason.values, allow_null=True, help_text="Why LiveHub itself has disabled it, or null."
    )
    last_success_at = InstantField(allow_null=True)
    failing_since = InstantField(allow_null=True, help_text="Since when nothing has reached it; null when all is well.")
    last_error = serializers.CharField(
        read_only=True, allow_null=True, help_text="What went wrong last; null when all is well."
    )

    def to_representation(self, endpoint: Endpoint) -> JsonObject:
        return {
            **super().to_representation(endpoint),
            "format": endpoint.format,
            "disabled_reason": endpoint.disabled_reason or None,
            "last_success_at": _instant(endpoint.last_success_at),
            "failing_since": _instant(endpoint.failing_since),
            "last_error": endpoint.last_error or None,
        }


class NewLiveHubWebhookSerializer(LiveHubWebhookSerializer):
    """A webhook with its secret."""

    examples = {**LiveHubWebhookSerializer.examples, "secret": _SECRET}

    secret = _secret()

    def to_representation(self, made: NewEndpoint) -> JsonObject:  # type: ignore[override]  # Wraps one.
        return {**super().to_representation(made.row), "secret": made.secret}


class RotatedWebhookSerializer(NewLiveHubWebhookSerializer):
    """A webhook with another secret."""

    previous_secret_until = InstantField(help_text="Until then deliveries are signed with both.")

    def to_representation(self, made: NewEndpoint) -> JsonObject:  # type: ignore[override]  # Wraps one.
        until = _instant(made.row.previous_secret_until)
        return {**super().to_representation(made), "previous_secret_until": until}


class EventNamesSerializer(serializers.ListSerializer[Any]):
    """What RealtimeKit's clients can listen for."""

    child = serializers.ChoiceField(choices=VENDORS_NAMES)


class AllEventNamesSerializer(serializers.ListSerializer[Any]):
    """What a webhook can listen for."""

    child = serializers.ChoiceField(choices=ALL_NAMES)


class EventNameSerializer(serializers.Serializer[EventName]):
    """What a webhook can listen for, and what it is."""

    examples: ClassVar[Mapping[str, object]] = {
        "name": "livestreaming.statusUpdate",
        "family": "vendors",
        "summary": EVENT_NAMES["livestreaming.statusUpdate"].summary,
        "types": ["livestream.live", "livestream.ended", "livestream.errored"],
        "emitted": True,
    }

    name = serializers.ChoiceField(choices=ALL_NAMES)
    family = serializers.ChoiceField(choices=Family.values, help_text="Whose word it is.")
    summary = serializers.CharField()
    types = serializers.ListField(
        child=serializers.CharField(), help_text="The types of the events that go out under it."
    )
    emitted = serializers.BooleanField(help_text="False: it can be listened for, and nothing is sent under it yet.")

    def to_representation(self, known: EventName) -> JsonObject:
        return {
            "name": known.name,
            "family": known.family,
            "summary": known.summary,
            "types": list(known.types),
            "emitted": known.is_emitted,
        }


@dataclass(frozen=True)
class WebhookShapes:
    """The bodies and serializers of those operations that differ between dialects."""

    # Of endpoints that are made in it.
    format: PayloadFormat
    body: type[WebhookBody]
    changes: type[WebhookChangesBody]
    webhook: type[WebhookSerializer]
    new: type[NewWebhookSerializer] | type[NewLiveHubWebhookSerializer]
    names: type[EventNamesSerializer] | type[AllEventNamesSerializer]


DYTE_WEBHOOK_SHAPES = WebhookShapes(
    format=PayloadFormat.DYTE,
    body=LiveHubWebhookBody,
    changes=LiveHubWebhookChangesBody,
    webhook=LiveHubWebhookSerializer,
    new=NewLiveHubWebhookSerializer,
    names=AllEventNamesSerializer,
)
REALTIMEKIT_WEBHOOK_SHAPES = WebhookShapes(
    format=PayloadFormat.REALTIMEKIT,
    body=WebhookBody,
    changes=WebhookChangesBody,
    webhook=WebhookSerializer,
    new=NewWebhookSerializer,
    names=EventNamesSerializer,
)


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else clock.isoformat(moment)
