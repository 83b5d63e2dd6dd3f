"""What clients may ask of clips, and of recordings of what has been broadcast already."""

from collections.abc import Mapping
from datetime import datetime
from typing import cast

from rest_framework import serializers

from livehub.api.fields import TextField
from livehub.core import clock
from livehub.core.errors import ValidationFailedError
from streams.recordings.clips.wishes import FURTHEST_S, Wish

_US = 1_000_000


class StretchBody(serializers.Serializer[None]):
    """Which stretch of a broadcast: two times, or the last seconds."""

    starts_at = serializers.DateTimeField(required=False, help_text="By the clock of its pictures.")
    ends_at = serializers.DateTimeField(required=False)
    last_s = serializers.FloatField(
        required=False,
        min_value=0.1,
        max_value=FURTHEST_S,
        help_text="Instead of both: the last seconds that can be played.",
    )


class LivestreamClipBody(StretchBody):
    """A clip of what a livestream broadcasts, or of the broadcast that was the last."""

    examples = {"last_s": 30, "title": "The opening"}

    title = TextField(required=False, help_text="For people; may be empty.")


class WindowRecordingBody(StretchBody):
    """A recording of what has been broadcast already."""

    examples = {"last_s": 1800}


class RecordingClipBody(serializers.Serializer[None]):
    """A clip of a recording, by its file's times."""

    examples = {"start_s": 12.4, "end_s": 42.4, "title": "The opening"}

    start_s = serializers.FloatField(
        min_value=0, max_value=FURTHEST_S, help_text="In seconds from the recording's beginning."
    )
    end_s = serializers.FloatField(min_value=0, max_value=FURTHEST_S)
    title = TextField(required=False, help_text="For people; may be empty.")


def wish_of(values: Mapping[str, object]) -> Wish:
    """Return a checked body as the services take it.

    :raises ValidationFailedError: when it says two different things.
    """
    times = [cast("datetime | None", values.get(name)) for name in ("starts_at", "ends_at")]
    last_s = cast("float | None", values.get("last_s"))
    if last_s is not None and any(times):
        said = ["Say either this, or starts_at and ends_at."]
        raise ValidationFailedError("The body is not acceptable.", fields={"last_s": said})
    from_ms, until_ms = (clock.epoch_ms(moment) if moment else None for moment in times)
    return Wish(from_ms=from_ms, until_ms=until_ms, last_ms=None if last_s is None else round(last_s * 1000))


def stretch_of(values: Mapping[str, object]) -> tuple[int, int]:
    """Return from when to when, in microseconds of a recording's file."""
    return round(cast(float, values["start_s"]) * _US), round(cast(float, values["end_s"]) * _US)
