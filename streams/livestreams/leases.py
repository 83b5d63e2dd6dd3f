"""What the worker that runs a session may write, for as long as it holds the session's lease."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from livehub.core import clock, events
from livehub.core.lengths import length_words
from streams.livestreams import absences, node_jobs
from streams.livestreams.events import SessionInterrupted, SessionResumed
from streams.livestreams.lifecycle import REASON_MAX_LENGTH, change_status, close_session, note, tell_pages
from streams.livestreams.locks import LeaseLostError, lock_held_session, lock_open_session
from streams.livestreams.models import Connection, Lease, Session
from streams.livestreams.states import EndReason, EventKind, SessionStatus
from streams.organizations.services import SYSTEM

# A worker renews its lease every second; after this long without, another may take the session over.
LEASE_TTL = timedelta(seconds=5)
_INSTANT = timedelta(milliseconds=1)
# Seconds until the next run after the first, second, ... failure of a session within the window.
_FAILURE_DELAYS_S = (0.5, 1.0, 2.0, 5.0)
# The same after changes of what the encoder sends: who tries a setting or two loses no time.
_CHANGE_DELAYS_S = (0.0, 0.5, 1.0, 2.0)
# Failures further apart than this have nothing to do with each other. Longer than it takes to give a session up whose
# runs each take as long as they may to fail.
_FAILURE_WINDOW = timedelta(minutes=3)
# Seconds until the next run after something that is not the session's fault and may last.
_POSTPONEMENT_S = 3.0


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
        _note_interruption(session, EventKind.RUN_LOST, reason="A part of LiveHub stopped; another one goes on")
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


@transaction.atomic
def note_break(lease: Lease, kind: EventKind, *, message: str) -> None:
    """Say that the encoder is pulled again, while the run goes on with the slate.

    :raises LeaseLostError: when the session is over or another worker's.
    """
    session = lock_held_session(lease)
    _note_interruption(session, kind, reason=message)
    tell_pages(session.livestream)


@transaction.atomic
def note_silence(lease: Lease, *, instead: str) -> None:
    """Say that the encoder is connected and sends nothing; `instead` is what viewers see.

    :raises LeaseLostError: when the session is over or another worker's.
    """
    _tell(lease, EventKind.SILENT, reason=f"Nothing comes from it; viewers see {instead}.")


@transaction.atomic
def note_end_of_silence(lease: Lease, *, silent_s: float, count: int) -> None:
    """Say that its picture is there again: after how long, in how many silences since the last that was told.

    :raises LeaseLostError: when the session is over or another worker's.
    """
    seconds = max(1, round(silent_s))
    length = length_words(seconds)
    reason = f"After {length}" if count == 1 else f"It was silent {count} times within a moment, for {length} in all"
    _tell(lease, EventKind.SENDS_AGAIN, reason=reason, silent_s=seconds)


@transaction.atomic
def note_not_held(lease: Lease) -> None:
    """Say that the last picture cannot be shown.

    :raises LeaseLostError: when the session is over or another worker's.
    """
    _tell(lease, EventKind.NOT_HELD, reason="The last picture could not be decoded; the server's log says why")


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
        _free(lease, delay_s=0.0)
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


@transaction.atomic
def retry_session(lease: Lease, *, message: str) -> float | None:
    """Free the lease after a failed run; give the session up after too many within a short time.

    Returns the seconds before which nobody may run it again, more after each failure; None when it is given up.

    :raises LeaseLostError: when the session is over or another worker's.
    """
    return _free_or_give_up(
        lease,
        EventKind.RUN_FAILED,
        message=message,
        delays_s=_FAILURE_DELAYS_S,
        end_reason=EndReason.TRANSCODER_FAILED,
        told=lambda count: (
            f"LiveHub could not process the stream in {count} attempts; start the encoder again. {message}"
        ),
    )


@transaction.atomic
def recheck_session(lease: Lease, *, message: str) -> float | None:
    """Free the lease after a run whose encoder changed what it sends, which the next run checks; end one that does not
    stop changing it.

    Returns the seconds before which nobody may run it again, more after each change; None when the session is ended.

    :raises LeaseLostError: when the session is over or another worker's.
    """
    return _free_or_give_up(
        lease,
        EventKind.SOURCE_CHANGED,
        message=message,
        delays_s=_CHANGE_DELAYS_S,
        end_reason=EndReason.SOURCE_REFUSED,
        told=lambda count: (
            f"The encoder changed its settings {count} times within three minutes. Choose one, then start it again."
        ),
    )


@transaction.atomic
def reshape_session(lease: Lease, kind: EventKind, *, message: str) -> float:
    """Free the lease for a run that makes fewer renditions, or more again; return the seconds until it may begin.

    However often it takes: it is the machine's fault, and not the session's.

    :raises LeaseLostError: when the session is over or another worker's.
    """
    _note_interruption(lock_held_session(lease), kind, reason=message)
    _free(lease, delay_s=0.0)
    return 0.0


@transaction.atomic
def postpone_session(lease: Lease, *, message: str) -> None:
    """Free the lease of a session that cannot be run at the moment, for no fault of its own; as often as it takes.

    It keeps no slot meanwhile, which may be for hours: once the delay is over, the sweep calls for it.

    :raises LeaseLostError: when the session is over or another worker's.
    """
    session = lock_held_session(lease)
    latest = session.events.exclude(kind=EventKind.RUN_STARTED).order_by("-id").first()
    # A disk may stay full for hours: one entry tells it.
    if latest is None or (latest.kind, latest.reason) != (EventKind.RUN_POSTPONED, message[:REASON_MAX_LENGTH]):
        _note_interruption(session, EventKind.RUN_POSTPONED, reason=message)
    _free(lease, delay_s=_POSTPONEMENT_S)


def _free_or_give_up(
    lease: Lease,
    kind: EventKind,
    *,
    message: str,
    delays_s: Sequence[float],
    end_reason: EndReason,
    told: Callable[[int], str],
) -> float | None:
    """Write an interruption down and free the lease, later each time; after the last delay close the session.

    `told` makes the sentence of a closed one from how often it has been interrupted so.
    """
    session = lock_held_session(lease)
    _note_interruption(session, kind, reason=message)
    count = _count_lately(session, kind)
    if count > len(delays_s):
        close_session(session, new=SessionStatus.ERRORED, reason=end_reason, error_message=told(count))
        return None
    delay_s = delays_s[count - 1]
    _free(lease, delay_s=delay_s)
    return delay_s


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


def _tell(lease: Lease, kind: EventKind, *, reason: str, **data: object) -> None:
    session = lock_held_session(lease)
    note(session, kind, reason=reason, **data)
    tell_pages(session.livestream)


def _newest_kind(session: Session) -> str | None:
    return session.events.order_by("-id").values_list("kind", flat=True).first()


def _count_lately(session: Session, kind: EventKind) -> int:
    return session.events.filter(kind=kind, at__gt=clock.now() - _FAILURE_WINDOW).count()


def _free(lease: Lease, *, delay_s: float) -> None:
    Lease.objects.filter(pk=lease.pk).update(until=None, not_before=Now() + timedelta(seconds=delay_s))


def _note_interruption(session: Session, kind: EventKind, *, reason: str) -> None:
    note(session, kind, reason=reason)
    told = {"at": clock.now(), "actor": SYSTEM, "reason": reason, "session_id": session.pk}
    events.publish(SessionInterrupted.of(session.livestream, **told))  # type: ignore[arg-type]  # Named above.
