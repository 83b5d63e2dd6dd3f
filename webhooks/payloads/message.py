"""What a delivery says, apart from whose words it says it in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from webhooks.models import Event

# What was written down of an event, or what becomes of it: an object of JSON.
JsonObject = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Message:
    """An event under the name that an endpoint listens for, in the format that it wants: all that a body is made of."""

    # The event's uid.
    event_id: UUID
    app_id: UUID
    # Of the event, and what it goes out as.
    type: str
    name: str
    # A value of `PayloadFormat`.
    format: str
    subject_type: str
    subject_id: UUID
    sequence: int
    at: datetime
    facts: JsonObject

    @classmethod
    def of(cls, event: Event, *, name: str, format: str) -> Self:
        """Return what is told of the event under this name."""
        return cls(
            event_id=event.uid,
            app_id=event.app_id,
            type=event.type,
            name=name,
            format=format,
            subject_type=event.subject_type,
            subject_id=event.subject_id,
            sequence=event.sequence,
            at=event.at,
            facts=event.facts,
        )
