"""What a worker does to a session, without running it."""

from streams.livestreams import lifecycle
from streams.livestreams.lifecycle import Lease
from streams.livestreams.states import EndReason
from streams.models import Session


def claimed(session: Session, *, worker: str = "first") -> Lease:
    """Take the session's lease, which must be free."""
    lease = lifecycle.claim_session(session_id=session.pk, worker=worker)
    assert lease is not None
    return lease


def finished(session: Session, *, ingest_ms: int) -> None:
    """Run a session to its encoder's end."""
    lifecycle.finish_session(_lease_of(session), reason=EndReason.ENCODER_STOPPED, ingest_ms=ingest_ms)


def failed(session: Session, *, message: str) -> None:
    """Find that what the encoder sends cannot be broadcast."""
    lifecycle.fail_session(_lease_of(session), reason=EndReason.SOURCE_REFUSED, message=message)


def _lease_of(session: Session) -> Lease:
    session.refresh_from_db()
    return Lease(session.pk, session.epoch) if session.lease_until else claimed(session)
