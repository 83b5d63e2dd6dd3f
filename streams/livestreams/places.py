"""Sessions beyond what the workers of their machine can carry: they wait, and it is told why."""

from uuid import UUID

from django.db import transaction

from livehub.core import clock, events
from streams.livestreams.events import SessionQueued
from streams.livestreams.locks import lock_open_session
from streams.livestreams.models import SessionEvent
from streams.livestreams.selectors import why_it_waits
from streams.livestreams.states import EventKind
from streams.organizations.services import SYSTEM


@transaction.atomic
def note_waiting(session_id: UUID) -> None:
    """Write down, once, that a session waits for a free place; one that does not changes nothing."""
    session = lock_open_session(session_id)
    if session is None or session.events.filter(kind=EventKind.QUEUED).exists():
        return
    reason = why_it_waits(session)
    if reason:
        now = clock.now()
        SessionEvent.objects.create(session=session, kind=EventKind.QUEUED, at=now, reason=reason)
        events.publish(SessionQueued.of(session.livestream, at=now, actor=SYSTEM, session_id=session.pk))
