"""Outputs on the wire, as `/v2` has them."""

from rest_framework import serializers

from livehub.api.dialect import JsonObject
from livehub.api.fields import InstantField
from livehub.core import clock
from streams.livestreams.models import Output
from streams.livestreams.states import OutputType


class OutputSerializer(serializers.Serializer[Output]):
    """Where a livestream's broadcasts go. The key of another platform is taken, and told to nobody again."""

    examples = {"type": "simulcast", "status": "UNUSED", "uri": "rtmp://a.rtmp.example.com/live2", "public_id": None}

    id = serializers.UUIDField()
    livestream_id = serializers.UUIDField()
    type = serializers.ChoiceField(choices=OutputType.choices)
    status = serializers.CharField(
        read_only=True,
        help_text="LIVE, READY, OFF (not enabled), or UNUSED: kept, but LiveHub sends no broadcast there yet.",
    )
    name = serializers.CharField(read_only=True, allow_null=True)
    uri = serializers.CharField(
        read_only=True, allow_null=True, help_text="Of hls: where viewers play it. Of a simulcast: where it is sent."
    )
    has_stream_key = serializers.BooleanField(help_text="A key of the other platform is kept.")
    public_id = serializers.CharField(read_only=True, allow_null=True, help_text="What an archive is called.")
    vendor = serializers.CharField(read_only=True, allow_null=True)
    enabled = serializers.BooleanField()
    created_at = InstantField()
    updated_at = InstantField()

    def to_representation(self, output: Output) -> JsonObject:
        return {
            "id": str(output.pk),
            "livestream_id": str(output.livestream_id),
            "type": output.type,
            "status": output.shown.value.upper(),
            "name": output.name or None,
            "uri": output.address or None,
            "has_stream_key": bool(output.stream_key_encrypted),
            "public_id": output.public_id or None,
            "vendor": output.vendor or None,
            "enabled": output.enabled,
            "created_at": clock.isoformat(output.created_at),
            "updated_at": clock.isoformat(output.updated_at),
        }


class DeletedOutputSerializer(serializers.Serializer[None]):
    id = serializers.UUIDField()
    message = serializers.CharField()
