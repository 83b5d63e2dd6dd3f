"""Locking and reading rows again: what a caller holds may be stale.

Always the meeting first: whoever changes it, its sessions, who is in them or its livestream waits for the others here.
"""

from uuid import UUID

from livehub.core.errors import NotFoundError
from streams.meetings.models import Meeting, MeetingSession, Participant, Preset


def lock_meeting(meeting_id: UUID) -> Meeting:
    """Return the meeting as it is now, with its app and organization, locked until the transaction ends.

    :raises NotFoundError: when it is gone.
    """
    meetings = Meeting.objects.select_related("app__organization").select_for_update(of=("self",), no_key=True)
    meeting = meetings.filter(pk=meeting_id).first()
    if meeting is None:
        raise NotFoundError(f"No meeting {meeting_id}.")
    return meeting


def find_live_session(meeting: Meeting) -> MeetingSession | None:
    """Return the session of a locked meeting that is going on."""
    session = MeetingSession.objects.live().filter(meeting=meeting).first()
    if session is not None:
        session.meeting = meeting
    return session


def get_live_session(meeting: Meeting) -> MeetingSession:
    """Return the session of a locked meeting that is going on.

    :raises NotFoundError: when none is.
    """
    session = find_live_session(meeting)
    if session is None:
        raise NotFoundError(f"No active session found for meeting_id {meeting.pk}.")
    return session


def lock_participant(participant_id: UUID) -> Participant:
    """Return the participant as they are now, with meeting and organization, locked.

    :raises NotFoundError: when they are deleted.
    """
    # Without the preset, which may change: PostgreSQL looks again at a row that it has waited for, but not at what was
    # joined to it, and would find no such participant.
    participants = Participant.objects.existing().select_related("meeting__app__organization")
    participant = participants.select_for_update(of=("self",), no_key=True).filter(pk=participant_id).first()
    if participant is None:
        raise NotFoundError(f"No participant {participant_id}.")
    return participant


def lock_preset(preset_id: UUID) -> Preset:
    """Return the preset as it is now, with its app and organization, locked.

    :raises NotFoundError: when it is deleted.
    """
    presets = Preset.objects.select_related("app__organization").select_for_update(of=("self",), no_key=True)
    preset = presets.filter(pk=preset_id, deleted_at=None).first()
    if preset is None:
        raise NotFoundError(f"No preset {preset_id}.")
    return preset
