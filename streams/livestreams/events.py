"""What happens to livestreams, in the past tense."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from streams.livestreams.models import Livestream
from streams.organizations.services import Actor


@dataclass(frozen=True, kw_only=True)
class LivestreamEvent:
    """What every event says of itself, so that no subscriber has to ask the database again."""

    organization_id: UUID
    app_id: UUID
    livestream_id: UUID
    # Of the meeting whose livestream it is; None for an independent one.
    meeting_id: UUID | None
    at: datetime
    # For people; may be empty.
    reason: str
    actor: Actor

    @classmethod
    def of(cls, livestream: Livestream, *, at: datetime, actor: Actor, reason: str = "", **details: object) -> Self:
        """Return the event of this livestream; its app must be loaded."""
        return cls(
            organization_id=livestream.app.organization_id,
            app_id=livestream.app_id,
            livestream_id=livestream.pk,
            meeting_id=livestream.meeting_id,
            at=at,
            reason=reason,
            actor=actor,
            **details,
        )


@dataclass(frozen=True, kw_only=True)
class LivestreamCreated(LivestreamEvent):
    pass


@dataclass(frozen=True, kw_only=True)
class LivestreamChanged(LivestreamEvent):
    """Name, key, or whether it is disabled or stopped."""


@dataclass(frozen=True, kw_only=True)
class LivestreamDeleted(LivestreamEvent):
    pass


@dataclass(frozen=True, kw_only=True)
class OutputEvent(LivestreamEvent):
    """What happened to one of its outputs."""

    output_id: UUID
    # A value of `OutputType`.
    output_type: str


@dataclass(frozen=True, kw_only=True)
class OutputCreated(OutputEvent):
    pass


@dataclass(frozen=True, kw_only=True)
class OutputChanged(OutputEvent):
    pass


@dataclass(frozen=True, kw_only=True)
class OutputDeleted(OutputEvent):
    pass


@dataclass(frozen=True, kw_only=True)
class PublishRefused(LivestreamEvent):
    """An encoder with a known key was turned away."""


@dataclass(frozen=True, kw_only=True)
class SessionStatusChanged(LivestreamEvent):
    """A session began (`old` empty), went live, or is over."""

    session_id: UUID
    old: str
    new: str


@dataclass(frozen=True, kw_only=True)
class SessionResumed(LivestreamEvent):
    """A live session is played from another run's files: players have to load it again."""

    session_id: UUID


@dataclass(frozen=True, kw_only=True)
class SessionInterrupted(LivestreamEvent):
    """A run of a session ended before its time, and another one is to follow."""

    session_id: UUID
