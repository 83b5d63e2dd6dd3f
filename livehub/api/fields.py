"""Serializer fields that every dialect shares."""

from datetime import datetime
from typing import Any

from rest_framework import serializers

from livehub.core import clock


class InstantField(serializers.DateTimeField):
    """A moment, written as ISO 8601 in UTC with milliseconds and Z."""

    def to_representation(self, value: datetime) -> str:
        return clock.isoformat(value)


class EpochMsField(serializers.IntegerField):
    """A moment, written as milliseconds since 1970."""

    def to_representation(self, value: datetime) -> int:  # type: ignore[override]  # Reads no number.
        return clock.epoch_ms(value)


class FlagField(serializers.BooleanField):
    """true or false, and neither a number nor a word for one."""

    def to_internal_value(self, data: object) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class TextField(serializers.CharField):
    """Text and nothing else: a number is not read as its digits, and nothing is trimmed unseen."""

    def __init__(self, *, help_text: str, required: bool = True, allow_null: bool = False) -> None:
        super().__init__(
            help_text=help_text, required=required, allow_null=allow_null, allow_blank=True, trim_whitespace=False
        )

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return data


class BoundedListField(serializers.ListField):
    """A list whose length is looked at first: to check each of a megabyte of members takes half a minute."""

    def __init__(self, *, max_length: int, **how: Any) -> None:
        self._most = max_length
        super().__init__(max_length=max_length, **how)

    def to_internal_value(self, data: object) -> list[Any]:
        if isinstance(data, list) and len(data) > self._most:
            self.fail("max_length", max_length=self._most)
        members: list[Any] = super().to_internal_value(data)  # type: ignore[arg-type]  # Refuses what is no list.
        return members
