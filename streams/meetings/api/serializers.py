"""Meetings, participants and presets on the wire.

The fields are the description; what is answered is written out in `to_representation`, because going through the
fields costs more than the queries.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from rest_framework import serializers

from livehub.api.dialect import JsonObject
from livehub.api.fields import InstantField
from livehub.core import clock
from streams.livestreams.api.serializers import DYTE_SHAPES, REALTIMEKIT_SHAPES, LivestreamSerializer, LivestreamShapes
from streams.livestreams.models import Livestream
from streams.meetings.api.meeting_input import (
    STATUSES,
    AiConfigBody,
    DyteMeetingBody,
    DyteMeetingChangeBody,
    MeetingBody,
    MeetingChangeBody,
)
from streams.meetings.api.preset_input import PermissionsBody, PresetConfigBody, UiBody
from streams.meetings.api.recording_input import DyteRecordingConfigBody, RecordingConfigBody
from streams.meetings.api.recordings_input import DyteStartRecordingBody, StartRecordingBody
from streams.meetings.api.room_input import DyteParticipantBody, ParticipantBody
from streams.meetings.api.session_serializers import DyteSessionDetailSerializer, MeetingSessionSerializer
from streams.meetings.models import Meeting, Participant, Preset


class ListedMeetingSerializer(serializers.Serializer[Meeting]):
    """A meeting as it stands in a list."""

    examples: ClassVar[Mapping[str, object]] = {
        "title": "Backend standup",
        "session_keep_alive_time_in_secs": 60,
        "recording_config": None,
        "ai_config": None,
        "preferred_region": None,
    }
    # What the vendor calls the instance's own storage.
    bucket_word: ClassVar[str] = "realtimekit_bucket_config"

    id = serializers.UUIDField()
    title = serializers.CharField(read_only=True, allow_null=True)
    status = serializers.ChoiceField(choices=STATUSES, help_text="INACTIVE: nobody can join.")
    record_on_start = serializers.BooleanField()
    live_stream_on_start = serializers.BooleanField()
    persist_chat = serializers.BooleanField()
    summarize_on_end = serializers.BooleanField()
    transcribe_on_end = serializers.BooleanField()
    session_keep_alive_time_in_secs = serializers.IntegerField()
    recording_config = RecordingConfigBody(allow_null=True, help_text="What was asked for; without any secret.")
    created_at = InstantField()
    updated_at = InstantField()

    def to_representation(self, meeting: Meeting) -> JsonObject:
        return {
            "id": str(meeting.pk),
            "title": meeting.title or None,
            "status": meeting.status.upper(),
            "record_on_start": meeting.record_on_start,
            "live_stream_on_start": meeting.live_stream_on_start,
            "persist_chat": meeting.persist_chat,
            "summarize_on_end": meeting.summarize_on_end,
            "transcribe_on_end": meeting.transcribe_on_end,
            "session_keep_alive_time_in_secs": meeting.session_keep_alive_s,
            "recording_config": self._recording_config(meeting),
            "created_at": clock.isoformat(meeting.created_at),
            "updated_at": clock.isoformat(meeting.updated_at),
        }

    def _recording_config(self, meeting: Meeting) -> JsonObject | None:
        config: JsonObject = dict(meeting.recording_config)
        if "bucket_config" in config:
            config[self.bucket_word] = config.pop("bucket_config")
        if "live_streaming_config" in config and not self.context["shows_secrets"]:
            # Its address ends with another platform's stream key.
            config["live_streaming_config"] = {}
        return config or None


class MeetingSerializer(ListedMeetingSerializer):
    """A meeting."""

    ai_config = AiConfigBody(allow_null=True)

    def to_representation(self, meeting: Meeting) -> JsonObject:
        return {**super().to_representation(meeting), "ai_config": meeting.ai_config or None}


class DyteListedMeetingSerializer(ListedMeetingSerializer):
    """A meeting as it stands in a list, with what Dyte has beside it."""

    bucket_word = "dyte_bucket_config"

    preferred_region = serializers.CharField(read_only=True, allow_null=True)
    waiting_room = serializers.BooleanField()
    recording_config = DyteRecordingConfigBody(allow_null=True, help_text="What was asked for; without any secret.")

    def to_representation(self, meeting: Meeting) -> JsonObject:
        beside = {"preferred_region": meeting.preferred_region or None, "waiting_room": meeting.waiting_room}
        return {**super().to_representation(meeting), **beside}


class DyteMeetingSerializer(DyteListedMeetingSerializer):
    """A meeting, with what Dyte has beside it."""

    ai_config = AiConfigBody(allow_null=True)

    def to_representation(self, meeting: Meeting) -> JsonObject:
        return {**super().to_representation(meeting), "ai_config": meeting.ai_config or None}


class ParticipantSerializer(serializers.Serializer[Participant]):
    """Somebody who may join a meeting."""

    examples: ClassVar[Mapping[str, object]] = {
        "name": "Mary Sue",
        "picture": "https://pictures.example.org/mary.png",
        "custom_participant_id": "employee-7",
        "client_specific_id": "employee-7",
        "preset_name": "group_call_host",
        "token": "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJleGFtcGxlIjp0cnVlfQ.signature",
    }

    id = serializers.UUIDField()
    name = serializers.CharField(read_only=True, allow_null=True)
    picture = serializers.CharField(read_only=True, allow_null=True)
    custom_participant_id = serializers.CharField()
    preset_name = serializers.CharField()
    created_at = InstantField()
    updated_at = InstantField()

    def to_representation(self, participant: Participant) -> JsonObject:
        return {
            "id": str(participant.pk),
            "name": participant.name or None,
            "picture": participant.picture or None,
            "custom_participant_id": participant.custom_participant_id,
            "preset_name": participant.preset.name,
            "created_at": clock.isoformat(participant.created_at),
            "updated_at": clock.isoformat(participant.updated_at),
        }


class DyteParticipantSerializer(ParticipantSerializer):
    """The same with the id under both of its names. Source: Dyte's quickstart, and its later description."""

    client_specific_id = serializers.CharField()

    def to_representation(self, participant: Participant) -> JsonObject:
        older = {"client_specific_id": participant.custom_participant_id}
        return {**super().to_representation(participant), **older}


class TokenParticipantSerializer(ParticipantSerializer):
    """Somebody who may join a meeting, with the token to do so."""

    token = serializers.CharField(read_only=True, help_text="Shown now, and kept nowhere.")

    def to_representation(self, participant: Participant) -> JsonObject:
        return {**super().to_representation(participant), "token": self.context["token"]}


class DyteTokenParticipantSerializer(DyteParticipantSerializer):
    """Somebody who may join a meeting, with the token to do so."""

    token = serializers.CharField(read_only=True, help_text="Shown now, and kept nowhere.")

    def to_representation(self, participant: Participant) -> JsonObject:
        return {**super().to_representation(participant), "token": self.context["token"]}


class TokenSerializer(serializers.Serializer[None]):
    """A new token."""

    examples: ClassVar[Mapping[str, object]] = {"token": ParticipantSerializer.examples["token"]}

    token = serializers.CharField()


class DeletedParticipantSerializer(serializers.Serializer[Participant]):
    """Who may join no more. Source: RealtimeKit, which says neither id nor name here."""

    custom_participant_id = serializers.CharField()
    preset_id = serializers.UUIDField()
    created_at = InstantField()
    updated_at = InstantField()

    def to_representation(self, participant: Participant) -> JsonObject:
        return {
            "custom_participant_id": participant.custom_participant_id,
            "preset_id": str(participant.preset_id),
            "created_at": clock.isoformat(participant.created_at),
            "updated_at": clock.isoformat(participant.updated_at),
        }


class ListedPresetSerializer(serializers.Serializer[Preset]):
    """A preset as it stands in a list."""

    examples: ClassVar[Mapping[str, object]] = {"name": "group_call_host"}

    id = serializers.UUIDField()
    name = serializers.CharField()
    created_at = InstantField()
    updated_at = InstantField()

    def to_representation(self, preset: Preset) -> JsonObject:
        return {
            "id": str(preset.pk),
            "name": preset.name,
            "created_at": clock.isoformat(preset.created_at),
            "updated_at": clock.isoformat(preset.updated_at),
        }


class PresetSerializer(ListedPresetSerializer):
    """A whole preset."""

    config = PresetConfigBody()
    permissions = PermissionsBody()
    ui = UiBody()

    def to_representation(self, preset: Preset) -> JsonObject:
        whole = {"config": preset.config, "permissions": preset.permissions, "ui": preset.ui}
        return {**super().to_representation(preset), **whole}


# Source: Dyte's guide; RealtimeKit's has all of them but the name and the meeting.
_OF_STARTED = ("id", "name", "status", "meeting_id", "ingest_server", "stream_key", "playback_url")


class StartedLivestreamSerializer(serializers.Serializer[Livestream]):
    """Where the meeting's livestream is published to, and watched."""

    examples = {**LivestreamSerializer.examples, "meeting_id": "5b2c0e0e-7f0c-4f6e-9a51-6d1c2b7e8f90"}

    id = serializers.UUIDField()
    name = serializers.CharField(read_only=True, allow_null=True)
    status = serializers.CharField()
    meeting_id = serializers.UUIDField()
    ingest_server = serializers.CharField()
    stream_key = serializers.CharField()
    playback_url = serializers.CharField()

    def to_representation(self, livestream: Livestream) -> JsonObject:
        whole = LivestreamSerializer(context=self.context).to_representation(livestream)
        return {name: whole[name] for name in _OF_STARTED}


class MessageSerializer(serializers.Serializer[None]):
    examples: ClassVar[Mapping[str, object]] = {"message": "livestream stopped"}

    message = serializers.CharField()


@dataclass(frozen=True)
class MeetingShapes:
    """The bodies and serializers of those endpoints that differ between dialects."""

    body: type[MeetingBody]
    changes: type[MeetingChangeBody] | type[DyteMeetingChangeBody]
    meeting: type[MeetingSerializer] | type[DyteMeetingSerializer]
    listed: type[ListedMeetingSerializer]
    participant_body: type[ParticipantBody]
    participant: type[ParticipantSerializer]
    participant_with_token: type[TokenParticipantSerializer] | type[DyteTokenParticipantSerializer]
    session: type[MeetingSessionSerializer] | type[DyteSessionDetailSerializer]
    start_recording: type[StartRecordingBody]
    livestreams: LivestreamShapes


DYTE_MEETING_SHAPES = MeetingShapes(
    body=DyteMeetingBody,
    changes=DyteMeetingChangeBody,
    meeting=DyteMeetingSerializer,
    listed=DyteListedMeetingSerializer,
    participant_body=DyteParticipantBody,
    participant=DyteParticipantSerializer,
    participant_with_token=DyteTokenParticipantSerializer,
    session=DyteSessionDetailSerializer,
    start_recording=DyteStartRecordingBody,
    livestreams=DYTE_SHAPES,
)
REALTIMEKIT_MEETING_SHAPES = MeetingShapes(
    body=MeetingBody,
    changes=MeetingChangeBody,
    meeting=MeetingSerializer,
    listed=ListedMeetingSerializer,
    participant_body=ParticipantBody,
    participant=ParticipantSerializer,
    participant_with_token=TokenParticipantSerializer,
    session=MeetingSessionSerializer,
    start_recording=StartRecordingBody,
    livestreams=REALTIMEKIT_SHAPES,
)
