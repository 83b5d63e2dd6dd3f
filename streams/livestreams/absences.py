"""What happens when encoders leave: the broadcast waits for them, or ends.

An ingest node's hook, a sweep and the worker that reads the end of the stream notice it, in any order; whoever comes
first writes it down, and the others find it so.
"""

from datetime import timedelta
from uuid import UUID

from django.db.models import QuerySet

from livehub.core import clock
from livehub.core.lengths import length_words
from streams.livestreams import lifecycle
from streams.livestreams.models import Connection, Lease, Session
from streams.livestreams.states import EndReason, EventKind, SessionStatus

# How long a run waits at least for an encoder that is known to be there already.
_ARRIVAL_S = 10.0


def note_departure(session: Session, *, left: QuerySet[Connection], reason: EndReason) -> None:
    """Close connections of a locked session, and the session with them unless it waits, or a worker works it off.

    `left` are those that have gone; when they are closed by now, nothing happens.
    """
    if not left.filter(disconnected_at=None).update(disconnected_at=clock.now()):
        return
    if begin(session, reason=reason) or session.has_encoder():
        return
    # A worker reads to the end of the stream, and then closes the session itself. What is lost it gets nowhere with.
    is_run = not Lease.objects.free().filter(pk=session.pk).exists()
    if session.awaits_encoder or reason == EndReason.ENCODER_LOST or not is_run:
        end(session, reason=reason)


def begin(session: Session, *, reason: EndReason, gone: UUID | None = None) -> float:
    """Have a locked session wait for its encoder, which has left; return for how many seconds, 0 for not at all.

    It waits if it was live, is no test picture, and its livestream has a window. Doing it again says how long is left,
    and so does one that is on standby.
    `gone` is the id of a connection that is not closed yet.
    """
    wait_s = left_s(session, gone=gone)
    if wait_s or session.awaits_encoder:
        return wait_s
    window_s = session.livestream.reconnect_window_s
    if session.status != SessionStatus.LIVE or not window_s or session.is_of_test_picture():
        return 0.0
    lifecycle.change_status(
        session,
        new=SessionStatus.RECONNECTING,
        reason=f"{reason.label}; it is waited for {length_words(window_s)}",
        data={"window_s": window_s},
        reconnect_until=clock.now() + timedelta(seconds=window_s),
    )
    return float(window_s)


def left_s(session: Session, *, gone: UUID | None) -> float:
    """Return for how many seconds a locked session is still to wait for an encoder, 0 for not at all.

    `gone` as in `begin`: another one that came back, or has taken over, is there already, and its picture follows.
    """
    has_another = session.connections.filter(disconnected_at=None).exclude(pk__in=[gone]).exists()
    return max(session.reconnect_left_s, _ARRIVAL_S if has_another else 0.0)


def is_waiting(session: Session) -> bool:
    """Tell whether a locked session has an encoder, or still waits for one."""
    return session.has_encoder() or session.reconnect_left_s > 0


def end(session: Session, *, reason: EndReason = EndReason.ENCODER_STOPPED) -> None:
    """Close a locked session whose encoder is gone, and has not come back in time if it was waited for."""
    told = ""
    if session.is_standby:
        reason, told = EndReason.NO_ENCODER, f"No encoder came within {length_words(_waits(session)[1])}"
    elif session.awaits_encoder:
        reason, told = (
            EndReason.ENCODER_STOPPED,
            f"The encoder did not come back within {length_words(_waits(session)[1])}",
        )
    lifecycle.close_session(session, new=SessionStatus.ENDED, reason=reason, told=told)


def away_s(session: Session) -> int:
    """Return for how many whole seconds the encoder of a session has been waited for that awaits one."""
    return _waits(session)[0]


def _waits(session: Session) -> tuple[int, int]:
    """Return for how many seconds a session has been waiting that awaits an encoder, and how long it was to."""
    begun = session.events.filter(kind=EventKind.STATUS, data__new=session.status)
    at, window_s = begun.order_by("-id").values_list("at", "data__window_s")[0]
    return round((clock.now() - at).total_seconds()), window_s
