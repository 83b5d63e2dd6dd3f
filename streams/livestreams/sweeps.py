"""Finding what nobody reported: sessions that no worker runs, and encoders that are gone."""

import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import DurationField, Exists, ExpressionWrapper, F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce

from livehub.core import clock, jobs
from livehub.core.deadline import deadline
from livehub.core.outage import DATABASE_OUTAGE, describe
from streams.livestreams import absences, encoders, leases, lifecycle, node_jobs, places, pulls
from streams.livestreams.encoders import IngestSource
from streams.livestreams.leases import LEASE_TTL
from streams.livestreams.locks import lock_open_session
from streams.livestreams.models import Connection, Lease, PullSource, Session
from streams.livestreams.states import EndReason, EventKind, SessionStatus
from streams.livestreams.worker_locks import WorkerLocks

logger = logging.getLogger(__name__)

# How long a worker may work off what an encoder sent that has left.
_LEAVING_GRACE = timedelta(seconds=10)
# The ingest server reports each encoder every 10 s; one that it has not reported for this long is asked for.
_REPORTS_MISSED = timedelta(seconds=30)
# An ingest server that has not answered for this long has lost its encoders.
_SILENCE_LIMIT = timedelta(minutes=5)
# After a broadcast that has lasted too long its encoder stays away, whatever the livestream says of others.
_OVERDUE_HOLD = timedelta(minutes=1)
# The other sessions wait meanwhile.
_LOCK_TIMEOUT_S = 0.5
# Of one sweep; the next one calls for the others.
_PULLS_AT_ONCE = 50


def sweep_sessions() -> None:
    """Close sessions whose encoder has left or is lost for good, and call a worker for those that nobody runs.

    One that cannot be closed now (its row is locked) is left to the next sweep, and keeps nobody else waiting.

    :raises BrokerUnavailableError: when nobody knows whether workers have been called already.
    """
    _end_left()
    _end_lost()
    _end_overdue()
    # Last: these need the broker, without which they could call nobody either.
    _call_workers()
    _call_for_pulls()


def call_for_sessions_of_the_dead(locks: WorkerLocks) -> None:
    """Have this node run what workers of its own held that are gone, without waiting for their leases to end."""
    with locks.of_the_dead() as names:
        for session_id in leases.free_leases_of(names) if names else ():
            node_jobs.run_session(session_id, node=settings.NODE)


def _end_left() -> None:
    """End sessions whose encoder left a while ago, whoever holds their lease: that worker gets nowhere.

    One that is waited for has until then.
    """
    now = clock.now()
    still = Q(disconnected_at=None) | Q(disconnected_at__gt=now - _LEAVING_GRACE)
    around = Connection.objects.filter(still, session=OuterRef("pk"))
    waiting = Q(reconnect_until__isnull=False, reconnect_until__gt=now)
    for session in Session.objects.open().exclude(waiting).exclude(Exists(around)):
        with _unless_locked(session):
            locked = lock_open_session(session.pk)
            # Its encoder may be there again.
            if locked is not None and not absences.is_waiting(locked):
                absences.end(locked)


def _end_lost() -> None:
    """Find encoders that were not heard of lately, if their node does not know them either: they have left.

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
                locked = lock_open_session(connection.session_id)
                if locked is not None:
                    absences.note_departure(locked, left=row, reason=EndReason.ENCODER_LOST)


def _end_overdue() -> None:
    """End sessions that have lasted as long as their livestream allows; their encoders are kept from coming back."""
    limit = ExpressionWrapper(
        F("livestream__max_runtime_s") * Value(timedelta(seconds=1), output_field=DurationField()),
        output_field=DurationField(),
    )
    limited = Session.objects.open().filter(livestream__max_runtime_s__isnull=False).annotate(limit=limit)
    for session in limited.filter(created_at__lte=clock.now() - F("limit")):
        with _unless_locked(session):
            locked = lock_open_session(session.pk)
            if locked is not None and _is_overdue(locked):
                lifecycle.close_session(locked, new=SessionStatus.ENDED, reason=EndReason.RUNTIME_OVER)
                lifecycle.hold_off(locked.livestream, hold=_OVERDUE_HOLD)


def _call_workers() -> None:
    claimable = Lease.objects.claimable().filter(session=OuterRef("pk"))
    waiting = Session.objects.open().filter(Exists(claimable), created_at__lt=clock.now() - LEASE_TTL)
    for session in waiting.filter(lease__epoch=0).exclude(events__kind=EventKind.QUEUED):
        with _unless_locked(session):
            places.note_waiting(session.pk)
    # Of an encoder that is there, else of the one that left last: nulls come first.
    stays = Connection.objects.filter(session=OuterRef("pk")).order_by("-disconnected_at")
    at = Coalesce(Subquery(stays.values("node")[:1]), F("standby_node"))
    by_node = defaultdict[str, list[UUID]](list)
    for node, session_id in waiting.values_list(at, "pk"):
        # One that has lost its encoder's row is ended by the same sweep.
        if node:
            by_node[node].append(session_id)
    for node, session_ids in by_node.items():
        node_jobs.run_waiting(session_ids, node=node)


def _call_for_pulls() -> None:
    """Call a worker for sources that nobody fetches: its worker has died, or the message has got lost."""
    waiting = list(PullSource.objects.claimable().order_by("lease_until")[:_PULLS_AT_ONCE])
    if waiting and jobs.count_waiting(settings.CELERY_TASK_DEFAULT_QUEUE) < _PULLS_AT_ONCE:
        for pull in waiting:
            pulls.call_for(pull)


def _is_overdue(session: Session) -> bool:
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
