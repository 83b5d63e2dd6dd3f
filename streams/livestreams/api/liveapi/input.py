"""What LiveAPI's clients may ask."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import cast

from rest_framework import serializers

from livehub.api.fields import FlagField, TextField
from livehub.core.errors import ValidationFailedError
from streams.livestreams.outputs import NewOutput, OutputChanges
from streams.livestreams.pulls import PullChange
from streams.livestreams.services import LivestreamChanges
from streams.livestreams.states import OutputType

# Their word -> ours.
_PLATFORM_WORDS = {
    "template": "vendor",
    "name": "name",
    "server": "uri",
    "key": "stream_key",
    "enabled": "enabled",
}


class LiveApiPullingModeBody(serializers.Serializer[None]):
    enabled = FlagField(required=False, help_text="Whether it is to be fetched.")
    url = TextField(
        required=False,
        allow_null=True,
        help_text="rtmp, rtmps, rtsp, srt, http or https (HLS, or a file); may hold credentials. Null for none.",
    )


class LiveApiSettingsBody(serializers.Serializer[None]):
    pulling_mode = LiveApiPullingModeBody(required=False, help_text="Fetch broadcasts in place of an encoder.")


class LiveApiStreamBody(serializers.Serializer[None]):
    """What may be said of a live stream; whatever is left out stays."""

    examples = {"name": "Autumn keynote", "enabled": True}

    name = TextField(
        required=False, allow_null=True, help_text="Up to 255 printable characters; null or empty for none."
    )
    enabled = FlagField(required=False, help_text="false cuts the encoder, and refuses it until true.")
    settings = LiveApiSettingsBody(required=False)


class LiveApiPlatformChangesBody(serializers.Serializer[None]):
    """What may be changed of a platform; whatever is left out stays."""

    examples = {"server": "rtmp://a.rtmp.example.com/live2", "key": "abcd-efgh-ijkl", "enabled": True}

    name = TextField(
        required=False, allow_null=True, help_text="Up to 255 printable characters; null or empty for none."
    )
    server = TextField(required=False, help_text="rtmp:// or rtmps://, without the key.")
    key = TextField(required=False, allow_null=True, help_text="The platform's stream key; null or empty for none.")
    enabled = FlagField(required=False, help_text="Whether broadcasts go there.")


class LiveApiPlatformBody(LiveApiPlatformChangesBody):
    """A platform that is to be added."""

    examples = {**LiveApiPlatformChangesBody.examples, "template": "custom"}

    template = TextField(required=False, help_text="Whose platform it is, in up to 64 characters of yours.")
    server = TextField(help_text="rtmp:// or rtmps://, without the key.")


def changes_of(values: Mapping[str, object]) -> LivestreamChanges:
    """Return a checked `LiveApiStreamBody` in our words."""
    changes: LivestreamChanges = {}
    if "name" in values:
        changes["name"] = str(values["name"] or "")
    if "enabled" in values:
        changes["disabled"] = not values["enabled"]
    settings = cast(Mapping[str, Mapping[str, object]], values.get("settings", {}))
    if settings.get("pulling_mode"):
        changes["pull"] = cast(PullChange, {**settings["pulling_mode"]})
    return changes


def platform_changes_of(values: Mapping[str, object]) -> OutputChanges:
    """Return a checked `LiveApiPlatformChangesBody` in our words."""
    return cast(OutputChanges, _in_our_words(values))


def new_platform_of(values: Mapping[str, object]) -> NewOutput:
    """Return a checked `LiveApiPlatformBody` in our words."""
    found = {"vendor": "custom", **_in_our_words(values)}
    return NewOutput(type=OutputType.SIMULCAST, **found)  # type: ignore[arg-type]  # Checked by the body's fields.


@contextmanager
def in_their_words() -> Iterator[None]:
    """Let complaints be about the members that the client has sent."""
    theirs = {ours: word for word, ours in _PLATFORM_WORDS.items()}
    try:
        yield
    except ValidationFailedError as error:
        fields = {theirs.get(name, name): complaints for name, complaints in error.fields.items()}
        raise ValidationFailedError("The platform cannot be like this.", fields=fields) from error


@contextmanager
def pulling_in_their_words() -> Iterator[None]:
    """Do the same for the source of a live stream."""
    try:
        yield
    except ValidationFailedError as error:
        fields = {"settings.pulling_mode.url" if name == "pull" else name: said for name, said in error.fields.items()}
        raise ValidationFailedError(error.message, fields=fields) from error


def _in_our_words(values: Mapping[str, object]) -> dict[str, object]:
    found = {ours: values[theirs] for theirs, ours in _PLATFORM_WORDS.items() if theirs in values}
    return {name: "" if value is None else value for name, value in found.items()}
