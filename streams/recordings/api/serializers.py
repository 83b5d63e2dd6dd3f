"""Recordings on the wire, as `/v2/livestreams` has them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from rest_framework import serializers

from livehub.api.dialect import JsonObject
from livehub.api.fields import InstantField
from livehub.core import clock
from streams.recordings.files import told_size
from streams.recordings.links import download_link
from streams.recordings.models import Recording, RecordingPolicy
from streams.recordings.states import STATUS_WORDS, RecordingOrigin, RenderingKind, RenderingStatus, StopReason


class GapSerializer(serializers.Serializer[None]):
    """What of the broadcast is not in a recording."""

    at_us = serializers.IntegerField(help_text="Where in the file, in microseconds.")
    length_us = serializers.IntegerField(help_text="How much is missing, in microseconds.")
    reason = serializers.CharField(help_text="slate, paused, sound, files_gone, disk_full, damaged or lost.")


class RecordingRenderingSerializer(serializers.Serializer[None]):
    """A file that is made of a recording once it is over, where another one was asked for than what was broadcast."""

    contents = serializers.ChoiceField(choices=RenderingKind.choices)
    status = serializers.ChoiceField(choices=RenderingStatus.choices)
    file_name = serializers.CharField(read_only=True)
    size = serializers.IntegerField(allow_null=True, help_text="In bytes; null until it is made.")
    problem = serializers.CharField(read_only=True, allow_null=True, help_text="Why it failed, or is late.")


class LivestreamRecordingSerializer(serializers.Serializer[Recording]):
    """A recording of a livestream's broadcast: one file, with what was checked of it."""

    examples: ClassVar[Mapping[str, object]] = {
        "status": "UPLOADED",
        "origin": "automatic",
        "stop_reason": "broadcast_ended",
        "output_file_name": "4f0c9e1b-7a2d-4c38-9b0e-0a5d3f6e7c11_1767225600000.mp4",
        "size": 84213377,
        "duration_s": 214.5,
        "is_verified": True,
        "gaps": [],
        "renderings": [],
        "storage_target_id": None,
        "problem": None,
    }

    id = serializers.UUIDField()
    livestream_id = serializers.UUIDField(allow_null=True)
    session_id = serializers.UUIDField(allow_null=True, help_text="The broadcast; null before one has come.")
    status = serializers.ChoiceField(choices=STATUS_WORDS)
    origin = serializers.ChoiceField(choices=RecordingOrigin.choices)
    stop_reason = serializers.ChoiceField(choices=StopReason.choices, allow_null=True)
    output_file_name = serializers.CharField(read_only=True)
    invoked_at = InstantField()
    started_at = InstantField(allow_null=True, help_text="When the first picture in it was taken.")
    stopped_at = InstantField(allow_null=True)
    uploaded_at = InstantField(allow_null=True)
    expires_at = InstantField(allow_null=True, help_text="When it is deleted; null for never.")
    size = serializers.IntegerField(allow_null=True, help_text="In bytes.")
    duration_s = serializers.FloatField(allow_null=True)
    is_verified = serializers.BooleanField(
        help_text="All that was broadcast is in the stored file, but for what was to be left out, and it can be played."
    )
    gaps = GapSerializer(many=True)
    sha256 = serializers.CharField(
        read_only=True, allow_null=True, help_text="Of the digests (binary) of its parts of `part_size` bytes each."
    )
    part_size = serializers.IntegerField()
    storage_target_id = serializers.UUIDField(allow_null=True, help_text="Where it is kept; null: on this instance.")
    renderings = RecordingRenderingSerializer(many=True)
    problem = serializers.CharField(
        read_only=True, allow_null=True, help_text="Why it is not stored yet, or what is wrong with it."
    )
    download_url = serializers.CharField(read_only=True, allow_null=True)
    download_url_expiry = InstantField(allow_null=True)

    def to_representation(self, recording: Recording) -> JsonObject:
        link = download_link(recording)
        return {
            "id": str(recording.pk),
            "livestream_id": str(recording.livestream_id) if recording.livestream_id else None,
            "session_id": str(recording.session_id) if recording.session_id else None,
            "status": recording.status.upper(),
            "origin": recording.origin,
            "stop_reason": recording.stop_reason or None,
            "output_file_name": recording.output_file_name,
            **{
                name: clock.isoformat(moment) if moment else None
                for name, moment in (
                    ("invoked_at", recording.invoked_at),
                    ("started_at", recording.started_at),
                    ("stopped_at", recording.stopped_at),
                    ("uploaded_at", recording.uploaded_at),
                    ("expires_at", recording.expires_at),
                )
            },
            "size": told_size(recording),
            "duration_s": recording.duration_s,
            "is_verified": recording.is_verified,
            "gaps": recording.gaps,
            "sha256": recording.sha256 or None,
            "part_size": recording.part_size,
            "storage_target_id": str(recording.storage_id) if recording.storage_id else None,
            "renderings": [
                {
                    "contents": made.kind,
                    "status": made.status,
                    "file_name": made.file_name,
                    "size": made.size,
                    "problem": made.problem or None,
                }
                for made in (recording.renderings.all() if recording.rendition is not None else ())
            ],
            "problem": recording.problem or None,
            "download_url": link.url if link else None,
            "download_url_expiry": clock.isoformat(link.expires_at) if link else None,
        }


@dataclass(frozen=True)
class RecordingSettings:
    """How a livestream's broadcasts are recorded."""

    policy: RecordingPolicy
    is_recorded: bool


class RecordingSettingsSerializer(serializers.Serializer[RecordingSettings]):
    """How a livestream's broadcasts are recorded by themselves."""

    examples: ClassVar[Mapping[str, object]] = {
        "enabled": True,
        "retention_s": 604800,
        "file_name_prefix": "keynote",
        "max_seconds": None,
        "storage_target_id": None,
    }

    enabled = serializers.BooleanField(help_text="As its archive output has it: switch that.")
    retention_s = serializers.IntegerField(allow_null=True)
    file_name_prefix = serializers.CharField(read_only=True)
    max_seconds = serializers.IntegerField(allow_null=True)
    storage_target_id = serializers.UUIDField(allow_null=True)

    def to_representation(self, shown: RecordingSettings) -> JsonObject:
        policy = shown.policy
        return {
            "enabled": shown.is_recorded,
            "retention_s": policy.retention_s,
            "file_name_prefix": policy.file_name_prefix,
            "max_seconds": policy.max_seconds,
            "storage_target_id": str(policy.storage_id) if policy.storage_id else None,
        }


class DeletedRecordingSerializer(serializers.Serializer[None]):
    id = serializers.UUIDField()
    message = serializers.CharField()
