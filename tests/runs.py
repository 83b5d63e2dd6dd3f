"""What an encoder and a worker do to a session, without either."""

from datetime import timedelta

from django.db import transaction

from streams.livestreams import arrivals, leases, lifecycle
from streams.livestreams.arrivals import Encoder
from streams.livestreams.locks import lock_livestream
from streams.livestreams.states import EndReason
from streams.livestreams.stream_keys import give_test_picture_key
from streams.models import Connection, Lease, Livestream, Session, StreamKey
from streams.organizations.services import SYSTEM

ENCODER = Encoder(node="main", client_id=7, address="203.0.113.24", software="OBS 31")


def connected(livestream: Livestream, *, encoder: Encoder = ENCODER) -> Session:
    """Publish with the livestream's present key, and return the session that this opens."""
    with transaction.atomic():
        locked = lock_livestream(livestream.pk)
        key = StreamKey.objects.get(livestream=livestream, revoked_at=None)
        return arrivals.admit(livestream=locked, stream_key=key, encoder=encoder).session


def admitted_test_picture(livestream: Livestream) -> Session:
    """Publish as our own encoder does, and return the session that this opens."""
    with transaction.atomic():
        locked = lock_livestream(livestream.pk)
        key = give_test_picture_key(locked, lifetime=timedelta(minutes=1))
        return arrivals.admit(livestream=locked, stream_key=key, encoder=ENCODER).session


def publish_name(session: Session) -> str:
    """Return the name under which the ingest server carries the session's encoder."""
    return Connection.objects.get(session=session).pk.hex


def claimed(session: Session, *, worker: str = "first") -> Lease:
    """Take the session's lease, which must be free."""
    lease = leases.claim_session(session_id=session.pk, worker=worker, node="main")
    assert lease is not None
    return lease


def taken_in(session: Session, *, media_ms: int) -> None:
    """Take in so much media over the session's connection."""
    leases.note_media(Connection.objects.get(session=session), media_ms=media_ms)


def finished(session: Session, *, media_ms: int = 0) -> None:
    """Run a session to its encoder's end."""
    lease = _lease_of(session)
    taken_in(session, media_ms=media_ms)
    leases.finish_session(lease, reason=EndReason.ENCODER_STOPPED)


def failed(session: Session, *, message: str) -> None:
    """Find that what the encoder sends cannot be broadcast."""
    leases.fail_session(_lease_of(session), reason=EndReason.SOURCE_REFUSED, message=message)


def ended(session: Session, *, reason: EndReason = EndReason.ENDED_BY_OPERATOR) -> None:
    """Close a session, whoever runs it."""
    with transaction.atomic():
        lifecycle.end_open_session(livestream=lock_livestream(session.livestream_id), reason=reason, actor=SYSTEM)


def _lease_of(session: Session) -> Lease:
    lease = Lease.objects.get(pk=session.pk)
    return lease if lease.until else claimed(session)
