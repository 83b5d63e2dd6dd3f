"""Who may join a meeting, and with which presets."""

from uuid import UUID

from livehub.core.errors import NotFoundError
from streams.meetings.models import Meeting, Participant, ParticipantQuerySet, Preset, PresetQuerySet
from streams.meetings.tokens import ParticipantTokenRejectedError, read_token
from streams.organizations.models import App


def list_participants(meeting: Meeting) -> ParticipantQuerySet:
    """Return who may join the meeting, with their presets, newest first."""
    return Participant.objects.of_meeting(meeting).order_by("-created_at", "-id")


def get_participant(*, meeting: Meeting, participant_id: UUID) -> Participant:
    """Return a participant of the meeting with their preset.

    :raises NotFoundError: when it has no such participant.
    """
    found = list(Participant.objects.of_meeting(meeting).filter(pk=participant_id)[:1])
    if not found:
        raise NotFoundError(f"No participant {participant_id}.")
    found[0].meeting = meeting
    return found[0]


def get_participant_by_token(token: str) -> Participant:
    """Return who holds the token, with preset, meeting and app.

    :raises ParticipantTokenRejectedError: when it is not ours, expired or revoked, or the participant is deleted.
    """
    claims = read_token(token)
    known = Participant.objects.existing().select_related("preset", "meeting__app")
    holder = known.filter(pk=claims.participant_id, meeting=claims.meeting_id, token_revision=claims.revision).first()
    if holder is None:
        raise ParticipantTokenRejectedError
    return holder


def list_presets(*, app: App, search: str) -> PresetQuerySet:
    """Return the app's presets with this text in their name, newest first."""
    rows = Preset.objects.for_app(app)
    return (rows.matching(search) if search else rows).order_by("-created_at", "-id")


def get_preset(*, app: App, preset_id: UUID) -> Preset:
    """Return a preset of the app.

    :raises NotFoundError: when it has no such preset.
    """
    found = list(Preset.objects.for_app(app).filter(pk=preset_id)[:1])
    if not found:
        raise NotFoundError(f"No preset {preset_id}.")
    return found[0]
