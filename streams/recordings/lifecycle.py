"""The life of a recording: every write of its status."""

from datetime import datetime

from livehub.core import clock, events
from livehub.core.states import swap_status
from streams.organizations.services import SYSTEM, Actor
from streams.recordings import node_jobs
from streams.recordings.events import RecordingStatusChanged
from streams.recordings.models import Recording
from streams.recordings.pushing import unpush
from streams.recordings.states import RECORDING_MACHINE, RecordingStatus, StopReason

_BY_MAX_LENGTH = 255


def began(recording: Recording, *, actor: Actor = SYSTEM) -> None:
    """Tell of a recording that was just made."""
    _tell(recording, old="", at=recording.invoked_at, actor=actor, reason="")


def change_status(
    recording: Recording, *, new: RecordingStatus, reason: str = "", actor: Actor = SYSTEM, **changes: object
) -> None:
    """Move a locked recording on, and tell of it.

    :raises IllegalTransitionError: when the machine has no such step.
    """
    now = clock.now()
    old = swap_status(recording, machine=RECORDING_MACHINE, new=new, updated_at=now, **changes)
    _tell(recording, old=old, at=now, actor=actor, reason=reason)


def stop(recording: Recording, *, reason: StopReason, actor: Actor = SYSTEM, until_ms: int | None = None) -> None:
    """Have a locked recording take nothing more, and be stored as it is.

    What is on its way until `until_ms` (None: until the broadcast's end) is still taken.

    :raises IllegalTransitionError: when it has been stopped already.
    """
    change_status(
        recording,
        new=RecordingStatus.UPLOADING,
        reason=reason.label,
        actor=actor,
        stopped_at=clock.now(),
        stop_reason=reason,
        stopped_by=str(actor)[:_BY_MAX_LENGTH],
        until_ms=until_ms,
    )
    unpush(recording)
    node_jobs.advance(recording)


def fail(recording: Recording, *, problem: str) -> None:
    """Give a locked recording up, with a sentence that says why: there is no file of it."""
    stopped_at = recording.stopped_at or clock.now()
    stop_reason = recording.stop_reason or StopReason.INTERNAL_ERROR
    change_status(
        recording,
        new=RecordingStatus.ERRORED,
        reason=problem,
        problem=problem,
        stopped_at=stopped_at,
        stop_reason=stop_reason,
    )


def _tell(recording: Recording, *, old: str, at: datetime, actor: Actor, reason: str) -> None:
    events.publish(RecordingStatusChanged.of(recording, at=at, actor=actor, reason=reason, old=old))
