"""Live streams as Cloudinary writes them. Source: its Video Live Streaming reference, 1.0.0."""

from django.conf import settings
from rest_framework import serializers

from livehub.api.dialect import JsonObject
from livehub.api.fields import EpochMsField
from livehub.core import clock
from streams.livestreams.models import Livestream, Output
from streams.livestreams.states import OutputType

_ACTIVE, _IDLE = "active", "idle"
_HEX_ID = "0bd7f11c043da975e2a8ad9ebae0b6ec"


class CloudinaryOutputSerializer(serializers.Serializer[Output]):
    """Where a live stream goes; which members it has depends on its type."""

    examples = {
        "id": "8132d2dc5251432bb57f32ee55a336c1",
        "name": "default archive",
        "type": "archive",
        "public_id": f"live_stream_{_HEX_ID}_archive",
    }

    id = serializers.CharField(help_text="32 hexadecimal digits.")
    name = serializers.CharField(allow_null=True)
    type = serializers.ChoiceField(choices=OutputType.choices)
    uri = serializers.CharField(
        required=False, help_text="Of hls: where viewers play it. Of a simulcast: where it is sent."
    )
    stream_key = serializers.CharField(
        required=False, allow_null=True, help_text="Of a simulcast. Null for an API key that may only read."
    )
    vendor = serializers.CharField(required=False, allow_null=True, help_text="Of a simulcast.")
    public_id = serializers.CharField(required=False, help_text="Of an archive.")
    created_at = EpochMsField()
    updated_at = EpochMsField()

    def to_representation(self, output: Output) -> JsonObject:
        return {
            "id": output.pk.hex,
            "name": output.name or None,
            "type": output.type,
            **self._own(output),
            "created_at": clock.epoch_ms(output.created_at),
            "updated_at": clock.epoch_ms(output.updated_at),
        }

    def _own(self, output: Output) -> JsonObject:
        if output.type == OutputType.ARCHIVE:
            return {"public_id": output.public_id}
        if output.type == OutputType.HLS:
            return {"uri": output.address}
        key = (output.stream_key or None) if self.context["shows_secrets"] else None
        return {"uri": output.uri, "stream_key": key, "vendor": output.vendor or None}


class CloudinaryInputSerializer(serializers.Serializer[None]):
    examples = {"type": "rtmp", "uri": "rtmp://live.example.org/live", "stream_key": "sk_" + "0" * 40}

    type = serializers.ChoiceField(choices=["rtmp"])
    uri = serializers.CharField(help_text="Goes into the encoder, next to the key.")
    stream_key = serializers.CharField(allow_null=True, help_text="Null for an API key that may only read.")


class CloudinaryStreamSerializer(serializers.Serializer[Livestream]):
    """A live stream: where to publish, where it goes, and whether it is active."""

    examples = {"id": _HEX_ID, "status": _IDLE, "idle_timeout_sec": 120, "max_runtime_sec": 10_800}

    id = serializers.CharField(help_text="32 hexadecimal digits.")
    name = serializers.CharField(allow_null=True)
    input = CloudinaryInputSerializer(help_text="Stays the same for every broadcast.")
    status = serializers.ChoiceField(choices=[_IDLE, _ACTIVE])
    outputs = CloudinaryOutputSerializer(many=True)
    idle_timeout_sec = serializers.IntegerField()
    max_runtime_sec = serializers.IntegerField(allow_null=True, help_text="Null for no limit.")
    created_at = EpochMsField()
    updated_at = EpochMsField()

    def to_representation(self, livestream: Livestream) -> JsonObject:
        """Write it; its outputs are in the context."""
        output = CloudinaryOutputSerializer(context=self.context)
        return {
            "id": livestream.pk.hex,
            "name": livestream.name or None,
            "input": {
                "type": "rtmp",
                "uri": settings.INGEST_URL.rstrip("/"),
                "stream_key": livestream.stream_key if self.context["shows_secrets"] else None,
            },
            "status": _ACTIVE if livestream.is_active else _IDLE,
            "outputs": [output.to_representation(row) for row in self.context["outputs"][livestream.pk]],
            "idle_timeout_sec": livestream.reconnect_window_s,
            "max_runtime_sec": livestream.max_runtime_s,
            "created_at": clock.epoch_ms(livestream.created_at),
            "updated_at": clock.epoch_ms(livestream.updated_at),
        }


class CloudinaryMessageSerializer(serializers.Serializer[None]):
    examples = {"message": "Live stream activated"}

    message = serializers.CharField()
