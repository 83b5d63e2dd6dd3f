"""What happens to recordings and clips, in the past tense."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from streams.organizations.services import Actor
from streams.recordings.files import sound_file, told_size, video_file
from streams.recordings.models import Clip, Recording


@dataclass(frozen=True, kw_only=True)
class RecordingEvent:
    """What every event says of its recording, so that no subscriber has to ask the database again."""

    organization_id: UUID
    organization_name: str
    app_id: UUID
    recording_id: UUID
    # None once it is gone for good, or where there is none.
    livestream_id: UUID | None
    livestream_name: str
    session_id: UUID | None
    meeting_id: UUID | None
    meeting_title: str
    meeting_created_at: datetime | None
    # What it is after the change.
    status: str
    origin: str
    output_file_name: str
    created_at: datetime
    invoked_at: datetime
    started_at: datetime | None
    stopped_at: datetime | None
    stop_reason: str
    # Of the file that is handed out.
    size: int | None
    # What there are links to: its file, and the file of its sound alone.
    has_file: bool
    has_sound_file: bool
    duration_us: int | None
    is_verified: bool
    gaps: tuple[dict[str, object], ...]
    at: datetime
    reason: str
    actor: Actor

    @classmethod
    def of(cls, recording: Recording, *, at: datetime, actor: Actor, reason: str = "", **details: object) -> Self:
        """Return the event of this recording; its app, organization and meeting must be loaded."""
        meeting = recording.meeting
        file, sound = video_file(recording), sound_file(recording)
        return cls(
            organization_id=recording.app.organization_id,
            organization_name=recording.app.organization.name,
            app_id=recording.app_id,
            recording_id=recording.pk,
            livestream_id=recording.livestream_id,
            livestream_name=recording.name,
            session_id=recording.session_id,
            meeting_id=recording.meeting_id,
            meeting_title=meeting.title if meeting else "",
            meeting_created_at=meeting.created_at if meeting else None,
            status=recording.status,
            origin=recording.origin,
            output_file_name=recording.output_file_name,
            created_at=recording.created_at,
            invoked_at=recording.invoked_at,
            started_at=recording.started_at,
            stopped_at=recording.stopped_at,
            stop_reason=recording.stop_reason,
            size=told_size(recording),
            has_file=recording.has_links and file is not None,
            has_sound_file=recording.has_links and sound is not None,
            duration_us=recording.duration_us,
            is_verified=recording.is_verified,
            gaps=tuple(recording.gaps),
            at=at,
            reason=reason,
            actor=actor,
            **details,
        )


@dataclass(frozen=True, kw_only=True)
class RecordingStatusChanged(RecordingEvent):
    """It began (`old` empty), or took a step."""

    old: str


@dataclass(frozen=True, kw_only=True)
class RecordingDeleted(RecordingEvent):
    pass


@dataclass(frozen=True, kw_only=True)
class ClipEvent:
    """What every event says of its clip, so that no subscriber has to ask the database again."""

    organization_id: UUID
    organization_name: str
    app_id: UUID
    clip_id: UUID
    # None once it is gone for good, or where there is none.
    livestream_id: UUID | None
    session_id: UUID | None
    recording_id: UUID | None
    title: str
    # What it is after the change.
    status: str
    starts_at: datetime | None
    duration_us: int | None
    size: int | None
    created_at: datetime
    at: datetime
    reason: str
    actor: Actor

    @classmethod
    def of(cls, clip: Clip, *, at: datetime, actor: Actor, reason: str = "") -> Self:
        """Return the event of this clip; its app and organization must be loaded."""
        return cls(
            organization_id=clip.app.organization_id,
            organization_name=clip.app.organization.name,
            app_id=clip.app_id,
            clip_id=clip.pk,
            livestream_id=clip.livestream_id,
            session_id=clip.session_id,
            recording_id=clip.recording_id,
            title=clip.title,
            status=clip.status,
            starts_at=clip.starts_at,
            duration_us=clip.duration_us,
            size=clip.size,
            created_at=clip.created_at,
            at=at,
            reason=reason,
            actor=actor,
        )


@dataclass(frozen=True, kw_only=True)
class ClipStatusChanged(ClipEvent):
    """It was asked for, is ready, or failed."""


@dataclass(frozen=True, kw_only=True)
class ClipDeleted(ClipEvent):
    pass
