"""What clients may ask of recordings."""

from collections.abc import Mapping
from typing import cast

from rest_framework import serializers

from livehub.api.fields import FlagField, TextField
from streams.recordings.models.recording import MAX_SECONDS_LEAST, MAX_SECONDS_MOST
from streams.recordings.services import NewRecording

_RETENTION_MOST_S = 10 * 365 * 86400


class RecordingBody(serializers.Serializer[None]):
    """A recording that is to begin now."""

    examples = {"max_seconds": 3600, "file_name_prefix": "keynote", "retention_s": None}

    max_seconds = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=MAX_SECONDS_LEAST,
        max_value=MAX_SECONDS_MOST,
        help_text="It stops by itself after that; null for no limit.",
    )
    file_name_prefix = TextField(required=False, help_text="What its file's name begins with.")
    retention_s = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=_RETENTION_MOST_S,
        help_text="How long it is kept once it is stored; 0 until it is deleted, null as the instance has it.",
    )
    allow_multiple_recordings = FlagField(
        required=False, help_text="Begin a further one where the livestream is being recorded already."
    )


def new_recording_of(values: Mapping[str, object]) -> NewRecording:
    """Return a checked body as the services take it."""
    return NewRecording(
        max_seconds=cast("int | None", values.get("max_seconds")),
        file_name_prefix=str(values.get("file_name_prefix", "")),
        retention_s=cast("int | None", values.get("retention_s")),
        allows_multiple=bool(values.get("allow_multiple_recordings", False)),
    )
