"""What a host does in a session: taking people out, silencing them, asking them something."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from livehub.core import clock, events
from livehub.core.errors import NotFoundError
from streams.meetings import lifecycle
from streams.meetings.events import ParticipantsMuted, PollCreated
from streams.meetings.locks import get_live_session, lock_meeting
from streams.meetings.models import Meeting, MeetingSession, Poll, SessionParticipant
from streams.meetings.states import MeetingEndReason
from streams.organizations.services import Actor, record


@dataclass(frozen=True)
class Chosen:
    """Of whom a host speaks: by the ids that we or that the client gave them."""

    participant_ids: Collection[UUID]
    custom_participant_ids: Collection[str]


@transaction.atomic
def kick(*, meeting: Meeting, chosen: Chosen, actor: Actor) -> list[SessionParticipant]:
    """Take participants out of the session that is going on, and return those who were there; they may come again.

    :raises NotFoundError: when no session is going on, or none of them is in it.
    """
    session = get_live_session(lock_meeting(meeting.pk))
    present = _find_present(session, chosen)
    participant_ids = [each.participant_id for each in present]
    lifecycle.remove_from_session(session.meeting, participant_ids=participant_ids, actor=actor)
    _record(session, action="meeting.participants_kicked", actor=actor, participants=_names(present))
    return present


@transaction.atomic
def kick_all(*, meeting: Meeting, actor: Actor) -> int:
    """End the session that is going on, and return how many participants were in it.

    :raises NotFoundError: when none is going on.
    """
    session = get_live_session(lock_meeting(meeting.pk))
    kicked = lifecycle.end_session(session, reason=MeetingEndReason.HOST_ENDED, actor=actor)
    _record(session, action="meeting.all_kicked", actor=actor, kicked=kicked)
    return kicked


@transaction.atomic
def mute(*, meeting: Meeting, chosen: Chosen, actor: Actor) -> list[SessionParticipant]:
    """Silence participants, and return those who are there; they may unmute themselves.

    :raises NotFoundError: when no session is going on, or none of them is in it.
    """
    session = get_live_session(lock_meeting(meeting.pk))
    present = _find_present(session, chosen)
    _mute(session, present, may_unmute=True, actor=actor)
    _record(session, action="meeting.participants_muted", actor=actor, participants=_names(present))
    return present


@transaction.atomic
def mute_all(*, meeting: Meeting, allows_unmute: bool, actor: Actor) -> int:
    """Silence everybody who is there, and return how many that are.

    :raises NotFoundError: when no session is going on.
    """
    session = get_live_session(lock_meeting(meeting.pk))
    present = list(session.participants.present())
    _mute(session, present, may_unmute=allows_unmute, actor=actor)
    _record(session, action="meeting.all_muted", actor=actor, muted=len(present), allows_unmute=allows_unmute)
    return len(present)


@transaction.atomic
def create_poll(
    *, meeting: Meeting, question: str, options: list[str], is_anonymous: bool, hides_votes: bool, actor: Actor
) -> Poll:
    """Ask everybody in the session that is going on.

    :raises NotFoundError: when none is going on.
    """
    session = get_live_session(lock_meeting(meeting.pk))
    poll = Poll.objects.create(
        session=session, question=question, options=options, is_anonymous=is_anonymous, hides_votes=hides_votes
    )
    _record(session, action="meeting.poll_created", actor=actor, poll_id=str(poll.pk))
    events.publish(PollCreated.of_session(session, at=poll.created_at, actor=actor, poll=poll))
    return poll


def _find_present(session: MeetingSession, chosen: Chosen) -> list[SessionParticipant]:
    ours = Q(participant__in=chosen.participant_ids) | Q(pk__in=chosen.participant_ids)
    theirs = Q(participant__custom_participant_id__in=chosen.custom_participant_ids)
    present = session.participants.present().select_related("participant").filter(ours | theirs)
    found = list(present.order_by("joined_at", "id"))
    if not found:
        raise NotFoundError(f"None of these participants is in the session of meeting {session.meeting_id}.")
    return found


def _mute(session: MeetingSession, present: list[SessionParticipant], *, may_unmute: bool, actor: Actor) -> None:
    now = clock.now()
    rows = SessionParticipant.objects.filter(pk__in=[each.pk for each in present])
    rows.update(is_muted=True, may_unmute=may_unmute, updated_at=now)
    participant_ids = tuple(each.participant_id for each in present)
    events.publish(
        ParticipantsMuted.of_session(
            session, at=now, actor=actor, participant_ids=participant_ids, may_unmute=may_unmute
        )
    )


def _names(present: list[SessionParticipant]) -> list[str]:
    return [each.participant.custom_participant_id for each in present]


def _record(session: MeetingSession, *, action: str, actor: Actor, **detail: object) -> None:
    meeting = session.meeting
    record(organization=meeting.app.organization, actor=actor, action=action, target=meeting, **detail)
