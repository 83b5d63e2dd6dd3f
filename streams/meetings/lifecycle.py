"""The life of a meeting's sessions: who comes and goes, and when a session begins and ends.

Every step is made with the meeting locked. The media layer calls `join_meeting` and `leave_meeting` once for each
connection.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from livehub.core import clock, events
from livehub.core.errors import DomainError, NotFoundError
from livehub.core.states import swap_status
from streams.meetings import broadcasts
from streams.meetings.events import MeetingEnded, MeetingStarted, ParticipantJoined, ParticipantLeft
from streams.meetings.locks import find_live_session, lock_meeting
from streams.meetings.models import Meeting, MeetingSession, Participant, Peer, SessionParticipant
from streams.meetings.states import (
    MEETING_SESSION_MACHINE,
    LeaveReason,
    MeetingEndReason,
    MeetingSessionStatus,
    MeetingStatus,
)
from streams.meetings.tokens import ParticipantTokenRejectedError
from streams.organizations.services import SYSTEM, Actor


class MeetingInactiveError(DomainError):
    """The meeting is there, but nobody may join it."""

    code = "meeting_inactive"
    http_status = 403


@transaction.atomic
def join_meeting(*, participant: Participant) -> Peer:
    """Let a participant's connection into the meeting's session, and return it; the first one opens a session.

    :raises NotFoundError: when the participant is deleted.
    :raises ParticipantTokenRejectedError: when their tokens have been revoked since they were read by one.
    :raises MeetingInactiveError: when the meeting cannot be joined.
    """
    meeting = lock_meeting(participant.meeting_id)
    found = Participant.objects.of_meeting(meeting).filter(pk=participant.pk).first()
    if found is None:
        raise NotFoundError(f"No participant {participant.pk}.")
    if found.token_revision != participant.token_revision:
        raise ParticipantTokenRejectedError
    if meeting.status != MeetingStatus.ACTIVE:
        raise MeetingInactiveError("This meeting is not active. Set its status to ACTIVE, and join again.")
    session = find_live_session(meeting) or _open_session(meeting)
    peer = _let_in(found, session=session)
    _count(session)
    events.publish(ParticipantJoined.of_peer(peer, session=session, at=peer.joined_at, actor=SYSTEM))
    return peer


@transaction.atomic
def leave_meeting(*, peer: Peer, reason: LeaveReason = LeaveReason.LEFT, actor: Actor = SYSTEM) -> None:
    """Take note that a connection is over; doing it again changes nothing.

    When nobody is left, the session ends after the meeting's time to keep it alive.
    """
    meeting = lock_meeting(peer.session_participant.session.meeting_id)
    connected = _connected(meeting).filter(pk=peer.pk)
    session = find_live_session(meeting)
    if session is not None:
        _close(connected, session=session, reason=reason, actor=actor)
        _count(session)


def remove_from_session(
    meeting: Meeting, *, participant_ids: Collection[UUID], actor: Actor
) -> list[SessionParticipant]:
    """Take participants out of the locked meeting's session, and return those who were there."""
    session = find_live_session(meeting)
    if session is None:
        return []
    connected = _connected(meeting).filter(session_participant__participant__in=participant_ids)
    removed = _close(connected, session=session, reason=LeaveReason.REMOVED, actor=actor)
    _count(session)
    return removed


def end_session(session: MeetingSession, *, reason: MeetingEndReason, actor: Actor = SYSTEM) -> int:
    """End the locked meeting's session and its livestream, and return how many participants were there.

    :raises StaleStatusError: when it has ended already.
    """
    everybody = _connected(session.meeting)
    removed = _close(everybody, session=session, reason=LeaveReason.REMOVED, actor=actor)
    _count(session)
    now = clock.now()
    changes = {"ended_at": now, "end_reason": reason, "ends_at": None, "updated_at": now}
    swap_status(session, machine=MEETING_SESSION_MACHINE, new=MeetingSessionStatus.ENDED, **changes)
    events.publish(MeetingEnded.of_session(session, at=now, actor=actor, reason=reason.label, end_reason=reason.value))
    broadcasts.stop_if_active(session.meeting, actor=actor)
    return len(removed)


@transaction.atomic
def end_if_abandoned(*, session: MeetingSession) -> None:
    """End a session if, now that its meeting is locked, nobody has been there for long enough."""
    locked = find_live_session(lock_meeting(session.meeting_id))
    if locked is not None and locked.pk == session.pk and locked.ends_at and locked.ends_at <= clock.now():
        end_session(locked, reason=MeetingEndReason.EVERYBODY_LEFT)


def _open_session(meeting: Meeting) -> MeetingSession:
    session = MeetingSession.objects.create(meeting=meeting, app_id=meeting.app_id)
    events.publish(MeetingStarted.of_session(session, at=session.created_at, actor=SYSTEM))
    if meeting.live_stream_on_start:
        broadcasts.start_with_session(meeting)
    return session


def _let_in(participant: Participant, *, session: MeetingSession) -> Peer:
    known, is_new = SessionParticipant.objects.get_or_create(session=session, participant=participant)
    if not is_new:
        known.left_at = None
        known.save(update_fields=["left_at", "updated_at"])
    known.participant = participant
    return Peer.objects.create(session_participant=known)


def _close(
    peers: QuerySet[Peer], *, session: MeetingSession, reason: LeaveReason, actor: Actor
) -> list[SessionParticipant]:
    """End these connections, say so for each, and return those participants who are gone by that."""
    now = clock.now()
    touched: dict[UUID, SessionParticipant] = {}
    ended = list(peers)
    for peer in ended:
        known = touched.setdefault(peer.session_participant_id, peer.session_participant)
        stay = peer.stay(until=now)
        peer.left_at, peer.leave_reason = now, reason
        known.ended_stays += stay
        session.ended_stays += stay
    Peer.objects.bulk_update(ended, ["left_at", "leave_reason"])
    gone = _note_left(touched, at=now)
    told = {"reason": reason.label, "leave_reason": reason.value}
    events.publish_all([ParticipantLeft.of_peer(peer, session=session, at=now, actor=actor, **told) for peer in ended])
    return gone


def _note_left(touched: Mapping[UUID, SessionParticipant], *, at: datetime) -> list[SessionParticipant]:
    """Write down for how long these were there, and return those who have no connection left."""
    still_there = Peer.objects.connected().filter(session_participant__in=touched)
    present = set(still_there.values_list("session_participant_id", flat=True))
    for known in touched.values():
        known.left_at = None if known.pk in present else at
        known.updated_at = at
    SessionParticipant.objects.bulk_update(touched.values(), ["left_at", "ended_stays", "updated_at"])
    return [known for known in touched.values() if known.left_at]


def _count(session: MeetingSession) -> None:
    """Write down how many are there, and when the session ends if nobody is."""
    session.live_participants = session.participants.present().count()
    session.max_concurrent_participants = max(session.max_concurrent_participants, session.live_participants)
    keep_alive = timedelta(seconds=session.meeting.session_keep_alive_s)
    if session.live_participants:
        session.ends_at = None
    elif session.ends_at is None:
        session.ends_at = clock.now() + keep_alive
    counted = ["live_participants", "max_concurrent_participants", "ended_stays", "ends_at"]
    session.save(update_fields=[*counted, "updated_at"])


def _connected(meeting: Meeting) -> QuerySet[Peer]:
    """Return the connections that are there, oldest first, with their participants."""
    peers = Peer.objects.connected().filter(session_participant__session__meeting=meeting)
    return peers.select_related("session_participant__participant").order_by("joined_at", "id")
