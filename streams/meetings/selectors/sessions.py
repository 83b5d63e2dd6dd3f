"""What happened in meetings."""

import uuid
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Coalesce, Now

from livehub.core.errors import NotFoundError
from streams.livestreams.models import Session, SessionQuerySet
from streams.meetings.models import (
    Meeting,
    MeetingSession,
    MeetingSessionQuerySet,
    Peer,
    SessionParticipant,
    SessionParticipantQuerySet,
)
from streams.organizations.models import App


@dataclass(frozen=True)
class SessionOrder:
    """By what a list is sorted."""

    field: str
    is_descending: bool

    @property
    def columns(self) -> tuple[str, str]:
        sign = "-" if self.is_descending else ""
        return f"{sign}{self.field}", f"{sign}id"


@dataclass(frozen=True, kw_only=True)
class SessionFilter:
    """Which sessions of an app's meetings; as it comes it keeps them all."""

    meeting_id: UUID | None = None
    # Their ids, or the client's for them; empty for any.
    participants: Collection[str] = ()
    status: str = ""
    # Any part of the meeting's title, or its id or the session's.
    search: str = ""
    created_from: datetime | None = None
    created_until: datetime | None = None


def list_meeting_sessions(*, app: App, wanted: SessionFilter, order: SessionOrder) -> MeetingSessionQuerySet:
    """Return the sessions of the app's meetings that the filter keeps, with their meetings."""
    rows = MeetingSession.objects.for_app(app).select_related("meeting")
    if wanted.meeting_id is not None:
        rows = rows.filter(meeting=wanted.meeting_id)
    if wanted.participants:
        there = SessionParticipant.objects.filter(_who(wanted.participants))
        rows = rows.filter(pk__in=there.values("session"))
    if wanted.status:
        rows = rows.filter(status=wanted.status)
    if wanted.search:
        rows = rows.filter(_matches(wanted.search))
    if wanted.created_from is not None:
        rows = rows.filter(created_at__gte=wanted.created_from)
    if wanted.created_until is not None:
        rows = rows.filter(created_at__lte=wanted.created_until)
    return rows.with_consumed().order_by(*order.columns)


def get_meeting_session(*, app: App, session_id: UUID) -> MeetingSession:
    """Return a session of one of the app's meetings, with its meeting.

    :raises NotFoundError: when there is no such session.
    """
    rows = MeetingSession.objects.for_app(app).select_related("meeting").with_consumed()
    found = list(rows.filter(pk=session_id)[:1])
    if not found:
        raise NotFoundError(f"No session {session_id}.")
    return found[0]


def get_active_session(meeting: Meeting) -> MeetingSession:
    """Return the session of the meeting that is going on.

    :raises NotFoundError: when none is.
    """
    rows = MeetingSession.objects.live().filter(meeting=meeting).with_consumed()
    found = list(rows[:1])
    if not found:
        raise NotFoundError(f"No active session found for meeting_id {meeting.pk}.")
    found[0].meeting = meeting
    return found[0]


def list_session_participants(
    session: MeetingSession, *, search: str, order: SessionOrder
) -> SessionParticipantQuerySet:
    """Return who was in the session, with for how long and in which connections."""
    rows = SessionParticipant.objects.filter(session=session)
    rows = rows.matching(search) if search else rows
    return rows.with_duration().prefetch_related("peers").order_by(*order.columns)


def get_session_participant(*, session: MeetingSession, participant_id: UUID) -> SessionParticipant:
    """Return one who was in the session, by the id of that or by the participant's.

    :raises NotFoundError: when nobody with this id was there.
    """
    rows = SessionParticipant.objects.filter(Q(pk=participant_id) | Q(participant=participant_id), session=session)
    found = list(rows.with_duration().prefetch_related("peers")[:1])
    if not found:
        raise NotFoundError(f"No participant {participant_id} in session {session.pk}.")
    return found[0]


def get_peer(*, app: App, peer_id: UUID) -> SessionParticipant:
    """Return whose connection it is, in the session that it was to.

    :raises NotFoundError: when there is no such connection.
    """
    peers = Peer.objects.filter(pk=peer_id, session_participant__session__meeting__app=app)
    rows = SessionParticipant.objects.filter(pk__in=peers.values("session_participant"))
    found = list(rows.with_duration().prefetch_related("peers")[:1])
    if not found:
        raise NotFoundError(f"No peer {peer_id}.")
    return found[0]


def list_livestream_sessions(session: MeetingSession) -> SessionQuerySet:
    """Return the broadcasts of the meeting's livestreams that were on while the session was, newest first."""
    ended_at = Now() if session.ended_at is None else session.ended_at
    during = Session.objects.filter(livestream__meeting=session.meeting_id, livestream__deleted_at=None)
    overlapping = during.alias(until=Coalesce("stopped_at", Now())).filter(
        created_at__lte=ended_at, until__gte=session.created_at
    )
    return overlapping.with_connections().newest_first()


def _who(ids: Collection[str]) -> Q:
    ours = [found for found in map(_find_uuid, ids) if found]
    theirs = [each.replace("\x00", "") for each in ids]
    return Q(participant__in=ours) | Q(pk__in=ours) | Q(participant__custom_participant_id__in=theirs)


def _matches(search: str) -> Q:
    search = search.replace("\x00", "")
    found = _find_uuid(search)
    return Q(meeting__title__icontains=search) | (Q(pk=found) | Q(meeting=found) if found else Q())


def _find_uuid(text: str) -> UUID | None:
    with suppress(ValueError):
        return uuid.UUID(text)
    return None
