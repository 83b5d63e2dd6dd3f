"""Letting people join a meeting: participants and their tokens."""

from typing import TypedDict

from django.db import transaction

from livehub.core import clock, events
from livehub.core.errors import ValidationFailedError
from livehub.core.names import check_name
from streams.meetings import lifecycle
from streams.meetings.events import ParticipantAccessEvent, ParticipantAdded, ParticipantChanged, ParticipantRemoved
from streams.meetings.locks import lock_meeting, lock_participant
from streams.meetings.models import Meeting, Participant, Preset
from streams.meetings.tokens import make_token
from streams.organizations.services import Actor, record


class ParticipantValues(TypedDict, total=False):
    """What may be said of a participant, checked; None for none."""

    custom_participant_id: str
    preset_name: str
    name: str | None
    picture: str | None


@transaction.atomic
def add_participant(*, meeting: Meeting, values: ParticipantValues, actor: Actor) -> tuple[Participant, str]:
    """Let somebody join the meeting, and return them with their token, which is stored nowhere.

    :raises ValidationFailedError: when there is no such preset, or a name cannot be used.
    """
    participant = Participant(meeting=meeting)
    _set(participant, values)
    participant.save(force_insert=True)
    _tell(participant, ParticipantAdded, action="participant.added", actor=actor)
    return participant, make_token(participant)


@transaction.atomic
def change_participant(
    *, participant: Participant, changes: ParticipantValues, actor: Actor
) -> tuple[Participant, str]:
    """Change what is said of a participant, and return them with a new token; earlier ones stay good.

    :raises NotFoundError: when they are deleted.
    :raises ValidationFailedError: when there is no such preset, or a name cannot be used.
    """
    participant = lock_participant(participant.pk)
    _set(participant, changes)
    participant.save()
    _tell(participant, ParticipantChanged, action="participant.changed", actor=actor)
    return participant, make_token(participant)


@transaction.atomic
def renew_token(*, participant: Participant, revokes_earlier: bool, actor: Actor) -> str:
    """Return a new token; when it `revokes_earlier`, those before it open nothing any more.

    :raises NotFoundError: when the participant is deleted.
    """
    participant = lock_participant(participant.pk)
    if revokes_earlier:
        participant.token_revision += 1
        participant.save(update_fields=["token_revision", "updated_at"])
    action = "participant.tokens_revoked" if revokes_earlier else "participant.token_renewed"
    _tell(participant, ParticipantChanged, action=action, actor=actor)
    return make_token(participant)


@transaction.atomic
def delete_participant(*, participant: Participant, actor: Actor) -> Participant:
    """Let a participant join no more, take them out of the meeting if they are there, and return them.

    :raises NotFoundError: when they are deleted already.
    """
    meeting = lock_meeting(participant.meeting_id)
    participant = lock_participant(participant.pk)
    participant.deleted_at = clock.now()
    participant.save(update_fields=["deleted_at", "updated_at"])
    lifecycle.remove_from_session(meeting, participant_ids=[participant.pk], actor=actor)
    _tell(participant, ParticipantRemoved, action="participant.deleted", actor=actor)
    return participant


def _set(participant: Participant, values: ParticipantValues) -> None:
    if "custom_participant_id" in values:
        participant.custom_participant_id = _check_custom_id(values["custom_participant_id"])
    if "name" in values:
        participant.name = check_name(values["name"] or "")
    if "picture" in values:
        participant.picture = values["picture"] or ""
    if "preset_name" in values:
        participant.preset = _get_preset(participant.meeting, name=values["preset_name"])


def _check_custom_id(custom_id: str) -> str:
    checked = check_name(custom_id, field="custom_participant_id")
    if not checked:
        complaint = "Say what you call this participant."
        raise ValidationFailedError(complaint, fields={"custom_participant_id": [complaint]})
    return checked


def _get_preset(meeting: Meeting, *, name: str) -> Preset:
    preset = Preset.objects.for_app(meeting.app).filter(name=name).first()
    if preset is None:
        complaint = f"There is no preset called {name[:255]}."
        raise ValidationFailedError(complaint, fields={"preset_name": [complaint]})
    return preset


def _tell(participant: Participant, event: type[ParticipantAccessEvent], *, action: str, actor: Actor) -> None:
    """Write the change into the audit log, and publish its event."""
    organization = participant.meeting.app.organization
    record(organization=organization, actor=actor, action=action, target=participant, name=str(participant))
    events.publish(event.of_participant(participant, at=clock.now(), actor=actor))
