"""Live streams as LiveAPI writes them. Source: its reference, live stream object and platform object."""

from typing import TypedDict
from uuid import UUID

from django.conf import settings
from rest_framework import serializers

from livehub.api.dialect import JsonObject
from livehub.api.fields import InstantField
from livehub.api.identifiers import object_id
from livehub.core import clock
from streams.livestreams.models import Livestream, Output, PullSource
from streams.livestreams.states import LIVESTREAM_STATES, LivestreamStatus

_ONLINE, _OFFLINE = "online", "offline"


class LiveApiPresenting(TypedDict):
    """The context that these serializers need, and for streams their simulcasts as `outputs`."""

    organization_id: UUID
    # Whoever may only read may not publish either, here or elsewhere.
    shows_secrets: bool


class LiveApiPlatformSerializer(serializers.Serializer[Output]):
    """A platform that broadcasts are to go to as well."""

    examples = {
        "_id": "6226ce8431ddbeb3754aa249",
        "template": "custom",
        "server": "rtmp://a.rtmp.example.com/live2",
        "key": "abcd-efgh-ijkl",
        "broadcasting_status": _OFFLINE,
    }

    _id = serializers.CharField()
    template = serializers.CharField(help_text="Whose platform it is, in your words.")
    name = serializers.CharField(allow_null=True)
    enabled = serializers.BooleanField()
    server = serializers.CharField()
    key = serializers.CharField(allow_null=True, help_text="Null for an API key that may only read, or without one.")
    broadcasting_status = serializers.ChoiceField(
        choices=[_ONLINE, _OFFLINE], help_text="online while the platform takes the broadcast."
    )

    def to_representation(self, output: Output) -> JsonObject:
        return {
            "_id": object_id(output.pk),
            "template": output.vendor or "custom",
            "name": output.name or None,
            "enabled": output.enabled,
            "server": output.uri,
            "key": (output.stream_key or None) if self.context["shows_secrets"] else None,
            "broadcasting_status": _ONLINE if output.shown.is_playable else _OFFLINE,
        }


class LiveApiIngestSerializer(serializers.Serializer[None]):
    examples = {"server": "rtmp://live.example.org/live", "key": "lv_" + "0" * 32 + "?password=" + "0" * 16}

    server = serializers.CharField(help_text="Goes into the encoder, next to the key.")
    key = serializers.CharField(
        allow_null=True, help_text="With its password, without which it opens nothing. Null for one that may only read."
    )


class LiveApiPlaybackSerializer(serializers.Serializer[None]):
    embed_url = serializers.CharField(help_text="A page with the player, for a frame.")
    embed_audio_url = serializers.CharField(help_text="The same for the sound alone.")
    hls_url = serializers.CharField(help_text="Stays the same for every broadcast.")


class LiveApiPullingModeSerializer(serializers.Serializer[None]):
    """Where broadcasts are fetched from; empty where encoders push."""

    enabled = serializers.BooleanField(required=False)
    url = serializers.CharField(required=False, help_text="Without its credentials.")


class LiveApiSettingsSerializer(serializers.Serializer[None]):
    pulling_mode = LiveApiPullingModeSerializer(help_text="Empty where encoders push.")


class LiveApiPullUrlsSerializer(serializers.Serializer[None]):
    rtmp = serializers.CharField(allow_null=True, help_text="Always null: LiveHub is not pulled from over RTMP.")
    srt = serializers.CharField(allow_null=True, help_text="Always null: LiveHub is not pulled from over SRT.")
    hls = serializers.CharField()


class LiveApiStreamSerializer(serializers.Serializer[Livestream]):
    """A live stream: where to publish, where to watch, and whether somebody does."""

    examples = {
        "_id": "621c8dda6ebae022f13ee870",
        "platforms": [],
        "user": "620e0ba1ce8f11ddde571e30",
        "organization": "620e0ba2ce8f11ddde571430",
        "environment": "production",
        "enabled": True,
        "broadcasting_status": _ONLINE,
    }

    _id = serializers.CharField()
    name = serializers.CharField(allow_null=True)
    enabled = serializers.BooleanField(help_text="Encoders are accepted.")
    ingest = LiveApiIngestSerializer()
    playback = LiveApiPlaybackSerializer()
    platforms = LiveApiPlatformSerializer(many=True)
    settings = LiveApiSettingsSerializer()
    broadcasting_status = serializers.ChoiceField(choices=[_ONLINE, _OFFLINE])
    pull_urls = LiveApiPullUrlsSerializer(required=False, help_text="Only while online.")
    user = serializers.CharField()
    environment = serializers.CharField()
    organization = serializers.CharField()
    creation_time = InstantField()

    def to_representation(self, livestream: Livestream) -> JsonObject:
        # A slate alone cannot be pulled.
        is_online = LIVESTREAM_STATES[livestream.status].is_on_air and livestream.status != LivestreamStatus.STANDBY
        platform = LiveApiPlatformSerializer(context=self.context)
        return {
            "_id": object_id(livestream.pk),
            "name": livestream.name or None,
            "enabled": not livestream.disabled,
            "ingest": {
                "server": settings.INGEST_URL.rstrip("/"),
                "key": livestream.stream_key if self.context["shows_secrets"] else None,
            },
            "playback": {
                "embed_url": livestream.embed_url,
                "embed_audio_url": f"{livestream.embed_url}?audio_only=true",
                "hls_url": livestream.playback_url,
            },
            "platforms": [platform.to_representation(row) for row in self.context["outputs"][livestream.pk]],
            "settings": {"pulling_mode": _pulling_mode(livestream)},
            "broadcasting_status": _ONLINE if is_online else _OFFLINE,
            **({"pull_urls": {"rtmp": None, "srt": None, "hls": livestream.playback_url}} if is_online else {}),
            "user": object_id(livestream.app_id),
            "environment": "production",
            "organization": object_id(self.context["organization_id"]),
            "creation_time": clock.isoformat(livestream.created_at),
        }


def _pulling_mode(livestream: Livestream) -> JsonObject:
    pull = PullSource.of(livestream)
    return {"enabled": pull.enabled, "url": pull.masked_url} if pull is not None else {}


class LiveApiRemovedSerializer(serializers.Serializer[None]):
    """What is not there any more."""

    examples = {"_id": "621c8dda6ebae022f13ee870", "message": "Live stream deleted"}

    _id = serializers.CharField()
    message = serializers.CharField()
