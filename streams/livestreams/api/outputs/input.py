"""What clients may ask of outputs, in the words that the dialects have in common."""

from collections.abc import Mapping
from typing import cast

from rest_framework import serializers

from livehub.api.fields import FlagField, TextField
from streams.livestreams.outputs import NewOutput, OutputChanges
from streams.livestreams.states import OutputType


def optional_text(help_text: str) -> TextField:
    return TextField(required=False, allow_null=True, help_text=help_text)


class OutputChangesBody(serializers.Serializer[None]):
    """What may be changed of an output; whatever is left out stays."""

    name = optional_text("Up to 255 printable characters; null or empty for none.")
    uri = optional_text("Of a simulcast: the platform's server, rtmp:// or rtmps://, without the key.")
    stream_key = optional_text("Of a simulcast: the platform's key. Null or empty for none.")
    public_id = optional_text("Of an archive: what it is called. Null or empty for a name that LiveHub makes.")


class OutputBody(OutputChangesBody):
    """An output that is to be added."""

    examples = {"type": "simulcast", "uri": "rtmp://a.rtmp.example.com/live2", "public_id": None}

    type = serializers.ChoiceField(choices=OutputType.choices, help_text="hls and archive: one each.")
    vendor = optional_text("Of a simulcast: whose platform it is, in up to 64 characters of yours.")


def _most_lines() -> serializers.IntegerField:
    return serializers.IntegerField(
        required=False, help_text="Of a simulcast: the height of the picture that it gets at most; 0 for the best."
    )


class EnabledOutputChangesBody(OutputChangesBody):
    """The same, with the switch that Cloudinary has not."""

    most_lines = _most_lines()
    enabled = FlagField(required=False, help_text="Whether broadcasts go there.")


class EnabledOutputBody(OutputBody):
    """The same, with the switch that Cloudinary has not."""

    most_lines = _most_lines()
    enabled = FlagField(required=False, default=True, help_text="Whether broadcasts go there.")


def changes_of(values: Mapping[str, object]) -> OutputChanges:
    """Return a checked body as the services take it, to whom nothing is empty text."""
    return cast(OutputChanges, _without_null(values))


def new_output_of(values: Mapping[str, object]) -> NewOutput:
    """Return the same of a new one."""
    return NewOutput(**_without_null(values))  # type: ignore[arg-type]  # Checked by the body's fields.


def _without_null(values: Mapping[str, object]) -> dict[str, object]:
    return {name: "" if value is None else value for name, value in values.items()}
