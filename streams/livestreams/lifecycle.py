"""The life of a session: every write of its status, and of the status that its livestream shows."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q

from livehub.core import clock, events, jobs
from livehub.core.errors import DomainError
from livehub.core.states import swap_status
from streams.livestreams.events import SessionStatusChanged
from streams.livestreams.models import Livestream, Session, StatusChange
from streams.livestreams.states import LIVESTREAM_STATUS_OF_SESSION, SESSION_MACHINE, EndReason, SessionStatus

# A worker renews its lease every second; after this long without, another may take the session over.
LEASE_TTL = timedelta(seconds=5)
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

    :raises AlreadyLiveError: when the livestream has an open session.
    """
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


def claim_session(*, session_id: UUID, worker: str) -> Lease | None:
    """Take the lease of an open session that nobody holds, or return None."""
    now = clock.now()
    with transaction.atomic():
        session = Session.objects.select_for_update().filter(pk=session_id, stopped_at=None).first()
        if session is None or (session.lease_until is not None and session.lease_until > now):
            return None
        session.epoch += 1
        session.worker = worker
        session.lease_until = now + LEASE_TTL
        session.save(update_fields=["epoch", "worker", "lease_until", "updated_at"])
        return Lease(session_id, session.epoch)


def renew_lease(lease: Lease, *, ingest_ms: int) -> None:
    """Keep the session for another `LEASE_TTL`, and write down how much media it has taken in.

    :raises LeaseLostError: when it is over or another worker's.
    """
    now = clock.now()
    held = Session.objects.filter(pk=lease.session_id, epoch=lease.epoch, stopped_at=None)
    if not held.update(lease_until=now + LEASE_TTL, ingest_ms=ingest_ms, updated_at=now):
        raise LeaseLostError(f"Session {lease.session_id} is over, or is another worker's.")


def release_lease(lease: Lease) -> None:
    """Let another worker take the session at once, and call one."""
    with transaction.atomic():
        if Session.objects.filter(pk=lease.session_id, epoch=lease.epoch, stopped_at=None).update(lease_until=None):
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
    """Say that viewers can play the session; after a takeover it is live already, and stays so.

    :raises LeaseLostError: when the session is over or another worker's.
    """
    session = _lock_held(lease)
    if session.status != SessionStatus.LIVE:
        _change(session, new=SessionStatus.LIVE, reason="First segments can be played", started_at=clock.now())


def sweep_sessions() -> None:
    """Call a worker for open sessions whose lease lapsed, and close those whose encoder is gone as well."""
    now = clock.now()
    abandoned = Session.objects.open().filter(Q(lease_until=None) | Q(lease_until__lt=now))
    for session in abandoned.filter(created_at__lt=now - LEASE_TTL):
        if session.last_ingest_at < now - INGEST_TTL:
            _end_abandoned(session, reason=EndReason.ENCODER_LOST)
        else:
            jobs.enqueue("streams.run_session", session_id=session.pk)


def note_ingest(*, client_id: int, livestream: Livestream) -> bool:
    """Write down that an encoder is still there; tell whether it has an open session."""
    sessions = Session.objects.open().filter(livestream=livestream, ingest_client_id=client_id)
    return bool(sessions.update(last_ingest_at=clock.now()))


@transaction.atomic
def encoder_left(*, client_id: int, livestream: Livestream) -> None:
    """Close the session of an encoder that went away, unless a worker runs it.

    A worker reads to the end of the stream and then closes the session itself, with the exact time.
    """
    session = Session.objects.open().filter(livestream=livestream, ingest_client_id=client_id).first()
    if session is not None and (session.lease_until is None or session.lease_until < clock.now()):
        _end_abandoned(session, reason=EndReason.ENCODER_STOPPED)


@transaction.atomic
def end_session(*, session: Session, reason: EndReason, ingest_ms: int | None = None) -> None:
    """Close a session that came to its end; one that is over already stays as it is."""
    locked = _lock_open(session.pk)
    if locked is not None:
        _close(locked, new=SessionStatus.ENDED, reason=reason, ingest_ms=ingest_ms)


@transaction.atomic
def fail_session(*, session: Session, reason: EndReason, message: str, ingest_ms: int | None = None) -> None:
    """Close a session that went wrong; `message` says what to change, to the person at the encoder."""
    locked = _lock_open(session.pk)
    if locked is not None:
        _close(locked, new=SessionStatus.ERRORED, reason=reason, ingest_ms=ingest_ms, error_message=message)


@transaction.atomic
def end_open_session(*, livestream: Livestream, reason: EndReason) -> None:
    """Close the livestream's open session, if it has one."""
    Livestream.objects.select_for_update().get(pk=livestream.pk)
    session = Session.objects.select_for_update().filter(livestream=livestream).open().first()
    if session is not None:
        _close(session, new=SessionStatus.ENDED, reason=reason, ingest_ms=None)


@transaction.atomic
def _end_abandoned(session: Session, *, reason: EndReason) -> None:
    end_session(session=session, reason=reason)
    # Whoever ran it last did not get to this.
    jobs.enqueue("streams.finish_playlists", session_id=session.pk)


def _close(
    session: Session, *, new: SessionStatus, reason: EndReason, ingest_ms: int | None, error_message: str = ""
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
