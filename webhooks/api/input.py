"""What clients may ask of webhooks: query strings and bodies."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, TypedDict

from rest_framework import serializers

from livehub.api.fields import BoundedListField, FlagField, TextField
from livehub.api.paging import CursorQuery
from webhooks.catalogue import EVENT_NAMES, Family
from webhooks.states import DeliveryState

ALL_NAMES = list(EVENT_NAMES)
VENDORS_NAMES = [known.name for known in EVENT_NAMES.values() if known.family == Family.VENDORS]

_NAME_HELP = "1 to 255 printable characters."
_URL_HELP = "Where deliveries are sent to, by POST: http:// or https://."
_ENABLED_HELP = "Whether anything is sent."


def _events(names: list[str], **how: Any) -> BoundedListField:
    # Each once would do; a client that repeats itself means no harm.
    return BoundedListField(
        child=serializers.ChoiceField(choices=names),
        max_length=100,
        allow_empty=False,
        help_text="What it is told of; at least one.",
        **how,
    )


_EXAMPLES: Mapping[str, object] = {
    "name": "Attendance",
    "url": "https://example.com/webhooks",
    "events": ["meeting.participantJoined", "meeting.participantLeft"],
    "enabled": True,
}


class WebhookBody(serializers.Serializer[None]):
    """A webhook, as both vendors have it."""

    examples: ClassVar[Mapping[str, object]] = _EXAMPLES

    name = TextField(help_text=_NAME_HELP)
    url = TextField(help_text=_URL_HELP)
    events = _events(VENDORS_NAMES)
    enabled = FlagField(default=True, help_text=_ENABLED_HELP)


class WebhookChangesBody(serializers.Serializer[None]):
    """What may be changed of a webhook; whatever is left out stays."""

    examples: ClassVar[Mapping[str, object]] = _EXAMPLES

    name = TextField(required=False, help_text=_NAME_HELP)
    url = TextField(required=False, help_text=_URL_HELP)
    events = _events(VENDORS_NAMES, required=False)
    enabled = FlagField(required=False, help_text=_ENABLED_HELP)


class LiveHubWebhookBody(WebhookBody):
    """The same with every name that there is."""

    events = _events(ALL_NAMES)


class LiveHubWebhookChangesBody(WebhookChangesBody):
    """The same with every name that there is."""

    events = _events(ALL_NAMES, required=False)


class WebhookTestBody(serializers.Serializer[None]):
    """Under which name a test is sent."""

    examples: ClassVar[Mapping[str, object]] = {"event": "livestream.live"}

    event = serializers.ChoiceField(
        choices=ALL_NAMES,
        default="",
        help_text="One of those that are sent; left out, the first that the webhook listens for.",
    )


class DeliveryListParameters(TypedDict):
    """A checked `DeliveryListQuery`."""

    after: str
    per_page: int
    state: str
    event: str
    since: datetime | None
    until: datetime | None


class DeliveryListQuery(CursorQuery):
    """Which deliveries."""

    state = serializers.ChoiceField(
        choices=DeliveryState.values, default="", help_text="What has become of them so far."
    )
    event = serializers.ChoiceField(choices=ALL_NAMES, default="", help_text="The name that they go out under.")
    since = serializers.DateTimeField(default=None, help_text="It happened at this ISO 8601 time or later.")
    until = serializers.DateTimeField(default=None, help_text="It happened before this ISO 8601 time.")


class ReplayParameters(TypedDict):
    """A checked `ReplayQuery`."""

    since: datetime
    until: datetime | None


class ReplayQuery(serializers.Serializer[None]):
    """Which events are sent again."""

    since = serializers.DateTimeField(help_text="Those that happened at this ISO 8601 time or later.")
    until = serializers.DateTimeField(default=None, help_text="And before this ISO 8601 time; left out, until now.")
