"""A dialect: what one vendor's clients expect that is the same for every endpoint."""

from dataclasses import dataclass

from rest_framework.authentication import BaseAuthentication

from livehub.api.envelopes import Envelope
from livehub.api.wire import JsonObject, Wire

__all__ = ["Dialect", "JsonObject", "Security"]


@dataclass(frozen=True)
class Security:
    """How its description names what a client shows."""

    name: str
    # Of the Authorization header.
    scheme: str
    description: str


# Compared and hashed by identity: each vendor has one.
@dataclass(frozen=True, eq=False)
class Dialect:
    """Passed to every view through `as_view(dialect=...)`; a view never asks which one it has."""

    wire: Wire
    envelope: Envelope
    authentication: type[BaseAuthentication]
    security: Security
    # What it answers where something has been made.
    created_status: int = 201

    def status(self, http_status: int) -> int:
        """Return what this dialect answers where HTTP would have this status."""
        return self.created_status if http_status == 201 else http_status
