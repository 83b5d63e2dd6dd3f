"""Outputs on the wire, as `/v2` has them."""

from rest_framework import serializers

from livehub.api.dialect import JsonObject
from livehub.api.fields import InstantField
from livehub.core import clock
from streams.livestreams.models import Output, PushEvent
from streams.livestreams.states import OutputType, SimulcastState
from streams.media.rtmp.failures import PushReason


class SimulcastPushSerializer(serializers.Serializer[Output]):
    """How far a simulcast is. What has been taken is counted where it leaves this machine for good."""

    examples = {
        "state": "retrying",
        "reason": "name_in_use",
        "message": "Somebody publishes there with this key already.",
        "bytes": 48_211_904,
        "bytes_per_s": 0,
        "tries": 3,
    }

    state = serializers.ChoiceField(choices=SimulcastState.choices)
    reason = serializers.CharField(
        allow_null=True, help_text="Why, as a code: " + ", ".join(sorted(PushReason)) + ". Null where nothing is wrong."
    )
    message = serializers.CharField(allow_null=True, help_text="The same for people.")
    since = InstantField(allow_null=True, help_text="When it came into this state; null before the first broadcast.")
    bytes = serializers.IntegerField(help_text="What the platform has taken of this broadcast, or the last one.")
    bytes_per_s = serializers.IntegerField(help_text="The same in a second, over the last five.")
    tries = serializers.IntegerField(help_text="How often it was connected to in this broadcast, or the last one.")

    def to_representation(self, output: Output) -> JsonObject:
        return {
            "state": output.push_state,
            "reason": output.push_reason or None,
            "message": output.push_message or None,
            "since": clock.isoformat(output.push_since) if output.push_since else None,
            "bytes": output.push_bytes,
            "bytes_per_s": output.push_rate,
            "tries": output.push_tries,
        }


class SimulcastEventSerializer(serializers.Serializer[PushEvent]):
    """A state that a simulcast came into."""

    examples = {"state": "broadcasting", "reason": None, "message": None, "bytes": 0}

    id = serializers.IntegerField()
    at = InstantField()
    state = serializers.ChoiceField(choices=SimulcastState.choices)
    reason = serializers.CharField(allow_null=True)
    message = serializers.CharField(allow_null=True)
    bytes = serializers.IntegerField(help_text="What the platform had taken of the broadcast by then.")
    session_id = serializers.UUIDField(allow_null=True, help_text="The broadcast; null while none was on air.")

    def to_representation(self, event: PushEvent) -> JsonObject:
        return {
            "id": event.pk,
            "at": clock.isoformat(event.at),
            "state": event.state,
            "reason": event.reason or None,
            "message": event.message or None,
            "bytes": event.bytes,
            "session_id": str(event.session_id) if event.session_id else None,
        }


class OutputSerializer(serializers.Serializer[Output]):
    """Where a livestream's broadcasts go. The key of another platform is taken, and told to nobody again."""

    examples = {"type": "simulcast", "status": "READY", "uri": "rtmp://a.rtmp.example.com/live2", "public_id": None}

    id = serializers.UUIDField()
    livestream_id = serializers.UUIDField()
    type = serializers.ChoiceField(choices=OutputType.choices)
    status = serializers.CharField(
        read_only=True,
        help_text="LIVE, READY, or OFF (not enabled). Of a simulcast also STARTING, RETRYING and ERRORED.",
    )
    push = SimulcastPushSerializer(allow_null=True, help_text="Of a simulcast: how far it is; null for the others.")
    name = serializers.CharField(read_only=True, allow_null=True)
    uri = serializers.CharField(
        read_only=True, allow_null=True, help_text="Of hls: where viewers play it. Of a simulcast: where it is sent."
    )
    has_stream_key = serializers.BooleanField(help_text="A key of the other platform is kept.")
    public_id = serializers.CharField(read_only=True, allow_null=True, help_text="What an archive is called.")
    vendor = serializers.CharField(read_only=True, allow_null=True)
    enabled = serializers.BooleanField()
    most_lines = serializers.IntegerField(
        allow_null=True, help_text="Of a simulcast: the height of the picture that it gets at most; 0 for the best."
    )
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
            "push": SimulcastPushSerializer().to_representation(output) if output.is_simulcast else None,
            "most_lines": output.most_lines if output.is_simulcast else None,
            "created_at": clock.isoformat(output.created_at),
            "updated_at": clock.isoformat(output.updated_at),
        }


class DeletedOutputSerializer(serializers.Serializer[None]):
    id = serializers.UUIDField()
    message = serializers.CharField()
