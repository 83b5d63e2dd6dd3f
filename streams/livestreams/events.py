"""What happens to livestreams, in the past tense."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from streams.livestreams.models import Livestream, Output, Session
from streams.organizations.services import Actor


@dataclass(frozen=True, kw_only=True)
class LivestreamEvent:
    """What every event says of itself, so that no subscriber has to ask the database again."""

    organization_id: UUID
    organization_name: str
    app_id: UUID
    livestream_id: UUID
    # What it is after the change.
    name: str
    status: str
    is_disabled: bool
    playback_id: str
    created_at: datetime
    # Of the meeting whose livestream it is; None and empty for an independent one.
    meeting_id: UUID | None
    meeting_title: str
    meeting_created_at: datetime | None
    at: datetime
    # For people; may be empty.
    reason: str
    actor: Actor

    @classmethod
    def of(cls, livestream: Livestream, *, at: datetime, actor: Actor, reason: str = "", **details: object) -> Self:
        """Return the event of this livestream; its app, organization and meeting must be loaded."""
        meeting = livestream.meeting
        return cls(
            organization_id=livestream.app.organization_id,
            organization_name=livestream.app.organization.name,
            app_id=livestream.app_id,
            livestream_id=livestream.pk,
            name=livestream.name,
            status=livestream.status,
            is_disabled=livestream.disabled,
            playback_id=livestream.playback_id,
            created_at=livestream.created_at,
            meeting_id=livestream.meeting_id,
            meeting_title=meeting.title if meeting else "",
            meeting_created_at=meeting.created_at if meeting else None,
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
    """Something of it is another; `changed` may be empty: what only its page tells has no name."""

    # As its model's fields are called, and "stream_key".
    changed: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class LivestreamDeleted(LivestreamEvent):
    pass


@dataclass(frozen=True, kw_only=True)
class OutputEvent(LivestreamEvent):
    """What happened to one of its outputs."""

    output_id: UUID
    # A value of `OutputType`.
    output_type: str
    # Empty for one that is no simulcast, and a name and a vendor also for one that has none.
    output_name: str
    vendor: str
    uri: str
    is_enabled: bool

    @classmethod
    def of_output(cls, output: Output, *, at: datetime, actor: Actor) -> Self:
        """Return the event of this output; its livestream must be loaded as for `of`."""
        return cls.of(output.livestream, at=at, actor=actor, reason="", **cls._of_output(output))

    @staticmethod
    def _of_output(output: Output) -> dict[str, object]:
        return {
            "output_id": output.pk,
            "output_type": output.type,
            "output_name": output.name,
            "vendor": output.vendor,
            "uri": output.uri,
            "is_enabled": output.enabled,
        }


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
class SimulcastStateChanged(OutputEvent):
    """Another platform takes the broadcast, or does not, or takes it badly."""

    # Values of `SimulcastState`.
    old: str
    new: str
    # A code and a sentence; both empty where nothing is wrong.
    cause: str
    message: str

    @classmethod
    def of_change(cls, output: Output, *, old: str, at: datetime, actor: Actor) -> Self:
        """Return the event of this simulcast's present state; its livestream must be loaded as for `of`."""
        told = {
            **cls._of_output(output),
            "old": old,
            "new": output.push_state,
            "cause": output.push_reason,
            "message": output.push_message,
        }
        return cls.of(output.livestream, at=at, actor=actor, reason=output.push_message, **told)


@dataclass(frozen=True, kw_only=True)
class PublishRefused(LivestreamEvent):
    """An encoder with a known key was turned away."""


@dataclass(frozen=True, kw_only=True)
class SessionStatusChanged(LivestreamEvent):
    """A session began (`old` empty), went live, or is over."""

    session_id: UUID
    old: str
    new: str
    session_created_at: datetime
    # When viewers could play it, and when it was over; None before.
    started_at: datetime | None
    stopped_at: datetime | None
    # An `EndReason`; empty before.
    end_reason: str

    @classmethod
    def of_session(cls, session: Session, *, at: datetime, actor: Actor, reason: str, old: str) -> Self:
        """Return the event of this session's present status; its livestream must be loaded as for `of`."""
        told = {
            "session_id": session.pk,
            "old": old,
            "new": session.status,
            "session_created_at": session.created_at,
            "started_at": session.started_at,
            "stopped_at": session.stopped_at,
            "end_reason": session.end_reason,
        }
        return cls.of(session.livestream, at=at, actor=actor, reason=reason, **told)


@dataclass(frozen=True, kw_only=True)
class SessionResumed(LivestreamEvent):
    """A live session is played from another run's files: players have to load it again."""

    session_id: UUID


@dataclass(frozen=True, kw_only=True)
class SessionQueued(LivestreamEvent):
    """A session waits for a free place: its machine carries as many as it can."""

    session_id: UUID


@dataclass(frozen=True, kw_only=True)
class SessionInterrupted(LivestreamEvent):
    """A run of a session ended before its time, and another one is to follow."""

    session_id: UUID


@dataclass(frozen=True)
class FoundFault:
    """A finding as others are told it: `severity` is a `FindingSeverity`, `value` in its unit."""

    kind: str
    severity: str
    value: float
    unit: str
    message: str
    since: datetime


@dataclass(frozen=True, kw_only=True)
class HealthChanged(LivestreamEvent):
    """What an encoder sends got warnings or errors, or lost some."""

    session_id: UUID
    # A `IngestHealth`.
    health: str
    # All that holds now, the worst first.
    findings: tuple[FoundFault, ...]
