"""What becomes of a session's files on this node, once it is over."""

import logging
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import F, Func, Value

from livehub.core import clock
from streams.livestreams import node_jobs, origin
from streams.livestreams.models import Livestream, Session, SessionQuerySet
from streams.livestreams.storage import local_storage

logger = logging.getLogger(__name__)

# Less than a task's time allows.
_MOST_REMOVED_AT_ONCE = 50
# For how long nobody may have been told of an end: while Redis or a node is away.
_MISSED_FOR = timedelta(days=1)


def finish_playlists(*, session_id: UUID) -> None:
    """Tell players that nothing will follow, where a killed ffmpeg could not; a running session is left alone."""
    session = Session.objects.select_related("livestream").get(pk=session_id)
    if not session.is_open:
        _finish(session)


def _finish(session: Session) -> None:
    for folder in local_storage().finish(session.livestream.playback_id, session_id=session.pk):
        origin.tell_of(folder)


def remove_deleted(*, livestream_id: UUID) -> None:
    """Remove every file of a deleted livestream.

    :raises OSError: when a run that is just ending still writes there: try again.
    """
    livestream = Livestream.objects.filter(pk=livestream_id, deleted_at__isnull=False).first()
    if livestream is not None:
        local_storage().remove(livestream.playback_id)
        _forget_files(Session.objects.filter(livestream=livestream))


def call_for_upkeep() -> None:
    """Have each node look after what it has of sessions that are over.

    :raises BrokerUnavailableError: when nobody knows whether it has been called already.
    """
    holders: set[str] = set()
    for sessions in (_over_lately(), _expired()):
        holders.update(sessions.values_list(Func(F("file_nodes"), function="unnest"), flat=True).distinct())
    for node in sorted(holders):
        node_jobs.keep_up_playback(node)


def keep_up() -> None:
    """Tell players of ends that were missed, and remove files whose time is over, on this node."""
    finish_missed()
    remove_expired()


def finish_missed() -> None:
    """Tell players of the ends that nobody told this node of: Redis may be away just then.

    What cannot be written is logged and tried again.
    """
    for session in _over_lately().with_files_on(settings.NODE).select_related("livestream"):
        try:
            _finish(session)
        except OSError:
            logger.exception("playlists not finished session=%s", session.pk)


def remove_expired() -> int:
    """Remove this node's files of sessions whose retention time is over; return how many sessions.

    What cannot be removed is logged and tried again, after everything else.
    """
    expired = _expired().with_files_on(settings.NODE).select_related("livestream")
    return sum(remove_files(session) for session in expired.order_by("?")[:_MOST_REMOVED_AT_ONCE])


def _over_lately() -> SessionQuerySet:
    return Session.objects.filter(stopped_at__gt=clock.now() - _MISSED_FOR).exclude(file_nodes=[])


def _expired() -> SessionQuerySet:
    before = clock.now() - timedelta(seconds=settings.PLAYBACK_RETENTION_S)
    return Session.objects.filter(stopped_at__lt=before).exclude(file_nodes=[])


def remove_files(session: Session) -> bool:
    """Remove this node's files of a session that is over; tell whether that went well. What does not is logged."""
    try:
        local_storage().remove_session(session.livestream.playback_id, session_id=session.pk)
    except OSError:
        logger.exception("files not removed session=%s", session.pk)
        return False
    _forget_files(Session.objects.filter(pk=session.pk))
    return True


def _forget_files(sessions: SessionQuerySet) -> None:
    """Write down that this node has none of their files any more."""
    remaining = Func(F("file_nodes"), Value(settings.NODE), function="array_remove")
    sessions.filter(file_nodes__contains=[settings.NODE]).update(file_nodes=remaining)
