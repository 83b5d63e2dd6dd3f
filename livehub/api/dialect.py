"""A dialect: what one vendor's clients expect that is the same for every endpoint."""

from dataclasses import dataclass
from typing import Any

from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication

from livehub.api.wire import JsonObject, Wire

__all__ = ["Dialect", "JsonObject"]

_Serializer = serializers.BaseSerializer[Any]


# Compared and hashed by identity: each vendor has one.
@dataclass(frozen=True, eq=False)
class Dialect:
    """Passed to every view through `as_view(dialect=...)`; a view never asks which one it has."""

    wire: Wire
    authentication: type[BaseAuthentication]
    # What it answers where something has been made.
    created_status: int = 201

    def status(self, http_status: int) -> int:
        """Return what this dialect answers where HTTP would have this status."""
        return self.created_status if http_status == 201 else http_status
