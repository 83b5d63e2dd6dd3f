"""Events on the wire: as webhooks carry them under LiveHub's own names."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, ClassVar

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from livehub.api.dialect import JsonObject
from livehub.api.fields import InstantField
from webhooks.models import Event
from webhooks.payloads import Message, entry
from webhooks.states import PayloadFormat

_ID = "5b2c0e0e-7f0c-4f6e-9a51-6d1c2b7e8f90"
_AT = "2026-11-21T20:00:00.000Z"


def _text(**how: Any) -> serializers.CharField:
    return serializers.CharField(read_only=True, **how)


def _part(noun: str, /, **fields: Any) -> serializers.Serializer[Any]:
    made: serializers.Serializer[Any] = inline_serializer(
        f"Event{noun}", {"id": serializers.UUIDField(), **fields}, required=False
    )
    return made


# Not as classes: the names of the members are those of payloads.
_FIELDS: dict[str, Any] = {
    "id": serializers.UUIDField(help_text="The same whenever and however it is told."),
    "event": _text(help_text="What happened."),
    "sequence": serializers.IntegerField(help_text="1, 2, 3... of the livestream, meeting or webhook."),
    "createdAt": InstantField(),
    "appId": _text(),
    "organizationId": _text(),
    "livestream": _part(
        "Livestream",
        name=_text(allow_null=True),
        status=_text(),
        disabled=serializers.BooleanField(),
        playbackUrl=_text(),
        meetingId=serializers.UUIDField(allow_null=True),
        createdAt=InstantField(),
    ),
    "meeting": _part("Meeting", title=_text(allow_null=True), createdAt=InstantField()),
    "session": _part(
        "Session",
        status=_text(),
        createdAt=InstantField(),
        startedAt=InstantField(allow_null=True),
        endedAt=InstantField(allow_null=True),
        endReason=_text(allow_null=True),
    ),
    "participant": _part(
        "Participant",
        peerId=serializers.UUIDField(),
        name=_text(),
        customParticipantId=_text(),
        joinedAt=InstantField(),
        leftAt=InstantField(allow_null=True),
    ),
    "simulcast": _part(
        "Simulcast",
        name=_text(allow_null=True),
        vendor=_text(allow_null=True),
        url=_text(),
        enabled=serializers.BooleanField(),
    ),
    "recording": _part(
        "Recording",
        livestreamId=serializers.UUIDField(allow_null=True),
        meetingId=serializers.UUIDField(allow_null=True),
        sessionId=serializers.UUIDField(allow_null=True),
        status=_text(),
        origin=_text(),
        outputFileName=_text(),
        invokedAt=InstantField(),
        startedAt=InstantField(allow_null=True),
        stoppedAt=InstantField(allow_null=True),
        stopReason=_text(allow_null=True),
        size=serializers.IntegerField(allow_null=True),
        durationUs=serializers.IntegerField(allow_null=True),
        verified=serializers.BooleanField(),
        gaps=serializers.ListField(child=serializers.DictField()),
    ),
    "clip": _part(
        "Clip",
        livestreamId=serializers.UUIDField(allow_null=True),
        sessionId=serializers.UUIDField(allow_null=True),
        recordingId=serializers.UUIDField(allow_null=True),
        title=_text(allow_null=True),
        status=_text(),
        startsAt=InstantField(allow_null=True),
        durationUs=serializers.IntegerField(allow_null=True),
        size=serializers.IntegerField(allow_null=True),
        watchUrl=_text(),
        createdAt=InstantField(),
    ),
    "health": serializers.DictField(
        required=False, help_text="What is wrong with what the encoder sends: `sessionId`, `status`, `findings`."
    ),
    "endpoint": _part("Endpoint", name=_text()),
    "changed": serializers.ListField(
        child=serializers.CharField(), required=False, help_text="What is another now, of livestream.updated."
    ),
    "reason": _text(allow_null=True, help_text="For people."),
}


class EventSerializer(serializers.Serializer[Event]):
    """Something that happened, with what it is about: a livestream, a meeting or a webhook, and what belongs to it."""

    examples: ClassVar[Mapping[str, object]] = {
        "event": "livestream.live",
        "sequence": 3,
        "appId": "0b6f7a52c1de4d0f9f6f0c6f7d1e2a3b",
        "organizationId": "5b2c0e0e7f0c4f6e9a516d1c2b7e8f90",
        "livestream": {
            "id": _ID,
            "name": "Autumn keynote",
            "status": "live",
            "disabled": False,
            "playbackUrl": "https://live.example.org/playback/4f0c9e1b7a2d/index.m3u8",
            "meetingId": None,
            "createdAt": _AT,
        },
        "session": {
            "id": _ID,
            "status": "live",
            "createdAt": _AT,
            "startedAt": _AT,
            "endedAt": None,
            "endReason": None,
        },
        "reason": None,
    }
    absent = frozenset({"meeting", "participant", "simulcast", "recording", "clip", "health", "endpoint", "changed"})

    def get_fields(self) -> dict[str, Any]:
        return deepcopy(_FIELDS)

    def to_representation(self, event: Event) -> JsonObject:
        return {**entry(Message.of(event, name=event.type, format=PayloadFormat.DYTE))}
