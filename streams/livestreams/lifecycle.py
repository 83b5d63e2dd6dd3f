"""The life of a session: every write of its status, and of the status that its livestream shows."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from livehub.core import clock, events
from livehub.core.errors import DomainError
from livehub.core.states import swap_status
from streams.livestreams import node_jobs, push_states
from streams.livestreams.events import LivestreamChanged, SessionStatusChanged
from streams.livestreams.locks import find_open_session_of
from streams.livestreams.models import Lease, Livestream, Session, SessionEvent
from streams.livestreams.states import (
    LIVESTREAM_STATUS_OF_SESSION,
    SESSION_MACHINE,
    EndReason,
    EventKind,
    SessionStatus,
)
from streams.organizations.services import SYSTEM, Actor

REASON_MAX_LENGTH = 255


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


def end_open_session(*, livestream: Livestream, reason: EndReason, actor: Actor) -> bool:
    """Close the locked livestream's open session, if it has one; tell whether it had."""
    session = find_open_session_of(livestream)
    if session is None:
        return False
    close_session(session, new=SessionStatus.ENDED, reason=reason, actor=actor)
    return True


def hold_off(livestream: Livestream, *, hold: timedelta) -> None:
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
    told: str = "",
    actor: Actor = SYSTEM,
) -> None:
    """Close a locked session, its connection and its lease, and cut an encoder that is still there.

    `told` is what the timeline says of it, if more than the reason does.
    """
    now = clock.now()
    change_status(
        session,
        new=new,
        reason=told or error_message or reason.label,
        actor=actor,
        stopped_at=now,
        reconnect_until=None,
        end_reason=reason,
        error_message=error_message,
    )
    Lease.objects.filter(pk=session.pk).delete()
    push_states.end_all(session)
    for connection in session.connections.select_for_update().filter(disconnected_at=None):
        connection.disconnected_at = now
        connection.save(update_fields=["disconnected_at"])
        if reason != EndReason.ENCODER_STOPPED:
            # Even one that was given up: it may be there all the same.
            node_jobs.drop_encoder(connection)
    # Whether or not a worker gets to it: to finish what is finished changes nothing.
    node_jobs.finish_playlists(session)


def change_status(
    session: Session,
    *,
    new: SessionStatus,
    reason: str,
    actor: Actor = SYSTEM,
    data: Mapping[str, object] = MappingProxyType({}),
    **changes: object,
) -> None:
    """Move a locked session on, and say so wherever it is told; `data` is what its event holds beside the two states.

    :raises IllegalTransitionError: when the machine has no such step.
    """
    now = clock.now()
    old = swap_status(session, machine=SESSION_MACHINE, new=new, updated_at=now, **changes)
    record_status(session, old=old, reason=reason, actor=actor, at=now, data=data)


def note(session: Session, kind: EventKind, *, reason: str = "", **data: object) -> None:
    """Write down what happened to a session that is no change of its status."""
    SessionEvent.objects.create(
        session=session, kind=kind, at=clock.now(), reason=reason[:REASON_MAX_LENGTH], data=data
    )


def tell_pages(livestream: Livestream) -> None:
    """Have open pages look again at what only they tell of a locked livestream."""
    events.publish(LivestreamChanged.of(livestream, at=clock.now(), actor=SYSTEM, changed=()))


def record_status(
    session: Session,
    *,
    old: str,
    reason: str,
    at: datetime,
    actor: Actor = SYSTEM,
    data: Mapping[str, object] = MappingProxyType({}),
) -> None:
    """Write a step down, show it on the livestream, tell the others: always together."""
    livestream, new = session.livestream, session.status
    by = {"by": str(actor)} if str(actor) else {}
    SessionEvent.objects.create(
        session=session,
        kind=EventKind.STATUS,
        at=at,
        reason=reason[:REASON_MAX_LENGTH],
        data={"old": old, "new": new, **by, **data},
    )
    shown: dict[str, object] = {"status": LIVESTREAM_STATUS_OF_SESSION[SessionStatus(new)], "updated_at": at}
    # Not of one that is back: it has been live since before.
    if new == SessionStatus.LIVE and old != SessionStatus.RECONNECTING:
        shown["last_live_at"] = at
    Livestream.objects.filter(pk=livestream.pk).update(**shown)
    for name, value in shown.items():
        setattr(livestream, name, value)
    events.publish(SessionStatusChanged.of_session(session, at=at, actor=actor, reason=reason, old=old))
