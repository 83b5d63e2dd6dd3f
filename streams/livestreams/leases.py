"""What the worker that runs a session may write, for as long as it holds the session's lease."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from livehub.core import clock, events
from livehub.core.lengths import length_words
from streams.livestreams import absences, node_jobs
from streams.livestreams.events import SessionInterrupted, SessionResumed
from streams.livestreams.lifecycle import change_status, close_session, note, tell_pages
from streams.livestreams.locks import LeaseLostError, lock_held_session, lock_open_session
from streams.livestreams.models import Connection, Lease, Session
from streams.livestreams.states import EndReason, EventKind, SessionStatus
from streams.organizations.services import SYSTEM

# A worker renews its lease every second; after this long without, another may take the session over.
LEASE_TTL = timedelta(seconds=5)
_INSTANT = timedelta(milliseconds=1)


@transaction.atomic
def claim_session(*, session_id: UUID, worker: str, node: str) -> Lease | None:
    """Take the lease of an open session that nobody holds and that may be run already, or return None.

    Its encoder may be away: then it is to be waited for. Leases are measured by the database's clock, which all workers
    share.
    """
    session = lock_open_session(session_id)
    free = Lease.objects.claimable().filter(pk=session_id)
    is_lapsed = free.filter(until__isnull=False).exists()
    if session is None:
        return None
    changes = {"worker": worker, "until": Now() + LEASE_TTL, "connection": session.connection}
    if not free.update(epoch=F("epoch") + 1, **changes):
        return None
    lease = Lease.objects.get(pk=session_id)
    if node not in session.file_nodes:
        session.file_nodes.append(node)
        session.save(update_fields=["file_nodes", "updated_at"])
    if is_lapsed:
        note_interruption(session, EventKind.RUN_LOST, reason="A part of LiveHub stopped; another one goes on")
    # A disk may stay full for hours: a start every few seconds is no news then.
    if _newest_kind(session) != EventKind.RUN_POSTPONED:
        note(session, EventKind.RUN_STARTED, epoch=lease.epoch, worker=worker, node=node)
    return lease


def renew_lease(lease: Lease) -> None:
    """Keep the session for another `LEASE_TTL`.

    :raises LeaseLostError: when it is over or another worker's.
    """
    if not Lease.objects.filter(pk=lease.pk, epoch=lease.epoch).update(until=Now() + LEASE_TTL):
        raise LeaseLostError(f"Session {lease.session_id} is over, or is another worker's.")


def note_media(connection: Connection, *, media_ms: int, **values: object) -> None:
    """Write down how much media came over a connection in all, and other values of it as they are by then.

    Call it with the lease just renewed.
    """
    more = Connection.objects.filter(pk=connection.pk, media_ms__lt=media_ms)
    more.update(media_ms=media_ms, last_seen_at=Now(), **values)


@transaction.atomic
def release_lease(lease: Lease) -> None:
    """Let another run of the session begin at once, and call for it; a lease that is lost already stays so."""
    if Lease.objects.filter(pk=lease.pk, epoch=lease.epoch).update(until=None):
        node = Session.objects.with_connections().get(pk=lease.session_id).node
        if node:
            node_jobs.run_session(lease.session_id, node=node)


def free_leases_of(workers: Sequence[str]) -> list[UUID]:
    """Let the sessions of workers that are gone be run by others at once; return their ids."""
    leases = Lease.objects.filter(worker__in=workers, until__gt=Now())
    # Not taken away: whoever claims them is to see that they have lapsed.
    with transaction.atomic():
        session_ids = list(leases.select_for_update().values_list("pk", flat=True))
        Lease.objects.filter(pk__in=session_ids).update(until=Now() - _INSTANT)
    return session_ids


@transaction.atomic
def record_source(
    lease: Lease, *, source: dict[str, object], renditions: list[dict[str, object]], left_out: Sequence[str] = ()
) -> None:
    """Write down what the probe found and the ladder made of it; `left_out` are names of what is not made of it now.

    :raises LeaseLostError: when the session is over or another worker's.
    """
    session = lock_held_session(lease)
    session.source, session.renditions, session.left_out = source, renditions, list(left_out)
    session.left_out_since = (session.left_out_since or clock.now()) if left_out else None
    session.save(update_fields=["source", "renditions", "left_out", "left_out_since", "updated_at"])


@transaction.atomic
def mark_live(lease: Lease, *, has_encoder: bool = True) -> None:
    """Say that viewers can play the session, from this run's files.

    `has_encoder`: what they see is its picture; else it goes on being waited for.

    :raises LeaseLostError: when the session is over or another worker's.
    """
    session = lock_held_session(lease)
    if session.status == SessionStatus.CONNECTING:
        change_status(
            session,
            new=SessionStatus.LIVE,
            reason="Viewers can watch",
            started_at=clock.now(),
            live_epoch=lease.epoch,
        )
    elif has_encoder:
        _mark_back(session, epoch=lease.epoch)
    elif not session.live_epoch:
        session.live_epoch = lease.epoch
        session.save(update_fields=["live_epoch", "updated_at"])
        note(session, EventKind.SLATE_SHOWN, reason="Viewers see the slate until the encoder comes")
        tell_pages(session.livestream)
    else:
        _mark_resumed(session, epoch=lease.epoch, reason="Viewers see a still picture again")


@transaction.atomic
def mark_back(lease: Lease) -> None:
    """Say that the picture of an encoder that was waited for, or took over, is in the stream.

    :raises LeaseLostError: when the session is over or another worker's.
    """
    _mark_back(lock_held_session(lease), epoch=lease.epoch)


@transaction.atomic
def mark_away(lease: Lease, *, reason: EndReason) -> float:
    """Say that the encoder which the run pulls is gone; return for how many seconds it is to be waited for, or 0.

    The session has to be finished then. An encoder that is there all the same, and sends nothing, is cut.

    :raises LeaseLostError: when the session is over or another worker's.
    """
    session = lock_held_session(lease)
    wait_s = absences.begin(session, reason=reason, gone=lease.connection_id)
    gone = session.connections.filter(pk__in=[lease.connection_id], disconnected_at=None)
    # Else whoever finishes the session closes its connection.
    is_cut = wait_s and gone.update(disconnected_at=clock.now()) and reason != EndReason.ENCODER_STOPPED
    if is_cut and lease.connection is not None:
        node_jobs.drop_encoder(lease.connection)
    return wait_s


@transaction.atomic
def turn_away(lease: Lease, *, message: str) -> float:
    """Cut an encoder that cannot be broadcast, and wait on; return for how many seconds, 0 for not at all.

    `message` says what to change. A session that waits for no encoder, and that no other one has taken over, has to be
    closed.

    :raises LeaseLostError: when the session is over or another worker's.
    """
    session = lock_held_session(lease)
    wait_s = absences.left_s(session, gone=lease.connection_id)
    if not wait_s:
        return 0.0
    for connection in session.connections.select_for_update().filter(pk__in=[lease.connection_id]):
        session.connections.filter(pk=connection.pk, disconnected_at=None).update(disconnected_at=clock.now())
        node_jobs.drop_encoder(connection)
    note(session, EventKind.REFUSED, reason=message)
    tell_pages(session.livestream)
    return wait_s


def await_encoder(lease: Lease) -> Connection | None:
    """Return the connection of an encoder that is there now and that the run does not pull yet, and note that it does.

    One query as long as there is none.

    :raises LeaseLostError: when the session is over or another worker's.
    """
    waiting = Connection.objects.filter(session=lease.session_id, disconnected_at=None)
    found = waiting.exclude(pk__in=[lease.connection_id]).first()
    if found is not None:
        if not Lease.objects.filter(pk=lease.pk, epoch=lease.epoch).update(connection=found):
            raise LeaseLostError(f"Session {lease.session_id} is over, or is another worker's.")
        lease.connection = found
    return found


@transaction.atomic
def conclude_waiting(lease: Lease) -> float | None:
    """Free the lease for the run that follows an encoder which is back, and return the seconds until it may begin.

    Closes the session and returns None when none has come in time.

    :raises LeaseLostError: when the session is over or another worker's.
    """
    session = lock_held_session(lease)
    if absences.is_waiting(session):
        free_lease(lease, delay_s=0.0)
        return 0.0
    absences.end(session)
    return None


@transaction.atomic
def finish_session(lease: Lease, *, reason: EndReason, message: str = "") -> None:
    """Close the session that this worker ran to its end; `message` says more of it than the reason does, if anything.

    :raises LeaseLostError: when it is over already, or another worker's.
    """
    session = lock_held_session(lease)
    if message:
        close_session(session, new=SessionStatus.ENDED, reason=reason, error_message=message)
    else:
        absences.end(session, reason=reason)


@transaction.atomic
def fail_session(lease: Lease, *, reason: EndReason, message: str) -> None:
    """Close a session that went wrong; `message` says what to change, to the person at the encoder.

    :raises LeaseLostError: when it is over already, or another worker's.
    """
    close_session(lock_held_session(lease), new=SessionStatus.ERRORED, reason=reason, error_message=message)


def free_lease(lease: Lease, *, delay_s: float) -> None:
    """Let another run begin, here or elsewhere, but not earlier than in so many seconds."""
    Lease.objects.filter(pk=lease.pk).update(until=None, not_before=Now() + timedelta(seconds=delay_s))


def note_interruption(session: Session, kind: EventKind, *, reason: str) -> None:
    """Write down why viewers get nothing new of a locked session, and tell others."""
    note(session, kind, reason=reason)
    told = {"at": clock.now(), "actor": SYSTEM, "reason": reason, "session_id": session.pk}
    events.publish(SessionInterrupted.of(session.livestream, **told))  # type: ignore[arg-type]  # Named above.


def _mark_back(session: Session, *, epoch: int) -> None:
    if session.awaits_encoder:
        away_s = absences.away_s(session)
        came = "came" if session.is_standby else "is back"
        change_status(
            session,
            new=SessionStatus.LIVE,
            reason=f"The encoder {came} after {length_words(away_s)}",
            data={"away_s": away_s},
            reconnect_until=None,
            live_epoch=epoch,
            # A slate before the first encoder was no time on air.
            started_at=session.started_at or clock.now(),
        )
        return
    _mark_resumed(session, epoch=epoch, reason="Viewers see the picture again")


def _mark_resumed(session: Session, *, epoch: int, reason: str) -> None:
    session.live_epoch = epoch
    session.save(update_fields=["live_epoch", "updated_at"])
    note(session, EventKind.RESUMED, reason=reason, epoch=epoch)
    events.publish(SessionResumed.of(session.livestream, at=clock.now(), actor=SYSTEM, session_id=session.pk))


def _newest_kind(session: Session) -> str | None:
    return session.events.order_by("-id").values_list("kind", flat=True).first()
