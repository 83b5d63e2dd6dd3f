"""Who takes part in meetings, without a media layer."""

from datetime import timedelta

from livehub.core import clock
from streams.meetings.lifecycle import join_meeting
from streams.meetings.services.participants import ParticipantValues, add_participant
from streams.models import Meeting, MeetingSession, Participant, Peer
from streams.organizations.services import SYSTEM


def added(meeting: Meeting, custom_id: str, *, name: str | None = None, preset: str = "group_call_host") -> Participant:
    values: ParticipantValues = {"custom_participant_id": custom_id, "preset_name": preset, "name": name}
    return add_participant(meeting=meeting, values=values, actor=SYSTEM)[0]


def joined(participant: Participant, *, ago: timedelta = timedelta(0)) -> Peer:
    """Connect a participant, who has been there for that long."""
    peer = join_meeting(participant=participant)
    Peer.objects.filter(pk=peer.pk).update(joined_at=clock.now() - ago)
    peer.refresh_from_db()
    return peer


def session_of(meeting: Meeting) -> MeetingSession:
    """Return the meeting's only session."""
    return MeetingSession.objects.with_consumed().get(meeting=meeting)
