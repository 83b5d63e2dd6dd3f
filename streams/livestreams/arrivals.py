"""What happens when encoders come: a broadcast begins, goes on, or is taken over."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Exists, OuterRef, Q

from livehub.core import clock
from livehub.core.errors import DomainError
from livehub.core.lengths import length_words
from streams.livestreams import absences, lifecycle, node_jobs
from streams.livestreams.lifecycle import REASON_MAX_LENGTH
from streams.livestreams.locks import find_open_session_of
from streams.livestreams.models import Connection, Lease, Livestream, Session, StreamKey
from streams.livestreams.states import DuplicatePublisher, EndReason, EventKind, SessionStatus
from streams.organizations.quotas import QuotaExceededError, lock_session_quota

# An encoder that was replaced comes back by itself within seconds, and must not take the broadcast back so.
_SETTLE = timedelta(seconds=10)


class AlreadyLiveError(DomainError):
    """Another encoder is publishing with this key."""

    code = "already_live"
    http_status = 409


@dataclass(frozen=True)
class Encoder:
    """One encoder's connection, as its ingest node describes it."""

    node: str
    client_id: int
    address: str | None
    software: str


def admit(*, livestream: Livestream, stream_key: StreamKey, encoder: Encoder) -> Connection:
    """Let an encoder into the livestream, which must be locked, and have a worker run its session.

    A session that waits for an encoder goes on with this one, and so does one whose encoder it may replace. One that
    a worker is still working off ends here; so does a test picture. Else a session begins.

    :raises AlreadyLiveError: when another encoder is publishing.
    :raises QuotaExceededError: when its organization has as many broadcasts on air as it may.
    """
    session = find_open_session_of(livestream)
    if session is not None:
        if _goes_on(session, stream_key=stream_key):
            return _join(session, stream_key=stream_key, encoder=encoder)
        _make_way(session, stream_key=stream_key)
    check_quota(livestream)
    session = Session.objects.create(livestream=livestream)
    Lease.objects.create(session=session)
    connection = _connect(session, stream_key=stream_key, encoder=encoder)
    lifecycle.record_status(session, old="", reason="Encoder connected", at=connection.connected_at)
    node_jobs.run_session(session.pk, node=connection.node)
    return connection


def _goes_on(session: Session, *, stream_key: StreamKey) -> bool:
    """Tell whether the open session is to go on with an encoder that comes with this key.

    :raises AlreadyLiveError: when a test picture comes while an encoder is waited for.
    """
    if session.is_of_test_picture():
        return False
    has_encoder = session.has_encoder()
    if stream_key.is_for_test_picture:
        if session.awaits_encoder and not has_encoder:
            raise AlreadyLiveError("The broadcast waits for its encoder. End it, then send the test picture.")
        return False
    if not has_encoder:
        return session.awaits_encoder
    return session.livestream.duplicate_publisher == DuplicatePublisher.REPLACE


def _join(session: Session, *, stream_key: StreamKey, encoder: Encoder) -> Connection:
    """Go on with this encoder; the worker that runs the session finds it by its connection."""
    present = session.connections.select_for_update().filter(disconnected_at=None).first()
    if present is None:
        away_s = absences.away_s(session)
        said = f"It {'came' if session.is_standby else 'is back'} after {length_words(away_s)}"
        lifecycle.note(session, EventKind.CONNECTED, reason=said, away_s=away_s)
    else:
        _replace(present, by=encoder)
        lifecycle.note(session, EventKind.REPLACED, reason=f"Another one took over: {_described(encoder)}")
    connection = _connect(session, stream_key=stream_key, encoder=encoder)
    if Lease.objects.free().filter(pk=session.pk).exists():
        node_jobs.run_session(session.pk, node=connection.node)
    lifecycle.tell_pages(session.livestream)
    return connection


def _replace(present: Connection, *, by: Encoder) -> None:
    now = clock.now()
    if now - present.connected_at < _SETTLE:
        age_s = round((now - present.connected_at).total_seconds())
        raise AlreadyLiveError(
            f"Another encoder came {age_s} s ago. Stop it, or try again in {_SETTLE.seconds - age_s} s to take over."
        )
    present.disconnected_at = now
    present.save(update_fields=["disconnected_at"])
    node_jobs.drop_encoder(present)


def _make_way(earlier: Session, *, stream_key: StreamKey) -> None:
    """End the open session for a new encoder, unless its own is there and means it."""
    reason = EndReason.ENCODER_STOPPED
    if earlier.has_encoder():
        if stream_key.is_for_test_picture or not earlier.has_test_picture():
            raise AlreadyLiveError("Another encoder is already publishing with this key.")
        reason = EndReason.TEST_PICTURE_REPLACED
    lifecycle.close_session(earlier, new=SessionStatus.ENDED, reason=reason)


def _connect(session: Session, *, stream_key: StreamKey, encoder: Encoder) -> Connection:
    return Connection.objects.create(
        session=session,
        stream_key=stream_key,
        node=encoder.node,
        client_id=encoder.client_id,
        address=encoder.address,
        software=encoder.software[:REASON_MAX_LENGTH],
    )


def _described(encoder: Encoder) -> str:
    return ", ".join(filter(None, (encoder.software, encoder.address))) or "unknown"


def check_quota(livestream: Livestream) -> None:
    """Accept another broadcast of a livestream's organization.

    :raises QuotaExceededError: when it has as many on air as it may.
    """
    organization = livestream.app.organization
    quota = lock_session_quota(organization)
    # Not of encoders that have left for good: their sessions end within seconds, and one that takes over need not wait
    # for that. One that is waited for keeps its place.
    connected = Connection.objects.filter(disconnected_at=None, session=OuterRef("pk"))
    sessions = Session.objects.open().filter(livestream__app__organization=organization)
    waiting = Q(status__in=[SessionStatus.STANDBY, SessionStatus.RECONNECTING])
    on_air = sessions.filter(waiting | Exists(connected)).count()
    if on_air >= quota:
        raise QuotaExceededError(
            f"Your organization has {on_air} of {quota} broadcasts on air. End one, then try again."
        )
