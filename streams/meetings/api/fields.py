"""Fields of bodies that take what JSON has for it, and nothing that only looks like it."""

import math
import re
from collections.abc import Sequence
from copy import deepcopy
from functools import cache
from typing import Any, TypeGuard, cast
from urllib.parse import urlsplit

from rest_framework import serializers
from rest_framework.fields import empty

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_TEXT_MAX_LENGTH = 255
_URL_MAX_LENGTH = 2048
_HTTP = ("http", "https")


def _is_number(data: object) -> TypeGuard[int | float]:
    # A whole number may be longer than any float, which is why only floats are asked.
    return not isinstance(data, bool) and (isinstance(data, int) or (isinstance(data, float) and math.isfinite(data)))


class WholeField(serializers.IntegerField):
    """A whole number; 60.0 is one, "60" is none."""

    def __init__(self, *, at_least: int, at_most: int, **how: Any) -> None:
        how.setdefault("required", False)
        super().__init__(min_value=at_least, max_value=at_most, **how)

    def to_internal_value(self, data: object) -> int:
        if not _is_number(data) or data % 1:
            self.fail("invalid")
        return int(data)


class AmountField(serializers.FloatField):
    """A number, and none that is infinite."""

    def __init__(self, *, at_least: float, at_most: float, **how: Any) -> None:
        super().__init__(min_value=at_least, max_value=at_most, **how)

    def to_internal_value(self, data: object) -> float:
        if not _is_number(data):
            self.fail("invalid")
        return data


class LineField(serializers.CharField):
    """A line of text: kept as it comes, without control characters."""

    default_error_messages = {"control": "Use printable characters only."}

    def __init__(self, *, max_length: int = _TEXT_MAX_LENGTH, allow_blank: bool = True, **how: Any) -> None:
        how.setdefault("required", False)
        super().__init__(max_length=max_length, allow_blank=allow_blank, trim_whitespace=False, **how)

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        if _CONTROL.search(data):
            self.fail("control")
        return data


class SecretField(serializers.CharField):
    """What a client tells us and is not told again; it may have several lines."""

    def __init__(self, **how: Any) -> None:
        how = {"required": False, "write_only": True, **how}
        super().__init__(max_length=16_384, trim_whitespace=False, allow_blank=True, **how)

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return data


class AddressField(LineField):
    """A whole URL of one of these schemes; its host may be one that only this network knows."""

    default_error_messages = {"address": "Give a whole URL that begins with {schemes}."}

    def __init__(self, *, schemes: Sequence[str] = _HTTP, **how: Any) -> None:
        self._schemes = schemes
        super().__init__(max_length=_URL_MAX_LENGTH, **how)

    def to_internal_value(self, data: object) -> str:
        text = super().to_internal_value(data)
        if text and not self._is_address(text):
            self.fail("address", schemes=" or ".join(f"{scheme}://" for scheme in self._schemes))
        return text

    def _is_address(self, text: str) -> bool:
        try:
            parts = urlsplit(text)
        except ValueError:
            return False
        return parts.scheme in self._schemes and bool(parts.hostname) and " " not in text


# The same one each time, or a description would hold it twice under one name.
@cache
def optional(body: type[serializers.Serializer[None]]) -> type[serializers.Serializer[None]]:
    """Return the same body with nothing that has to be said, at any depth: for changes of what is there already.

    A body within it that says `is_whole` stays as it is: of such a thing a part has no meaning.
    """
    fields = {name: _optional_field(field) for name, field in body._declared_fields.items()}
    return type(f"Changed{body.__name__}", (body,), {**fields, "__doc__": body.__doc__})


def _optional_field(field: serializers.Field[Any, Any, Any, Any]) -> serializers.Field[Any, Any, Any, Any]:
    made_of: dict[str, Any] = vars(field)
    has_parts = isinstance(field, serializers.Serializer) and not getattr(field, "is_whole", False)
    kind = optional(cast("Any", type(field))) if has_parts else type(field)
    # Copies, as the framework makes them: a field within a field can have one parent only.
    how = {name: deepcopy(value) for name, value in made_of["_kwargs"].items() if name not in {"default", "validators"}}
    if field.default is not empty or field.required:
        how["required"] = False
    return kind(*made_of["_args"], **how)
