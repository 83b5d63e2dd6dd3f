"""Recordings of meetings on the wire. Source: Dyte v2 and RealtimeKit, /recordings."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from rest_framework import serializers

from livehub.api.dialect import JsonObject
from livehub.api.fields import InstantField
from livehub.core import clock
from streams.recordings.files import told_size
from streams.recordings.links import download_link, sound_file_link
from streams.recordings.models import Recording, StorageTarget
from streams.recordings.models.storage import StorageType
from streams.recordings.states import STATUS_WORDS, StopReason

# The vendors have no word for a broadcast that ended but that everybody left.
_STOPS = {
    StopReason.API_CALL.value: "API_CALL",
    StopReason.BROADCAST_ENDED.value: "ALL_PEERS_LEFT",
    StopReason.MAX_SECONDS.value: "API_CALL",
    StopReason.MOVED.value: "ALL_PEERS_LEFT",
    StopReason.INTERNAL_ERROR.value: "INTERNAL_ERROR",
}


class RecordingCallerSerializer(serializers.Serializer[None]):
    type = serializers.ChoiceField(choices=["ORGANIZATION", "USER"])
    user_Id = serializers.CharField(read_only=True, allow_null=True)  # noqa: N815  # So cased at the vendors.
    name = serializers.CharField(read_only=True, allow_null=True)


class StartReasonSerializer(serializers.Serializer[None]):
    reason = serializers.ChoiceField(choices=["API_CALL", "RECORD_ON_START"])
    caller = RecordingCallerSerializer()


class StopReasonSerializer(serializers.Serializer[None]):
    reason = serializers.ChoiceField(choices=["API_CALL", "INTERNAL_ERROR", "ALL_PEERS_LEFT"])
    caller = RecordingCallerSerializer()


class MeetingRecordingSerializer(serializers.Serializer[Recording]):
    """A recording of a meeting."""

    examples: ClassVar[Mapping[str, object]] = {
        "status": "UPLOADED",
        "output_file_name": "standup_5b2c0e0e-7f0c-4f6e-9a51-6d1c2b7e8f90_1767225600000.mp4",
        "audio_download_url": None,
        "file_size": 84213377,
        "recording_duration": 214,
        "storage_config": None,
    }

    id = serializers.UUIDField()
    meeting_id = serializers.UUIDField(allow_null=True)
    session_id = serializers.CharField(read_only=True, allow_null=True)
    status = serializers.ChoiceField(choices=STATUS_WORDS)
    output_file_name = serializers.CharField(read_only=True)
    invoked_time = InstantField()
    started_time = InstantField(allow_null=True)
    stopped_time = InstantField(allow_null=True)
    file_size = serializers.IntegerField(allow_null=True)
    recording_duration = serializers.IntegerField(allow_null=True, help_text="In seconds.")
    download_url = serializers.CharField(read_only=True, allow_null=True)
    download_url_expiry = InstantField(allow_null=True)
    audio_download_url = serializers.CharField(read_only=True, allow_null=True)
    storage_config = serializers.DictField(allow_null=True)
    start_reason = StartReasonSerializer()
    stop_reason = StopReasonSerializer(allow_null=True)

    def to_representation(self, recording: Recording) -> JsonObject:
        has_links = recording.has_links
        link = download_link(recording) if has_links else None
        sound = sound_file_link(recording) if has_links else None
        found = link or sound
        return {
            "id": str(recording.pk),
            "meeting_id": str(recording.meeting_id) if recording.meeting_id else None,
            "session_id": str(recording.session_id) if recording.session_id else None,
            "status": recording.status.upper(),
            "output_file_name": recording.output_file_name,
            "invoked_time": clock.isoformat(recording.invoked_at),
            "started_time": _instant(recording.started_at),
            "stopped_time": _instant(recording.stopped_at),
            "file_size": told_size(recording),
            "recording_duration": None if recording.duration_us is None else recording.duration_us // 1_000_000,
            "download_url": link.url if link else None,
            "download_url_expiry": clock.isoformat(found.expires_at) if found else None,
            "audio_download_url": sound.url if sound else None,
            "storage_config": _storage(recording.storage),
            "start_reason": {
                "reason": recording.start_reason.upper(),
                "caller": _caller(recording.started_by),
            },
            "stop_reason": {"reason": _STOPS[recording.stop_reason], "caller": _caller(recording.stopped_by)}
            if recording.stop_reason
            else None,
        }


class RecordedMeetingSerializer(serializers.Serializer[None]):
    id = serializers.UUIDField()
    title = serializers.CharField(read_only=True, allow_null=True)
    record_on_start = serializers.BooleanField()
    waiting_room = serializers.BooleanField()
    created_at = InstantField()
    updated_at = InstantField()


class ListedMeetingRecordingSerializer(MeetingRecordingSerializer):
    """A recording, with its meeting."""

    meeting = RecordedMeetingSerializer(allow_null=True)

    def to_representation(self, recording: Recording) -> JsonObject:
        meeting = recording.meeting
        shown = meeting and {
            "id": str(meeting.pk),
            "title": meeting.title or None,
            "record_on_start": meeting.record_on_start,
            "waiting_room": meeting.waiting_room,
            "created_at": clock.isoformat(meeting.created_at),
            "updated_at": clock.isoformat(meeting.updated_at),
        }
        return {**super().to_representation(recording), "meeting": shown}


def _caller(name: str) -> JsonObject:
    return {"type": "ORGANIZATION", "user_Id": None, "name": name or None}


def _storage(storage: StorageTarget | None) -> JsonObject | None:
    """Return where the recording is kept, in the words that it was told in; None for this instance."""
    if storage is None:
        return None
    names = ["bucket", "region", "path"]
    if storage.type == StorageType.SFTP:
        names = ["path", "host", "port", "username", "auth_method"]
    shown = {name: getattr(storage, name) for name in names}
    return {"id": str(storage.pk), "type": storage.type, **shown}


def _instant(moment: datetime | None) -> str | None:
    return clock.isoformat(moment) if moment else None
