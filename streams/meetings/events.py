"""What happens to meetings, in the past tense."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from streams.meetings.models import Meeting, MeetingSession, Participant, Peer, Poll, Preset
from streams.organizations.services import Actor


@dataclass(frozen=True, kw_only=True)
class MeetingEvent:
    """What every event says of itself, so that no subscriber has to ask the database again."""

    organization_id: UUID
    organization_name: str
    app_id: UUID
    meeting_id: UUID
    title: str
    created_at: datetime
    at: datetime
    # For people; may be empty.
    reason: str
    actor: Actor

    @classmethod
    def of(cls, meeting: Meeting, *, at: datetime, actor: Actor, reason: str = "", **details: object) -> Self:
        """Return the event of this meeting; its app and organization must be loaded."""
        return cls(
            organization_id=meeting.app.organization_id,
            organization_name=meeting.app.organization.name,
            app_id=meeting.app_id,
            meeting_id=meeting.pk,
            title=meeting.title,
            created_at=meeting.created_at,
            at=at,
            reason=reason,
            actor=actor,
            **details,
        )


@dataclass(frozen=True, kw_only=True)
class MeetingCreated(MeetingEvent):
    pass


@dataclass(frozen=True, kw_only=True)
class MeetingChanged(MeetingEvent):
    """Its settings, or whether it can be joined."""


@dataclass(frozen=True, kw_only=True)
class MeetingSessionEvent(MeetingEvent):
    """Something happened in a session of the meeting."""

    session_id: UUID
    started_at: datetime

    @classmethod
    def of_session(
        cls, session: MeetingSession, *, at: datetime, actor: Actor, reason: str = "", **details: object
    ) -> Self:
        """Return the event of this session; its meeting, app and organization must be loaded."""
        details = {**details, "session_id": session.pk, "started_at": session.created_at}
        return cls.of(session.meeting, at=at, actor=actor, reason=reason, **details)


@dataclass(frozen=True, kw_only=True)
class MeetingStarted(MeetingSessionEvent):
    """The first participant has joined."""


@dataclass(frozen=True, kw_only=True)
class MeetingEnded(MeetingSessionEvent):
    """The session is over; `end_reason` is a `MeetingEndReason`."""

    end_reason: str


@dataclass(frozen=True, kw_only=True)
class ParticipantEvent(MeetingSessionEvent):
    """Somebody came or went: once for each connection."""

    peer_id: UUID
    participant_id: UUID
    custom_participant_id: str
    name: str
    joined_at: datetime

    @classmethod
    def of_peer(
        cls, peer: Peer, *, session: MeetingSession, at: datetime, actor: Actor, reason: str = "", **details: object
    ) -> Self:
        """Return the event of this connection; its participant must be loaded."""
        participant = peer.session_participant.participant
        told = {
            "peer_id": peer.pk,
            "participant_id": participant.pk,
            "custom_participant_id": participant.custom_participant_id,
            "name": participant.name,
            "joined_at": peer.joined_at,
        }
        return cls.of_session(session, at=at, actor=actor, reason=reason, **details, **told)


@dataclass(frozen=True, kw_only=True)
class ParticipantJoined(ParticipantEvent):
    pass


@dataclass(frozen=True, kw_only=True)
class ParticipantLeft(ParticipantEvent):
    """Somebody went; `leave_reason` is a `LeaveReason`, and says whether they have to be cut."""

    leave_reason: str


@dataclass(frozen=True, kw_only=True)
class ParticipantsMuted(MeetingSessionEvent):
    """Somebody was silenced by a host."""

    participant_ids: tuple[UUID, ...]
    may_unmute: bool


@dataclass(frozen=True, kw_only=True)
class PollCreated(MeetingSessionEvent):
    """Everybody in the session is asked something."""

    poll: Poll


@dataclass(frozen=True, kw_only=True)
class ParticipantAccessEvent(MeetingEvent):
    """Who may join the meeting has changed."""

    participant_id: UUID
    custom_participant_id: str

    @classmethod
    def of_participant(cls, participant: Participant, *, at: datetime, actor: Actor) -> Self:
        """Return the event of this participant; the meeting, app and organization must be loaded."""
        custom_id = participant.custom_participant_id
        return cls.of(
            participant.meeting, at=at, actor=actor, participant_id=participant.pk, custom_participant_id=custom_id
        )


@dataclass(frozen=True, kw_only=True)
class ParticipantAdded(ParticipantAccessEvent):
    pass


@dataclass(frozen=True, kw_only=True)
class ParticipantChanged(ParticipantAccessEvent):
    """Name, picture, preset, or which tokens are good."""


@dataclass(frozen=True, kw_only=True)
class ParticipantRemoved(ParticipantAccessEvent):
    pass


@dataclass(frozen=True, kw_only=True)
class PresetEvent:
    """What participants of a preset may do has changed."""

    organization_id: UUID
    app_id: UUID
    preset_id: UUID
    name: str
    permissions: Mapping[str, object]
    at: datetime
    actor: Actor

    @classmethod
    def of(cls, preset: Preset, *, at: datetime, actor: Actor) -> Self:
        """Return the event of this preset; its app must be loaded."""
        return cls(
            organization_id=preset.app.organization_id,
            app_id=preset.app_id,
            preset_id=preset.pk,
            name=preset.name,
            permissions=preset.permissions,
            at=at,
            actor=actor,
        )


@dataclass(frozen=True, kw_only=True)
class PresetCreated(PresetEvent):
    pass


@dataclass(frozen=True, kw_only=True)
class PresetChanged(PresetEvent):
    pass


@dataclass(frozen=True, kw_only=True)
class PresetDeleted(PresetEvent):
    pass
