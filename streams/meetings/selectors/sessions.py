"""What happened in meetings."""

import uuid
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce, Now

from livehub.core.errors import NotFoundError
from streams.livestreams.models import Session, SessionQuerySet
from streams.meetings.models import (
    Meeting,
    MeetingCount,
    MeetingSession,
    MeetingSessionQuerySet,
    Participant,
    SessionParticipant,
    SessionParticipantQuerySet,
)
from streams.meetings.states import MeetingSessionStatus
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

    @property
    def is_by_status_at_most(self) -> bool:
        times = self.created_from or self.created_until
        return not (self.meeting_id or self.participants or self.search or times)


@dataclass(frozen=True)
class FoundSessions:
    """What a filter keeps, in order and not read yet."""

    rows: MeetingSessionQuerySet
    app: App
    wanted: SessionFilter
    # The same in no order.
    kept: MeetingSessionQuerySet

    def count(self) -> int:
        """Return how many there are: of an app's sessions few go on, and how many there are in all is kept."""
        if not self.wanted.is_by_status_at_most:
            return self.kept.count()
        live = MeetingSession.objects.for_app(self.app).live()
        if self.wanted.status == MeetingSessionStatus.LIVE:
            return live.count()
        total = sum(MeetingCount.objects.filter(app=self.app).values_list("sessions", flat=True))
        # Not below none: a session may have begun between the queries.
        return max(0, total - live.count()) if self.wanted.status else total


@dataclass(frozen=True)
class FoundStays:
    """Who was in a session, in order and not read yet."""

    rows: SessionParticipantQuerySet
    # The same in no order, and without what each has beside.
    kept: SessionParticipantQuerySet


def list_meeting_sessions(*, app: App, wanted: SessionFilter, order: SessionOrder, until: int) -> FoundSessions:
    """Return the sessions of the app's meetings that the filter keeps, with their meetings; at least the first."""
    kept = _kept(MeetingSession.objects.for_app(app), wanted)
    if order.field == "consumed":
        rows = kept.by_consumed(is_descending=order.is_descending, until=until)
    else:
        rows = kept.select_related("meeting").with_consumed()
    return FoundSessions(rows.order_by(*order.columns), app, wanted, kept)


def _kept(rows: MeetingSessionQuerySet, wanted: SessionFilter) -> MeetingSessionQuerySet:
    if wanted.meeting_id is not None:
        rows = rows.filter(meeting=wanted.meeting_id)
    if wanted.participants:
        rows = rows.filter(pk__in=_sessions_with(wanted.participants))
    if wanted.status:
        rows = rows.filter(status=wanted.status)
    if wanted.search:
        rows = _matching(rows, wanted.search)
    if wanted.created_from is not None:
        rows = rows.filter(created_at__gte=wanted.created_from)
    if wanted.created_until is not None:
        rows = rows.filter(created_at__lte=wanted.created_until)
    return rows


def get_meeting_session(*, app: App, session_id: UUID) -> MeetingSession:
    """Return a session of one of the app's meetings, with its meeting.

    :raises NotFoundError: when there is no such session.
    """
    rows = MeetingSession.objects.for_app(app).select_related("meeting").with_consumed()
    found = list(rows.filter(pk=session_id)[:1])
    if not found:
        raise NotFoundError(f"No session {session_id}.")
    return found[0]


def get_bare_session(*, app: App, session_id: UUID) -> MeetingSession:
    """Return the same without its meeting and without what was consumed, for what is read of it.

    :raises NotFoundError: when there is no such session.
    """
    found = list(MeetingSession.objects.for_app(app).filter(pk=session_id)[:1])
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
    session: MeetingSession, *, search: str, order: SessionOrder, with_peers: bool
) -> FoundStays:
    """Return who was in the session, with for how long, and if wanted in which connections."""
    kept = SessionParticipant.objects.filter(session=session)
    kept = kept.matching(search) if search else kept
    rows = kept.with_duration()
    rows = rows.by_duration() if order.field == "duration" else rows
    rows = rows.with_peers() if with_peers else rows
    return FoundStays(rows.order_by(*order.columns), kept)


def get_session_participant(
    *, app: App, session_id: UUID, participant_id: UUID, with_peers: bool
) -> SessionParticipant:
    """Return one who was in the session, by the id of that or by the participant's.

    :raises NotFoundError: when there is no such session, or nobody with this id was there.
    """
    rows = SessionParticipant.objects.filter(session=session_id, session__app=app)
    rows = rows.filter(Q(pk=participant_id) | Q(participant=participant_id)).with_duration()
    found = list((rows.with_peers() if with_peers else rows)[:1])
    if not found:
        session = get_bare_session(app=app, session_id=session_id)
        raise NotFoundError(f"No participant {participant_id} in session {session.pk}.")
    return found[0]


def get_peer(*, app: App, peer_id: UUID, with_peers: bool) -> SessionParticipant:
    """Return whose connection it is, in the session that it was to.

    :raises NotFoundError: when there is no such connection.
    """
    rows = SessionParticipant.objects.filter(peers=peer_id, session__app=app).with_duration()
    found = list((rows.with_peers() if with_peers else rows)[:1])
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
    return overlapping.with_taken_in().newest_first()


def _sessions_with(ids: Collection[str]) -> QuerySet[SessionParticipant, object]:
    """Return the ids of the sessions in which one of these took part, each found by an index of its own."""
    ours = [found for found in map(_find_uuid, ids) if found]
    theirs = Participant.objects.filter(custom_participant_id__in=[each.replace("\x00", "") for each in ids])
    stays = SessionParticipant.objects.values("session")
    by_our_ids = stays.filter(Q(participant__in=ours) | Q(pk__in=ours))
    return by_our_ids.union(stays.filter(participant__in=theirs), all=True)


def _matching(rows: MeetingSessionQuerySet, search: str) -> MeetingSessionQuerySet:
    search = search.replace("\x00", "")
    by_title, found = rows.filter(meeting__title__icontains=search), _find_uuid(search)
    if found is None:
        return by_title
    # Each by an index of its own, which no condition over two tables would be.
    ids = (rows.filter(pk=found).values("pk"), rows.filter(meeting=found).values("pk"))
    return rows.filter(pk__in=by_title.values("pk").union(*ids))


def _find_uuid(text: str) -> UUID | None:
    with suppress(ValueError):
        return uuid.UUID(text)
    return None
