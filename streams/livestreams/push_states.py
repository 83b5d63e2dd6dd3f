"""What becomes of a broadcast's simulcasts: their states, with a history, as the program tells that sends them.

How much they have taken is written beside that, without a lock and without a history: it changes all the time.
"""

from collections.abc import Mapping
from uuid import UUID

from django.db import transaction

from livehub.core import clock, events
from streams.livestreams.events import SimulcastStateChanged
from streams.livestreams.locks import lock_open_session
from streams.livestreams.models import Lease, Output, PushEvent, Session
from streams.livestreams.models.output import MESSAGE_MAX_LENGTH
from streams.livestreams.states import OutputType, SimulcastState
from streams.media.rtmp.standing import TargetStanding
from streams.organizations.services import SYSTEM, Actor

# Of each simulcast.
_EVENTS_KEPT = 200
_FIGURES = ["push_bytes", "push_rate", "push_tries"]
_STATE = ["push_state", "push_reason", "push_message", "push_since", *_FIGURES]


@transaction.atomic
def note_standings(session_id: UUID, *, worker: str, told: Mapping[UUID, TargetStanding]) -> None:
    """Write down how far simulcasts of a session are, if this worker still runs it; those that are off stay so."""
    session = lock_open_session(session_id)
    if session is None or not Lease.objects.filter(pk=session_id, worker=worker).exists():
        return
    outputs = Output.objects.filter(livestream=session.livestream_id, type=OutputType.SIMULCAST, enabled=True)
    for output in outputs.filter(pk__in=told):
        output.livestream = session.livestream
        standing = told[output.pk]
        output.push_bytes, output.push_rate, output.push_tries = standing.bytes, standing.rate, standing.tries
        _move(output, SimulcastState(standing.state), standing.reason, standing.message, session=session)


def note_figures(told: Mapping[UUID, TargetStanding]) -> None:
    """Write down how much simulcasts have taken, all in one statement."""
    rows = [
        Output(pk=output_id, push_bytes=standing.bytes, push_rate=standing.rate, push_tries=standing.tries)
        for output_id, standing in told.items()
    ]
    Output.objects.bulk_update(rows, _FIGURES)


def end_all(session: Session) -> None:
    """Say that nothing goes anywhere any more from a locked session that is over, whoever ran it."""
    outputs = Output.objects.filter(livestream=session.livestream_id, type=OutputType.SIMULCAST)
    for output in outputs.exclude(push_state__in=[SimulcastState.IDLE, SimulcastState.DISABLED]):
        output.livestream = session.livestream
        output.push_rate = 0
        _move(output, SimulcastState.IDLE, session=session)


def switch(output: Output, *, actor: Actor) -> None:
    """Say of a simulcast that was switched on or off that it is, whatever is told of it afterwards."""
    output.push_rate = 0
    _move(output, SimulcastState.IDLE if output.enabled else SimulcastState.DISABLED, actor=actor)


def _move(
    output: Output,
    state: SimulcastState,
    reason: str = "",
    message: str = "",
    *,
    session: Session | None = None,
    actor: Actor = SYSTEM,
) -> None:
    """Bring a simulcast of a locked livestream into a state, and tell of it if that is another one."""
    before, message = output.push_state, message[:MESSAGE_MAX_LENGTH]
    if (before, output.push_reason, output.push_message) == (state, reason, message):
        output.save(update_fields=_FIGURES)
        return
    now = clock.now()
    output.push_state, output.push_reason, output.push_message, output.push_since = state, reason, message, now
    output.save(update_fields=_STATE)
    PushEvent.objects.create(
        output=output,
        session=session,
        at=now,
        state=state,
        reason=reason,
        message=message,
        bytes=output.push_bytes,
    )
    _forget(output)
    events.publish(SimulcastStateChanged.of_change(output, old=before, at=now, actor=actor))


def _forget(output: Output) -> None:
    """Remove the oldest of a history that has grown long."""
    oldest = list(output.push_events.order_by("-id").values_list("pk", flat=True)[_EVENTS_KEPT:])
    PushEvent.objects.filter(pk__in=oldest).delete()
