"""Recordings on the wire, as `/v2/livestreams` has them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from rest_framework import serializers

from livehub.api.dialect import JsonObject
from livehub.api.fields import InstantField
from livehub.core import clock
from streams.recordings.files import told_size
from streams.recordings.links import DownloadLink, download_link, playback_url, poster_url, sound_link, storyboard_url
from streams.recordings.models import Recording, RecordingPolicy
from streams.recordings.policies import storage_of
from streams.recordings.states import (
    STATUS_WORDS,
    RecordingOrigin,
    RenderingKind,
    RenderingStatus,
    SlateRecording,
    StillsStatus,
    StopReason,
)


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


class DownloadSerializer(serializers.Serializer[None]):
    """Where a form of a recording can be fetched, and until when."""

    url = serializers.CharField(read_only=True)
    expires_at = InstantField()


class DownloadsSerializer(serializers.Serializer[None]):
    """The forms in which a recording can be fetched; null for those that there are not, or not yet."""

    mp4 = DownloadSerializer(allow_null=True)
    m4a = DownloadSerializer(allow_null=True, help_text="The sound alone, made when it is asked for.")


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
        "slate": "cut",
        "storage_target_id": None,
        "problem": None,
        "playback_url": "https://live.example/playback/pb_x/recordings/4f0c9e1b-7a2d-4c38-9b0e-0a5d3f6e7c11/index.m3u8",
        "pictures_status": "made",
        "pictures_problem": None,
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
    slate = serializers.ChoiceField(
        choices=SlateRecording.choices, help_text="Whether what viewers saw while the encoder was away is in it."
    )
    storage_target_id = serializers.UUIDField(allow_null=True, help_text="Where it is kept; null: on this instance.")
    renderings = RecordingRenderingSerializer(many=True)
    problem = serializers.CharField(
        read_only=True, allow_null=True, help_text="Why it is not stored yet, or what is wrong with it."
    )
    download_url = serializers.CharField(read_only=True, allow_null=True)
    download_url_expiry = InstantField(allow_null=True)
    downloads = DownloadsSerializer()
    playback_url = serializers.CharField(
        read_only=True,
        allow_null=True,
        help_text="HLS video on demand of what was broadcast, for whoever may watch the livestream: also where "
        "`video_config` asked for another file. Null while it is not stored, and once the livestream is deleted.",
    )
    poster_url = serializers.CharField(read_only=True, allow_null=True, help_text="A JPEG; null while there is none.")
    storyboard_url = serializers.CharField(
        read_only=True,
        allow_null=True,
        help_text="WebVTT whose cues are parts of JPEGs, for a scrub bar; null while there is none.",
    )
    pictures_status = serializers.ChoiceField(
        choices=StillsStatus.choices,
        allow_null=True,
        help_text="Of poster and storyboard; none: it has no picture. Null until it is stored.",
    )
    pictures_problem = serializers.CharField(
        read_only=True, allow_null=True, help_text="Why they are not made yet, or not at all."
    )

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
            "slate": recording.slate,
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
            "downloads": {"mp4": _shown(link), "m4a": _shown(sound_link(recording))},
            "playback_url": playback_url(recording),
            "poster_url": poster_url(recording),
            "storyboard_url": storyboard_url(recording),
            "pictures_status": recording.stills_status if recording.is_stored else None,
            "pictures_problem": recording.stills_problem or None,
        }


def _shown(link: DownloadLink | None) -> JsonObject | None:
    return {"url": link.url, "expires_at": clock.isoformat(link.expires_at)} if link else None


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
        "slate": "cut",
        "storage_target_id": None,
        "uses_app_storage": True,
    }

    enabled = serializers.BooleanField(help_text="As its archive output has it: switch that.")
    retention_s = serializers.IntegerField(allow_null=True)
    file_name_prefix = serializers.CharField(read_only=True)
    max_seconds = serializers.IntegerField(allow_null=True)
    slate = serializers.ChoiceField(choices=SlateRecording.choices)
    storage_target_id = serializers.UUIDField(
        allow_null=True, help_text="Where they are kept; null: on this instance. Of an app's default storage its id."
    )
    uses_app_storage = serializers.BooleanField(help_text="Nothing else is said than the app's default.")

    def to_representation(self, shown: RecordingSettings) -> JsonObject:
        policy = shown.policy
        storage = storage_of(policy)
        return {
            "enabled": shown.is_recorded,
            "retention_s": policy.retention_s,
            "file_name_prefix": policy.file_name_prefix,
            "max_seconds": policy.max_seconds,
            "slate": policy.slate,
            "storage_target_id": str(storage.pk) if storage else None,
            "uses_app_storage": policy.uses_app_storage,
        }


class DeletedRecordingSerializer(serializers.Serializer[None]):
    id = serializers.UUIDField()
    message = serializers.CharField()
