"""Examples of bodies: what a serializer says of its members, and for the rest something of the right kind."""

from collections.abc import Mapping
from typing import Any, cast

from rest_framework import serializers

from livehub.api.fields import EpochMsField, InstantField

_Field = serializers.Field[Any, Any, Any, Any]
# The first that a field is decides.
_BY_KIND: tuple[tuple[type[_Field], object], ...] = (
    (serializers.UUIDField, "5b2c0e0e-7f0c-4f6e-9a51-6d1c2b7e8f90"),
    (EpochMsField, 1_795_291_200_000),
    (InstantField, "2026-11-21T20:00:00.000Z"),
    (serializers.DateTimeField, "2026-11-21T20:00:00.000Z"),
    (serializers.BooleanField, False),
    (serializers.IntegerField, 1),
    (serializers.FloatField, 1.5),
    (serializers.URLField, "https://live.example.org/"),
    (serializers.EmailField, "person@example.org"),
    (serializers.DictField, {}),
    (serializers.JSONField, {}),
    (serializers.CharField, "text"),
)


def example_of(serializer: type[serializers.BaseSerializer[Any]], *, asked: bool = False) -> object:
    """Return an example; one that is `asked` for is what a client sends.

    A serializer says better than that in its `examples`, by member, and what is `absent` from them.
    """
    made = serializer()
    if isinstance(made, serializers.ListSerializer):
        return _value(made, asked=asked)
    said: Mapping[str, object] = getattr(serializer, "examples", {})
    absent: frozenset[str] = getattr(serializer, "absent", frozenset())
    return {
        name: said[name] if name in said else _value(field, asked=asked)
        for name, field in cast("serializers.Serializer[Any]", made).fields.items()
        if name not in absent and not (field.read_only if asked else field.write_only)
    }


def _value(field: _Field, *, asked: bool) -> object:
    match field:
        case serializers.ListSerializer() | serializers.ListField():
            return [_value(cast(_Field, field.child), asked=asked)]
        case serializers.Serializer():
            return example_of(type(field), asked=asked)
        case serializers.ChoiceField():
            return next(iter(field.choices))
    return next((value for kind, value in _BY_KIND if isinstance(field, kind)), None)
