"""Locking and reading rows again: what a caller holds may be stale.

Always in the same order, so that no two transactions wait for each other: livestream, session, lease, connection, and
last the organization whose quotas are counted, which is held only until the commit that follows.
"""

from uuid import UUID

from livehub.core.errors import DomainError, NotFoundError
from streams.livestreams.models import Lease, Livestream, LivestreamQuerySet, Session


class LeaseLostError(DomainError):
    """The session is over, or another worker runs it: stop at once, write nothing."""

    code = "lease_lost"
    http_status = 409


def lock_livestream(livestream_id: UUID) -> Livestream:
    """Return the livestream as it is now, with app, organization and meeting, locked until the transaction ends.

    :raises NotFoundError: when it is deleted.
    """
    livestream = _locked_livestreams().existing().filter(pk=livestream_id).first()
    if livestream is None:
        raise NotFoundError(f"No livestream {livestream_id}.")
    return livestream


def lock_open_session(session_id: UUID) -> Session | None:
    """Return the session with its livestream, both locked; None when it is over."""
    livestream_id = Session.objects.filter(pk=session_id).open().values_list("livestream_id", flat=True).first()
    if livestream_id is None:
        return None
    return find_open_session_of(_locked_livestreams().get(pk=livestream_id), session_id=session_id)


def find_open_session_of(livestream: Livestream, *, session_id: UUID | None = None) -> Session | None:
    """Return the open session of a locked livestream, locked as well; None when it has none (or has another)."""
    sessions = Session.objects.select_for_update().filter(livestream=livestream).open()
    session = (sessions if session_id is None else sessions.filter(pk=session_id)).first()
    if session is not None:
        session.livestream = livestream
    return session


def lock_held_session(lease: Lease) -> Session:
    """Return the session that a worker runs by this lease, locked.

    :raises LeaseLostError: when the session is over or another worker's.
    """
    session = lock_open_session(lease.session_id)
    if session is None or not Lease.objects.select_for_update().filter(pk=session.pk, epoch=lease.epoch).exists():
        raise LeaseLostError(f"Session {lease.session_id} is over, or is another worker's.")
    return session


def _locked_livestreams() -> LivestreamQuerySet:
    # The livestream alone: an app's or an organization's row would make strangers wait for each other.
    return Livestream.objects.select_related("app__organization", "meeting").select_for_update(of=("self",))
