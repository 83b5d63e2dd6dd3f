"""Finding what nobody reported: sessions that no worker runs, and encoders that are gone."""

import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import DurationField, Exists, ExpressionWrapper, F, OuterRef, Q, Value

from livehub.core import clock
from livehub.core.deadline import deadline
from livehub.core.outage import DATABASE_OUTAGE, describe
from streams.livestreams import encoders, lifecycle, node_jobs, places
from streams.livestreams.encoders import IngestSource
from streams.livestreams.leases import LEASE_TTL
from streams.livestreams.locks import lock_open_session
from streams.livestreams.models import Connection, Lease, Session
from streams.livestreams.states import EndReason, EventKind, SessionStatus

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
    """Close sessions whose encoder has left or is lost, and call a worker for those that nobody runs.

    One that cannot be closed now (its row is locked) is left to the next sweep, and keeps nobody else waiting.

    :raises BrokerUnavailableError: when nobody knows whether workers have been called already.
    """
    _end_left()
    _end_lost()
    _end_overdue()
    # Last: it alone needs the broker, without which it could call nobody either.
    _call_workers()


def _end_left() -> None:
    """End sessions whose encoder left a while ago, whoever holds their lease: that worker gets nowhere."""
    still = Q(disconnected_at=None) | Q(disconnected_at__gt=clock.now() - _LEAVING_GRACE)
    around = Connection.objects.filter(still, session=OuterRef("pk"))
    for session in Session.objects.open().exclude(Exists(around)):
        _end(session, reason=EndReason.ENCODER_STOPPED)


def _end_lost() -> None:
    """End sessions whose encoder was not heard of lately, if its node does not know it either.

    Another node's sweep cannot ask that node: it goes by when the encoder was heard of, so what a node says counts.
    """
    now = clock.now()
    unheard = Connection.objects.filter(disconnected_at=None, last_seen_at__lt=now - _REPORTS_MISSED)
    connections = list(unheard.select_related("session"))
    publishing = encoders.list_publishing({connection.node for connection in connections})
    for connection in connections:
        # Unless it was heard of while its node was asked.
        row = unheard.filter(pk=connection.pk, last_seen_at=connection.last_seen_at)
        names = publishing.get(connection.node)
        if names is not None and IngestSource.of(connection).name in names:
            with _unless_locked(connection.session):
                row.update(last_seen_at=now)
        elif names is not None or connection.last_seen_at < now - _SILENCE_LIMIT:
            with _unless_locked(connection.session):
                row.update(disconnected_at=now)
            _end(connection.session, reason=EndReason.ENCODER_LOST)


def _end_overdue() -> None:
    """End sessions that have lasted as long as their livestream allows; their encoders are kept from coming back."""
    limit = ExpressionWrapper(
        F("livestream__max_runtime_s") * Value(timedelta(seconds=1), output_field=DurationField()),
        output_field=DurationField(),
    )
    limited = Session.objects.open().filter(livestream__max_runtime_s__isnull=False).annotate(limit=limit)
    for session in limited.filter(created_at__lte=clock.now() - F("limit")):
        _end(session, reason=EndReason.RUNTIME_OVER)


def _call_workers() -> None:
    claimable = Lease.objects.claimable().filter(session=OuterRef("pk"))
    waiting = Session.objects.open().filter(Exists(claimable), created_at__lt=clock.now() - LEASE_TTL)
    for session in waiting.filter(lease__epoch=0).exclude(events__kind=EventKind.QUEUED):
        with _unless_locked(session):
            places.note_waiting(session.pk)
    newest = Connection.objects.filter(session__in=waiting).order_by("session", "-connected_at").distinct("session")
    by_node = defaultdict[str, list[UUID]](list)
    for node, session_id in newest.values_list("node", "session_id"):
        by_node[node].append(session_id)
    for node, session_ids in by_node.items():
        node_jobs.run_waiting(session_ids, node=node)


def _end(session: Session, *, reason: EndReason) -> None:
    """Close a session if, now that it is locked, there is still reason to."""
    with _unless_locked(session):
        locked = lock_open_session(session.pk)
        if locked is None or not _has_to_end(locked, reason):
            return
        lifecycle.close_session(locked, new=SessionStatus.ENDED, reason=reason)
        if reason == EndReason.RUNTIME_OVER:
            lifecycle.hold_off(locked.livestream)


def _has_to_end(session: Session, reason: EndReason) -> bool:
    if reason != EndReason.RUNTIME_OVER:
        # Its encoder may be there again.
        return not session.has_encoder()
    limit_s = session.livestream.max_runtime_s
    return limit_s is not None and session.created_at + timedelta(seconds=limit_s) <= clock.now()


@contextmanager
def _unless_locked(session: Session) -> Iterator[None]:
    """Leave the transaction of the block to the next sweep when a row is locked for longer than others can wait."""
    try:
        with deadline(_LOCK_TIMEOUT_S), transaction.atomic():
            yield
    except DATABASE_OUTAGE as error:
        logger.warning("session not closed yet session=%s %s", session.pk, describe(error))
