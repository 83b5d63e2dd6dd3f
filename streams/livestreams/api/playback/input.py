"""What clients may ask of playback: tokens for viewers, and another key to make them with."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import ClassVar, cast

from rest_framework import serializers

from livehub.api.fields import TextField
from livehub.core import clock
from streams.livestreams.playback_keys import OVERLAP_MAX
from streams.livestreams.viewers import TOKEN_LIFETIME
from streams.media.viewer_tokens import TOKEN_LIFETIME_MAX

_LIFETIME_MAX_S = int(TOKEN_LIFETIME_MAX.total_seconds())


class PlaybackTokenBody(serializers.Serializer[None]):
    """Who is to watch, until when, and from where."""

    examples: ClassVar[Mapping[str, object]] = {
        "viewer_id": "customer-4711",
        "expires_in_s": 14_400,
        "allowed_origin": "https://shop.example.com",
    }
    # One of the two that say until when.
    absent: ClassVar[frozenset[str]] = frozenset({"expires_at"})

    viewer_id = TextField(
        required=False,
        allow_null=True,
        help_text="Yours for the viewer: up to 64 letters, digits, and any of . _ : @ -; else LiveHub makes one.",
    )
    expires_in_s = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=_LIFETIME_MAX_S,
        help_text=f"Seconds; {int(TOKEN_LIFETIME.total_seconds())} where neither this nor expires_at is given.",
    )
    expires_at = serializers.DateTimeField(
        required=False, allow_null=True, help_text="ISO 8601, within 30 days; in place of expires_in_s."
    )
    allowed_origin = TextField(
        required=False, allow_null=True, help_text="The only origin whose pages may embed it or fetch with it."
    )

    def validate(self, attrs: dict[str, object]) -> dict[str, object]:
        if attrs.get("expires_in_s") is not None and attrs.get("expires_at") is not None:
            raise serializers.ValidationError({"expires_at": ["Give expires_in_s or expires_at, not both."]})
        return attrs


class RotatePlaybackKeyBody(serializers.Serializer[None]):
    """How long the present key goes on."""

    examples: ClassVar[Mapping[str, object]] = {"overlap_s": 86_400}

    overlap_s = serializers.IntegerField(
        default=0,
        min_value=0,
        max_value=int(OVERLAP_MAX.total_seconds()),
        help_text="Tokens of earlier keys play for so long; with 0 those who play with them are cut within 10 s.",
    )


def expiry_of(values: Mapping[str, object]) -> datetime | None:
    """Return until when a checked body wants the token to last; None where it does not say."""
    if values.get("expires_in_s") is not None:
        return clock.now() + timedelta(seconds=int(str(values["expires_in_s"])))
    return cast(datetime | None, values.get("expires_at"))
