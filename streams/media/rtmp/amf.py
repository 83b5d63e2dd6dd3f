"""AMF0, in which the commands of RTMP are said. Source: Adobe, Action Message Format AMF 0, 2."""

import struct
from collections.abc import Mapping

_NUMBER, _BOOLEAN, _STRING, _OBJECT, _NULL, _UNDEFINED, _ECMA_ARRAY, _END, _STRICT_ARRAY, _DATE, _LONG_STRING = (
    *(0, 1, 2, 3, 5, 6, 8, 9, 10, 11, 12),
)
_DOUBLE = struct.Struct(">d")
# What servers say is flat; who nests deeper means harm.
_DEEPEST = 8

Value = float | bool | str | None | Mapping[str, "Value"] | list["Value"]


class AmfError(Exception):
    """The bytes are not AMF0, or hold something that no command has."""


def render(*values: Value) -> bytes:
    """Return the values one behind the other; a mapping becomes an object."""
    return b"".join(map(_render, values))


def render_array(fields: Mapping[str, Value]) -> bytes:
    """Return an "ECMA array", as which metadata are sent."""
    return bytes([_ECMA_ARRAY]) + len(fields).to_bytes(4) + _fields(fields)


def parse(data: bytes) -> list[Value]:
    """Return all values that there are.

    :raises AmfError: when they cannot be read.
    """
    reader, found = _Reader(data), list[Value]()
    while reader.has_more:
        found.append(reader.value(depth=0))
    return found


def _render(value: Value) -> bytes:
    if value is None:
        return bytes([_NULL])
    if isinstance(value, bool):
        return bytes([_BOOLEAN, value])
    if isinstance(value, int | float):
        return bytes([_NUMBER]) + _DOUBLE.pack(value)
    if isinstance(value, str):
        return bytes([_STRING]) + _text(value)
    if isinstance(value, Mapping):
        return bytes([_OBJECT]) + _fields(value)
    raise TypeError("No command of ours has lists.")


def _fields(fields: Mapping[str, Value]) -> bytes:
    pairs = b"".join(_text(name) + _render(value) for name, value in fields.items())
    return pairs + b"\0\0" + bytes([_END])


def _text(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(2) + encoded


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def has_more(self) -> bool:
        return self._at < len(self._data)

    def value(self, *, depth: int) -> Value:
        if depth > _DEEPEST:
            raise AmfError("Values are nested too deeply.")
        kind = self._take(1)[0]
        if kind == _NUMBER:
            return float(_DOUBLE.unpack(self._take(8))[0])
        if kind == _BOOLEAN:
            return self._take(1) != b"\0"
        if kind in {_STRING, _LONG_STRING}:
            return self._text(2 if kind == _STRING else 4)
        if kind in {_NULL, _UNDEFINED}:
            return None
        if kind == _ECMA_ARRAY:
            self._take(4)
        if kind in {_OBJECT, _ECMA_ARRAY}:
            return self._fields(depth=depth)
        if kind == _STRICT_ARRAY:
            return [self.value(depth=depth + 1) for _ in range(min(self._number(4), len(self._data)))]
        if kind == _DATE:
            return float(_DOUBLE.unpack(self._take(10)[:8])[0])
        raise AmfError(f"No command has a value of kind {kind}.")

    def _fields(self, *, depth: int) -> dict[str, Value]:
        found: dict[str, Value] = {}
        while True:
            name = self._text(2)
            if not name and self._data[self._at : self._at + 1] == bytes([_END]):
                self._at += 1
                return found
            found[name] = self.value(depth=depth + 1)

    def _text(self, width: int) -> str:
        return self._take(self._number(width)).decode(errors="replace")

    def _number(self, width: int) -> int:
        return int.from_bytes(self._take(width))

    def _take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) < count:
            raise AmfError("The values are torn.")
        self._at += count
        return taken
