"""The broadcasts of a livestream."""

from uuid import UUID

from livehub.core.errors import NotFoundError
from streams.livestreams.models import Livestream, Session, SessionEvent, SessionEventQuerySet, SessionQuerySet
from streams.organizations.models import App


def list_sessions(livestream: Livestream) -> SessionQuerySet:
    """Return the livestream's sessions with their connections, newest first."""
    return Session.objects.filter(livestream=livestream).with_connections().newest_first()


def find_open_session(livestream: Livestream) -> Session | None:
    """Return the broadcast that is going on, if one is."""
    return list_sessions(livestream).open().first()


def find_played_session(livestream: Livestream) -> Session | None:
    """Return the broadcast that is played there: the one that is live, else the last one, as long as its files stay."""
    newest = Session.objects.filter(livestream=livestream).newest_first().first()
    if newest is None or not (newest.is_recorded or newest.is_playable):
        return None
    return newest


def get_open_session(livestream: Livestream) -> Session:
    """Return the broadcast that is going on, with what its encoder sends now as `measured`.

    :raises NotFoundError: when none is.
    """
    found = list(
        Session.objects.filter(livestream=livestream).open().select_related("lease").with_taken_in().with_measured()[:1]
    )
    if not found:
        raise NotFoundError(f"No active session for livestream {livestream.pk}.")
    return found[0]


def list_events(session: Session) -> SessionEventQuerySet:
    """Return what happened to the session, as people are told it: newest first."""
    return SessionEvent.objects.filter(session=session).for_people()


def get_session(*, app: App, session_id: UUID) -> Session:
    """Return a session of one of the app's livestreams.

    :raises NotFoundError: when there is no such session, or its livestream is deleted.
    """
    found = list(Session.objects.for_app(app).with_taken_in().filter(pk=session_id)[:1])
    if not found:
        raise NotFoundError(f"No livestream session {session_id}.")
    return found[0]
