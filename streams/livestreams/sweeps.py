"""Finding what nobody reported: sessions that no worker runs, and encoders that are gone."""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from livehub.core import clock, jobs
from livehub.core.deadline import deadline
from livehub.core.outage import DATABASE_OUTAGE, describe
from streams.livestreams import encoders, lifecycle
from streams.livestreams.encoders import IngestSource
from streams.livestreams.leases import LEASE_TTL
from streams.livestreams.locks import lock_open_session
from streams.livestreams.models import Connection, Lease, Session
from streams.livestreams.states import EndReason, SessionStatus

logger = logging.getLogger(__name__)

# How long a worker may work off what an encoder sent that has left.
_LEAVING_GRACE = timedelta(seconds=10)
# The ingest server reports each encoder every 10 s; one that it has not reported for this long is asked for.
_REPORTS_MISSED = timedelta(seconds=30)
# An ingest server that has not answered for this long has lost its encoders.
_SILENCE_LIMIT = timedelta(minutes=5)
# The other sessions wait meanwhile.
_LOCK_TIMEOUT_S = 0.5


def sweep_sessions() -> None:
    """Call a worker for sessions that nobody runs, and close those whose encoder has left or is lost.

    One that cannot be closed now (its row is locked) is left to the next sweep, and keeps nobody else waiting.
    """
    _call_workers()
    _end_left()
    _end_lost()


def _end_left() -> None:
    """End sessions whose encoder left a while ago, whoever holds their lease: that worker gets nowhere."""
    still = Q(disconnected_at=None) | Q(disconnected_at__gt=clock.now() - _LEAVING_GRACE)
    around = Connection.objects.filter(still, session=OuterRef("pk"))
    for session in Session.objects.open().exclude(Exists(around)):
        _end(session, reason=EndReason.ENCODER_STOPPED)


def _end_lost() -> None:
    """End sessions whose encoder was not heard of lately, if its node does not know it either."""
    now = clock.now()
    unheard = Connection.objects.filter(disconnected_at=None, last_seen_at__lt=now - _REPORTS_MISSED)
    connections = list(unheard.select_related("session"))
    publishing = encoders.list_publishing({connection.node for connection in connections})
    for connection in connections:
        names = publishing.get(connection.node)
        is_gone = names is not None and IngestSource.of(connection).name not in names
        is_given_up = names is None and connection.last_seen_at < now - _SILENCE_LIMIT
        if is_gone or is_given_up:
            # Unless it was heard of while its node was asked.
            unheard.filter(pk=connection.pk, last_seen_at=connection.last_seen_at).update(disconnected_at=now)
            _end(connection.session, reason=EndReason.ENCODER_LOST)


def _call_workers() -> None:
    claimable = Lease.objects.claimable().filter(session=OuterRef("pk"))
    waiting = Session.objects.open().filter(Exists(claimable), created_at__lt=clock.now() - LEASE_TTL)
    for session_id in waiting.values_list("pk", flat=True):
        # The next sweep calls again.
        jobs.enqueue("streams.run_session", session_id=session_id, expires_s=LEASE_TTL.total_seconds())


def _end(session: Session, *, reason: EndReason) -> None:
    """Close a session if, now that it is locked, its encoder is not there (again)."""
    try:
        with deadline(_LOCK_TIMEOUT_S), transaction.atomic():
            locked = lock_open_session(session.pk)
            if locked is not None and not locked.has_encoder():
                lifecycle.close_session(locked, new=SessionStatus.ENDED, reason=reason)
    except DATABASE_OUTAGE as error:
        logger.warning("session not closed yet session=%s %s", session.pk, describe(error))
