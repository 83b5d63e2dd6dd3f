"""Clips on the wire, as `/v2` has them."""

from collections.abc import Mapping
from typing import ClassVar

from rest_framework import serializers

from livehub.api.dialect import JsonObject
from livehub.api.fields import InstantField
from livehub.core import clock
from streams.recordings.api.serializers import GapSerializer
from streams.recordings.clips import links
from streams.recordings.models import Clip
from streams.recordings.states import CLIP_STATUS_WORDS


class ClipSerializer(serializers.Serializer[Clip]):
    """A stretch of a broadcast or recording, exact to the picture."""

    examples: ClassVar[Mapping[str, object]] = {
        "recording_id": None,
        "title": "The opening",
        "status": "READY",
        "duration_s": 30.0,
        "size": 11_812_004,
        "gaps": [],
        "storage_target_id": None,
        "problem": None,
        "created_by": "api key Backend",
    }

    id = serializers.UUIDField()
    livestream_id = serializers.UUIDField(allow_null=True)
    session_id = serializers.UUIDField(allow_null=True, help_text="The broadcast.")
    recording_id = serializers.UUIDField(
        allow_null=True, help_text="What it was cut out of; null: of what was broadcast."
    )
    title = serializers.CharField(read_only=True)
    status = serializers.ChoiceField(choices=CLIP_STATUS_WORDS)
    starts_at = InstantField(allow_null=True, help_text="When its first picture was taken; null until that is known.")
    duration_s = serializers.FloatField(allow_null=True, help_text="Without what `gaps` says; null until known.")
    size = serializers.IntegerField(allow_null=True, help_text="Of the MP4, in bytes.")
    gaps = GapSerializer(many=True)
    created_by = serializers.CharField(read_only=True)
    created_at = InstantField()
    ready_at = InstantField(allow_null=True, help_text="When its MP4 was stored.")
    expires_at = InstantField(allow_null=True, help_text="When it is deleted; null for never.")
    storage_target_id = serializers.UUIDField(allow_null=True, help_text="Where it is kept; null: on this instance.")
    watch_url = serializers.CharField(read_only=True, help_text="A page that plays it, for whoever has the link.")
    playback_url = serializers.CharField(
        read_only=True, allow_null=True, help_text="HLS; null until it is laid out: mostly it is at once."
    )
    download_url = serializers.CharField(read_only=True, allow_null=True, help_text="MP4; null until it is stored.")
    problem = serializers.CharField(
        read_only=True, allow_null=True, help_text="Why it is not ready yet, or not at all."
    )

    def to_representation(self, clip: Clip) -> JsonObject:
        return {
            **{name: _text(getattr(clip, name)) for name in ("id", "livestream_id", "session_id", "recording_id")},
            "title": clip.title,
            "status": clip.status.upper(),
            "starts_at": clock.isoformat(clip.starts_at) if clip.starts_at else None,
            "duration_s": clip.duration_s,
            "size": clip.size,
            "gaps": clip.gaps,
            "created_by": clip.created_by,
            **{
                name: clock.isoformat(moment) if moment else None
                for name in ("created_at", "ready_at", "expires_at")
                for moment in [getattr(clip, name)]
            },
            "storage_target_id": _text(clip.storage_id),
            "watch_url": links.watch_url(clip.pk),
            "playback_url": links.playback_url(clip),
            "download_url": links.download_url(clip),
            "problem": clip.problem or None,
        }


class DeletedClipSerializer(serializers.Serializer[None]):
    id = serializers.UUIDField()
    message = serializers.CharField()


def _text(value: object) -> str | None:
    return None if value is None else str(value)
