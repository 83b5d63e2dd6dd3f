"""What Cloudinary's clients may ask."""

from collections.abc import Mapping
from typing import cast

from rest_framework import serializers

from livehub.api.fields import TextField
from streams.livestreams.broadcast_settings import BroadcastSettings
from streams.livestreams.models.livestream import MAX_RUNTIME_MAX_S, RECONNECT_WINDOW_MAX_S
from streams.livestreams.services import LivestreamChanges

# Source: Cloudinary's examples.
_IDLE_DEFAULT_S = 120


class CloudinaryInputBody(serializers.Serializer[None]):
    type = serializers.ChoiceField(choices=["rtmp"])


class CloudinaryStreamChangesBody(serializers.Serializer[None]):
    """What may be changed of a live stream; whatever is left out stays."""

    examples = {"name": "My first stream", "idle_timeout_sec": 120, "max_runtime_sec": 10_800}

    name = TextField(
        required=False, allow_null=True, help_text="Up to 255 printable characters; null or empty for none."
    )
    idle_timeout_sec = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=RECONNECT_WINDOW_MAX_S,
        help_text="How long it stays active without an encoder: one that dropped may come back so long; null for 120.",
    )
    max_runtime_sec = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=MAX_RUNTIME_MAX_S,
        help_text="After how long a broadcast is ended in any case; null for never.",
    )


class CloudinaryStreamBody(CloudinaryStreamChangesBody):
    """A live stream that is to be made."""

    examples = {**CloudinaryStreamChangesBody.examples, "input": {"type": "rtmp"}}

    input = CloudinaryInputBody()


def new_limits_of(values: Mapping[str, object]) -> BroadcastSettings:
    """Return how long a checked `CloudinaryStreamBody` lets it wait and last, in our words."""
    return limits_of({"idle_timeout_sec": None, **values})


def limits_of(values: Mapping[str, object]) -> BroadcastSettings:
    """Return how long a checked body lets it wait and last, in our words."""
    limits: BroadcastSettings = {}
    if "idle_timeout_sec" in values:
        limits["reconnect_window_s"] = _seconds(values["idle_timeout_sec"]) or _IDLE_DEFAULT_S
    if "max_runtime_sec" in values:
        limits["max_runtime_s"] = _seconds(values["max_runtime_sec"])
    return limits


def changes_of(values: Mapping[str, object]) -> LivestreamChanges:
    """Return a checked `CloudinaryStreamChangesBody` in our words."""
    name = {"name": str(values["name"] or "")} if "name" in values else {}
    return cast(LivestreamChanges, {**name, **limits_of(values)})


def _seconds(value: object) -> int | None:
    return value if isinstance(value, int) else None
