"""Tokens, viewers and keys on the wire, as `/v2` has them."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from rest_framework import serializers

from livehub.api.dialect import JsonObject
from livehub.api.fields import InstantField
from livehub.core import clock
from streams.livestreams.models import PlaybackKey
from streams.livestreams.viewers import ViewerPass

_TOKEN = "eyJhbGciOiJIUzI1NiIs..."  # noqa: S105  # The beginning of one.


class ViewerPassSerializer(serializers.Serializer[ViewerPass]):
    """A viewer's token, and the addresses that carry it: whoever has one of them may watch."""

    examples: ClassVar[Mapping[str, object]] = {
        "token": _TOKEN,
        "viewer_id": "customer-4711",
        "playback_url": f"https://live.example.org/playback/t/{_TOKEN}/pb_4f0c9e1b7a2d/index.m3u8",
        "watch_url": f"https://live.example.org/watch/pb_4f0c9e1b7a2d?token={_TOKEN}",
        "embed_url": f"https://live.example.org/embed/pb_4f0c9e1b7a2d?token={_TOKEN}",
    }

    token = serializers.CharField()
    viewer_id = serializers.CharField()
    expires_at = InstantField()
    playback_url = serializers.CharField(
        help_text="Multivariant HLS playlist; all that it names has the token as well."
    )
    watch_url = serializers.CharField(help_text="A page to watch it on.")
    embed_url = serializers.CharField(help_text="A page with the player, for a frame.")

    def to_representation(self, given: ViewerPass) -> JsonObject:
        return {
            "token": given.token,
            "viewer_id": given.viewer_id,
            "expires_at": clock.isoformat(given.expires_at),
            "playback_url": given.playback_url,
            "watch_url": given.watch_url,
            "embed_url": given.embed_url,
        }


class RevokedViewerSerializer(serializers.Serializer[None]):
    """A viewer who was sent away."""

    examples: ClassVar[Mapping[str, object]] = {"viewer_id": "customer-4711"}

    viewer_id = serializers.CharField()
    revoked_at = InstantField(help_text="Tokens from before play nothing any more.")

    @staticmethod
    def representation(viewer_id: str, revoked_at: datetime) -> JsonObject:
        return {"viewer_id": viewer_id, "revoked_at": clock.isoformat(revoked_at)}


class PlaybackKeySerializer(serializers.Serializer[PlaybackKey]):
    """A key that signs viewers' tokens."""

    examples: ClassVar[Mapping[str, object]] = {"secret": "psk_exampleexampleexampleexample", "expires_at": None}

    id = serializers.UUIDField(help_text="The `kid` of the tokens that it signs.")
    secret = serializers.CharField(
        read_only=True, allow_null=True, help_text="For HS256. Null for an API key that may only read."
    )
    created_at = InstantField()
    expires_at = InstantField(allow_null=True, help_text="Null for the present one.")

    def to_representation(self, key: PlaybackKey) -> JsonObject:
        return {
            "id": str(key.pk),
            "secret": key.secret if self.context["shows_secrets"] else None,
            "created_at": clock.isoformat(key.created_at),
            "expires_at": clock.isoformat(key.revoked_at) if key.revoked_at else None,
        }
