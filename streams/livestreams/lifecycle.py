"""The life of a session: every write of its status, and of the status that its livestream shows."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now

from livehub.core import clock, events, jobs
from livehub.core.errors import DomainError
from livehub.core.states import swap_status
from streams.livestreams.encoders import is_publishing
from streams.livestreams.events import SessionResumed, SessionStatusChanged
from streams.livestreams.models import Livestream, Session, StatusChange
from streams.livestreams.states import LIVESTREAM_STATUS_OF_SESSION, SESSION_MACHINE, EndReason, SessionStatus

# A worker renews its lease every second; after this long without, another may take the session over.
LEASE_TTL = timedelta(seconds=5)
# Seconds until the next run after the first, second, ... crash of a session in a row.
_CRASH_DELAYS_S = (0.5, 1.0, 2.0, 5.0)
# Crashes further apart than this have nothing to do with each other.
_CRASH_WINDOW = timedelta(minutes=2)
# The ingest server reports each encoder every 10 s; one that it has not reported for this long is gone.
INGEST_TTL = timedelta(seconds=30)
# Reasons after which the encoder is gone by itself; after every other it has to be cut.
_ENCODER_IS_GONE = frozenset({EndReason.ENCODER_STOPPED, EndReason.ENCODER_LOST})


class AlreadyLiveError(DomainError):
    """Another encoder is publishing with this key."""

    code = "already_live"
    http_status = 409


class LeaseLostError(DomainError):
    """The session is over, or another worker runs it: stop at once, write nothing."""

    code = "lease_lost"
    http_status = 409


@dataclass(frozen=True)
class Encoder:
    """One encoder's connection, as the ingest server describes it."""

    client_id: int
    address: str | None
    software: str


@dataclass(frozen=True)
class Lease:
    """The right to run a session, until it is not renewed or a newer epoch is claimed."""

    session_id: UUID
    epoch: int


@transaction.atomic
def start_session(*, livestream: Livestream, encoder: Encoder) -> Session:
    """Open a session for an accepted encoder and have a worker run it.

    A session whose encoder has left, and that a worker is still working off, ends here.

    :raises AlreadyLiveError: when another encoder is publishing.
    """
    left = Session.objects.open().filter(livestream=livestream, encoder_left_at__isnull=False).first()
    if left is not None:
        end_session(session=left, reason=EndReason.ENCODER_STOPPED)
    now = clock.now()
    try:
        with transaction.atomic():
            session = Session.objects.create(
                livestream=livestream,
                ingest_client_id=encoder.client_id,
                encoder_address=encoder.address,
                encoder_software=encoder.software[:255],
                last_ingest_at=now,
            )
    except IntegrityError as error:
        raise AlreadyLiveError("Another encoder is already publishing with this key.") from error
    _record(session, old="", reason="Encoder connected", at=now)
    jobs.enqueue("streams.run_session", session_id=session.pk)
    return session


@transaction.atomic
def claim_session(*, session_id: UUID, worker: str) -> Lease | None:
    """Take the lease of an open session that nobody holds, or return None.

    Leases are measured by the database's clock, which all workers share.
    """
    free = Session.objects.abandoned().filter(pk=session_id)
    if not free.update(epoch=F("epoch") + 1, worker=worker, lease_until=Now() + LEASE_TTL, updated_at=Now()):
        return None
    return Lease(session_id, Session.objects.values_list("epoch", flat=True).get(pk=session_id))


def renew_lease(lease: Lease, *, ingest_ms: int | None) -> None:
    """Keep the session for another `LEASE_TTL`, and write down how much media it has taken in, once any came.

    :raises LeaseLostError: when it is over or another worker's.
    """
    progress = {} if ingest_ms is None else {"ingest_ms": ingest_ms}
    held = Session.objects.open().filter(pk=lease.session_id, epoch=lease.epoch)
    if not held.update(lease_until=Now() + LEASE_TTL, updated_at=Now(), **progress):
        raise LeaseLostError(f"Session {lease.session_id} is over, or is another worker's.")


@transaction.atomic
def release_lease(lease: Lease) -> None:
    """Let another worker take the session at once, and call one."""
    if Session.objects.open().filter(pk=lease.session_id, epoch=lease.epoch).update(lease_until=None):
        jobs.enqueue("streams.run_session", session_id=lease.session_id)


@transaction.atomic
def record_source(lease: Lease, *, source: dict[str, object], renditions: list[dict[str, object]]) -> None:
    """Write down what the probe found and the ladder made of it.

    :raises LeaseLostError: when the session is over or another worker's.
    """
    session = _lock_held(lease)
    session.source, session.renditions = source, renditions
    session.save(update_fields=["source", "renditions", "updated_at"])


@transaction.atomic
def mark_live(lease: Lease) -> None:
    """Say that viewers can play the session, from this run's files.

    :raises LeaseLostError: when the session is over or another worker's.
    """
    session = _lock_held(lease)
    if session.status == SessionStatus.LIVE:
        Session.objects.filter(pk=session.pk).update(live_epoch=lease.epoch)
        events.publish(SessionResumed(session.livestream_id, session.pk))
    else:
        changes = {"started_at": clock.now(), "live_epoch": lease.epoch}
        _change(session, new=SessionStatus.LIVE, reason="First segments can be played", **changes)


@transaction.atomic
def finish_session(lease: Lease, *, reason: EndReason, ingest_ms: int | None = None) -> None:
    """Close the session that this worker ran to its end.

    :raises LeaseLostError: when it is over already, or another worker's.
    """
    _close(_lock_held(lease), new=SessionStatus.ENDED, reason=reason, ingest_ms=ingest_ms)


@transaction.atomic
def fail_session(lease: Lease, *, reason: EndReason, message: str) -> None:
    """Close a session that went wrong; `message` says what to change, to the person at the encoder.

    :raises LeaseLostError: when it is over already, or another worker's.
    """
    _close(_lock_held(lease), new=SessionStatus.ERRORED, reason=reason, error_message=message)


@transaction.atomic
def retry_session(lease: Lease, *, message: str) -> None:
    """Call a worker for another run after a crash, a little later each time; give up after too many in a row.

    :raises LeaseLostError: when the session is over or another worker's.
    """
    session, now = _lock_held(lease), clock.now()
    is_in_a_row = session.crashed_at is not None and session.crashed_at > now - _CRASH_WINDOW
    session.crashes = session.crashes + 1 if is_in_a_row else 1
    if session.crashes > len(_CRASH_DELAYS_S):
        told = f"The transcoder failed {session.crashes} times in a row. Its last words: {message}"
        _close(session, new=SessionStatus.ERRORED, reason=EndReason.TRANSCODER_FAILED, error_message=told)
        return
    session.crashed_at, session.lease_until = now, None
    session.save(update_fields=["crashes", "crashed_at", "lease_until", "updated_at"])
    jobs.enqueue("streams.run_session", session_id=session.pk, delay_s=_CRASH_DELAYS_S[session.crashes - 1])


def sweep_sessions() -> None:
    """Call a worker for open sessions whose lease lapsed, and close those whose encoder is gone as well."""
    abandoned = Session.objects.abandoned().filter(created_at__lt=clock.now() - LEASE_TTL)
    for session in abandoned:
        # Nobody can report an encoder while the database is away: ask before it is given up.
        if session.last_ingest_at < clock.now() - INGEST_TTL and not is_publishing(session.pk):
            _end_abandoned(session, reason=EndReason.ENCODER_LOST)
        else:
            # The next sweep calls again.
            jobs.enqueue("streams.run_session", session_id=session.pk, expires_s=LEASE_TTL.total_seconds())


def note_ingest(*, client_id: int, livestream: Livestream) -> bool:
    """Write down that an encoder is still there; tell whether it has an open session."""
    sessions = Session.objects.open().filter(livestream=livestream, ingest_client_id=client_id)
    return bool(sessions.update(last_ingest_at=clock.now()))


def encoder_left(*, client_id: int, livestream: Livestream) -> None:
    """Take note that an encoder went away, and close its session unless a worker runs it.

    A worker reads to the end of the stream and then closes the session itself, with the exact time.
    """
    sessions = Session.objects.open().filter(livestream=livestream, ingest_client_id=client_id)
    sessions.update(encoder_left_at=clock.now())
    for session in sessions:
        _end_abandoned(session, reason=EndReason.ENCODER_STOPPED)


@transaction.atomic
def end_session(*, session: Session, reason: EndReason) -> None:
    """Close a session, whoever runs it; one that is over already stays as it is."""
    locked = _lock_open(session.pk)
    if locked is not None:
        _close(locked, new=SessionStatus.ENDED, reason=reason)


@transaction.atomic
def end_open_session(*, livestream: Livestream, reason: EndReason) -> bool:
    """Close the livestream's open session, if it has one; tell whether it had."""
    Livestream.objects.select_for_update().get(pk=livestream.pk)
    session = Session.objects.select_for_update().filter(livestream=livestream).open().first()
    if session is None:
        return False
    _close(session, new=SessionStatus.ENDED, reason=reason)
    return True


@transaction.atomic
def _end_abandoned(session: Session, *, reason: EndReason) -> None:
    """Close a session if, now that it is locked, still nobody runs it."""
    locked = _lock_open(session.pk)
    if locked is None or not Session.objects.abandoned().filter(pk=locked.pk).exists():
        return
    _close(locked, new=SessionStatus.ENDED, reason=reason)
    # Whoever ran it last did not get to this.
    jobs.enqueue("streams.finish_playlists", session_id=locked.pk)


def _close(
    session: Session,
    *,
    new: SessionStatus,
    reason: EndReason,
    ingest_ms: int | None = None,
    error_message: str = "",
) -> None:
    changes: dict[str, object] = {
        "stopped_at": clock.now(),
        "end_reason": reason,
        "error_message": error_message,
        "lease_until": None,
    }
    if ingest_ms is not None:
        changes["ingest_ms"] = ingest_ms
    _change(session, new=new, reason=error_message or reason.label, **changes)
    if reason not in _ENCODER_IS_GONE:
        jobs.enqueue("streams.drop_publisher", session_id=session.pk)


def _change(session: Session, *, new: SessionStatus, reason: str, **changes: object) -> None:
    now = clock.now()
    old = swap_status(session, machine=SESSION_MACHINE, new=new, updated_at=now, **changes)
    _record(session, old=old, reason=reason, at=now)


def _record(session: Session, *, old: str, reason: str, at: datetime) -> None:
    """Write the step down, show it on the livestream, tell the others: always together."""
    status = LIVESTREAM_STATUS_OF_SESSION[SessionStatus(session.status)]
    StatusChange.objects.create(session=session, old=old, new=session.status, reason=reason[:255], at=at)
    Livestream.objects.filter(pk=session.livestream_id).update(status=status, updated_at=at)
    events.publish(SessionStatusChanged(session.livestream_id, session.pk, old, session.status))


def _lock_open(session_id: UUID) -> Session | None:
    session = Session.objects.filter(pk=session_id).first()
    if session is None:
        return None
    # The livestream first, as the services do that disable or delete it: the other order could deadlock with them.
    Livestream.objects.select_for_update().get(pk=session.livestream_id)
    return Session.objects.select_for_update().filter(pk=session_id).open().first()


def _lock_held(lease: Lease) -> Session:
    session = _lock_open(lease.session_id)
    if session is None or session.epoch != lease.epoch:
        raise LeaseLostError(f"Session {lease.session_id} is over, or is another worker's.")
    return session
