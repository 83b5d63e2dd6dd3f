"""What follows a run that ended before its session did: another one, later each time, or the end of the session."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from django.db import transaction

from livehub.core import clock
from streams.livestreams.leases import free_lease, note_interruption
from streams.livestreams.lifecycle import REASON_MAX_LENGTH, close_session
from streams.livestreams.locks import lock_held_session
from streams.livestreams.models import Lease, Session
from streams.livestreams.states import EndReason, EventKind, SessionStatus

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
    note_interruption(lock_held_session(lease), kind, reason=message)
    free_lease(lease, delay_s=0.0)
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
        note_interruption(session, EventKind.RUN_POSTPONED, reason=message)
    free_lease(lease, delay_s=_POSTPONEMENT_S)


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
    note_interruption(session, kind, reason=message)
    count = _count_lately(session, kind)
    if count > len(delays_s):
        close_session(session, new=SessionStatus.ERRORED, reason=end_reason, error_message=told(count))
        return None
    delay_s = delays_s[count - 1]
    free_lease(lease, delay_s=delay_s)
    return delay_s


def _count_lately(session: Session, kind: EventKind) -> int:
    return session.events.filter(kind=kind, at__gt=clock.now() - _FAILURE_WINDOW).count()
