"""The life of a session: every write of its status, and of the status that its livestream shows."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from livehub.core import clock, events
from livehub.core.errors import DomainError
from livehub.core.states import swap_status
from streams.livestreams import node_jobs
from streams.livestreams.events import SessionStatusChanged
from streams.livestreams.locks import find_open_session_of, lock_open_session
from streams.livestreams.models import Connection, Lease, Livestream, Session, SessionEvent, StreamKey
from streams.livestreams.states import (
    LIVESTREAM_STATUS_OF_SESSION,
    SESSION_MACHINE,
    EndReason,
    EventKind,
    SessionStatus,
)
from streams.organizations.quotas import QuotaExceededError, lock_session_quota
from streams.organizations.services import SYSTEM, Actor

REASON_MAX_LENGTH = 255
# Longer than an encoder's first tries to come back, and not too long for a person who wants it to.
HOLD = timedelta(minutes=1)


class AlreadyLiveError(DomainError):
    """Another encoder is publishing with this key."""

    code = "already_live"
    http_status = 409


class LivestreamDisabledError(DomainError):
    """An operator has disabled the livestream: it takes no encoder."""

    code = "livestream_disabled"
    http_status = 409


class LivestreamStoppedError(DomainError):
    """The meeting that it was for has stopped it: it takes no encoder any more."""

    code = "livestream_stopped"
    http_status = 409


class HeldOffError(DomainError):
    """The broadcast was ended on purpose a moment ago, and its encoder is trying to come back by itself."""

    code = "held_off"
    http_status = 409


@dataclass(frozen=True)
class Encoder:
    """One encoder's connection, as its ingest node describes it."""

    node: str
    client_id: int
    address: str | None
    software: str


def start_session(*, livestream: Livestream, stream_key: StreamKey, encoder: Encoder) -> Connection:
    """Open a session for an accepted encoder and have a worker run it; the livestream must be locked.

    A session whose encoder has left, and that a worker is still working off, ends here; so does a test picture.

    :raises AlreadyLiveError: when another encoder is publishing.
    :raises QuotaExceededError: when its organization has as many broadcasts on air as it may.
    """
    earlier = find_open_session_of(livestream)
    if earlier is not None:
        _make_way(earlier, stream_key=stream_key)
    _check_quota(livestream)
    session = Session.objects.create(livestream=livestream)
    Lease.objects.create(session=session)
    connection = Connection.objects.create(
        session=session,
        stream_key=stream_key,
        node=encoder.node,
        client_id=encoder.client_id,
        address=encoder.address,
        software=encoder.software[:REASON_MAX_LENGTH],
    )
    _record(session, old="", reason="Encoder connected", actor=SYSTEM, at=connection.connected_at)
    node_jobs.run_session(session.pk, node=connection.node)
    return connection


def end_open_session(*, livestream: Livestream, reason: EndReason, actor: Actor) -> bool:
    """Close the locked livestream's open session, if it has one; tell whether it had."""
    session = find_open_session_of(livestream)
    if session is None:
        return False
    close_session(session, new=SessionStatus.ENDED, reason=reason, actor=actor)
    return True


@transaction.atomic
def end_abandoned(session: Session, *, reason: EndReason) -> None:
    """Close a session if, now that it is locked, still nobody runs it."""
    locked = lock_open_session(session.pk)
    if locked is not None and Lease.objects.free().filter(pk=locked.pk).exists():
        close_session(locked, new=SessionStatus.ENDED, reason=reason)


def hold_off(livestream: Livestream, *, hold: timedelta = HOLD) -> None:
    """Turn encoders away for a while, from a locked livestream whose broadcast somebody or something has ended.

    An encoder that loses its connection comes back by itself within seconds, and the broadcast with it.
    """
    livestream.activated_at, livestream.held_until = None, clock.now() + hold
    livestream.save(update_fields=["activated_at", "held_until", "updated_at"])


def close_session(
    session: Session,
    *,
    new: SessionStatus,
    reason: EndReason,
    error_message: str = "",
    actor: Actor = SYSTEM,
) -> None:
    """Close a locked session, its connection and its lease, and cut an encoder that is still there."""
    now = clock.now()
    changes = {"stopped_at": now, "end_reason": reason, "error_message": error_message}
    change_status(session, new=new, reason=error_message or reason.label, actor=actor, **changes)
    Lease.objects.filter(pk=session.pk).delete()
    for connection in session.connections.select_for_update().filter(disconnected_at=None):
        connection.disconnected_at = now
        connection.save(update_fields=["disconnected_at"])
        if reason != EndReason.ENCODER_STOPPED:
            # Even one that was given up: it may be there all the same.
            node_jobs.drop_encoder(connection)
    # Whether or not a worker gets to it: to finish what is finished changes nothing.
    node_jobs.finish_playlists(session)


def change_status(
    session: Session, *, new: SessionStatus, reason: str, actor: Actor = SYSTEM, **changes: object
) -> None:
    """Move a locked session on, and say so wherever it is told.

    :raises IllegalTransitionError: when the machine has no such step.
    """
    now = clock.now()
    old = swap_status(session, machine=SESSION_MACHINE, new=new, updated_at=now, **changes)
    _record(session, old=old, reason=reason, actor=actor, at=now)


def _make_way(earlier: Session, *, stream_key: StreamKey) -> None:
    """End the open session for a new encoder, unless its own is there and means it."""
    reason = EndReason.ENCODER_STOPPED
    if earlier.has_encoder():
        if stream_key.is_for_test_picture or not earlier.has_test_picture():
            raise AlreadyLiveError("Another encoder is already publishing with this key.")
        reason = EndReason.TEST_PICTURE_REPLACED
    close_session(earlier, new=SessionStatus.ENDED, reason=reason)


def _check_quota(livestream: Livestream) -> None:
    organization = livestream.app.organization
    quota = lock_session_quota(organization)
    # Not of encoders that have left: their sessions end within seconds, and one that takes over need not wait for that.
    connected = Connection.objects.filter(disconnected_at=None, session__stopped_at=None)
    on_air = connected.filter(session__livestream__app__organization=organization).count()
    if on_air >= quota:
        raise QuotaExceededError(
            f"Your organization has {on_air} of {quota} broadcasts on air. End one, then start the encoder again."
        )


def _record(session: Session, *, old: str, reason: str, actor: Actor, at: datetime) -> None:
    """Write the step down, show it on the livestream, tell the others: always together."""
    livestream, new = session.livestream, session.status
    data = {"old": old, "new": new}
    SessionEvent.objects.create(
        session=session,
        kind=EventKind.STATUS,
        at=at,
        reason=reason[:REASON_MAX_LENGTH],
        data={**data, "by": str(actor)} if str(actor) else data,
    )
    shown: dict[str, object] = {"status": LIVESTREAM_STATUS_OF_SESSION[SessionStatus(new)], "updated_at": at}
    if new == SessionStatus.LIVE:
        shown["last_live_at"] = at
    Livestream.objects.filter(pk=livestream.pk).update(**shown)
    for name, value in shown.items():
        setattr(livestream, name, value)
    events.publish(SessionStatusChanged.of_session(session, at=at, actor=actor, reason=reason, old=old))
