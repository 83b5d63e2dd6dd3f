"""What a worker does for the simulcasts of the broadcasts that it runs: a program for each broadcast that has any.

One thread looks after all of them: it tells the programs what changed in the rows, writes down what they tell, and
starts another one where one died or hangs. None of it is in a broadcast's own way, and a database that is away stops
nothing that goes on.
"""

import logging
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django import db

from livehub.core.deadline import deadline
from livehub.core.outage import DATABASE_OUTAGE, describe
from streams.livestreams import push_states
from streams.livestreams.models import Lease, Output, Session
from streams.livestreams.simulcast_program import SimulcastProgram, await_readable
from streams.livestreams.states import OutputType
from streams.livestreams.storage import local_storage
from streams.media.rtmp.standing import TargetStanding

logger = logging.getLogger(__name__)

# Between two looks at the rows: a switch takes effect within a second.
_LOOK_S = 0.5
_DATABASE_S = 0.9
# States that change together are written together.
_GATHER_S = 0.1
_LEASES_S = 2.0
_FIGURES_S = 2.0
# Of what goes on after a broadcast: what a slow target has not taken by then, it does not get.
_FINISH_S = 8.0

# What a row says when nobody has changed it since.
_Version = tuple[datetime | None, datetime | None]


@dataclass
class _Sending:
    """A session that this worker runs, and what is known of its simulcasts."""

    session_id: UUID
    livestream_id: UUID
    program: SimulcastProgram
    # None before the rows were looked at.
    versions: dict[UUID, _Version] | None = None
    # What stands in the rows, and what is not written yet.
    states: dict[UUID, tuple[str, str, str]] = field(default_factory=dict)
    told: dict[UUID, TargetStanding] = field(default_factory=dict)
    figures: dict[UUID, TargetStanding] = field(default_factory=dict)
    # When its end is up, by the steady clock; None while it is run.
    ends_at_s: float | None = None


class Simulcasts:
    """Those of one worker's broadcasts."""

    def __init__(self, worker: str) -> None:
        self._worker = worker
        self._sendings: dict[UUID, _Sending] = {}
        self._lock = threading.Condition()
        self._thread: threading.Thread | None = None
        self._looked_at_s = self._leases_at_s = self._figures_at_s = 0.0

    def begin(self, session: Session) -> None:
        """Look after a session's simulcasts until `end`, over all of its runs; its livestream is read along."""
        with self._lock:
            found = self._sendings.get(session.pk)
            if found is not None and found.ends_at_s is None:
                return
            if found is not None:
                # It was another worker's for a while, and ours before.
                found.program.close()
            folder = local_storage().session_folder(session.livestream.playback_id, session_id=session.pk)
            program = SimulcastProgram(folder, label=f"simulcaster session={session.pk}")
            self._sendings[session.pk] = _Sending(session.pk, session.livestream_id, program)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="simulcasts", daemon=True)
                self._thread.start()
            self._lock.notify()

    def end(self, session_id: UUID) -> None:
        """Let a session's simulcasts end: it is over, or another worker's."""
        with self._lock:
            sending = self._sendings.get(session_id)
            if sending is not None and sending.ends_at_s is None:
                sending.ends_at_s = time.monotonic() + _FINISH_S
                sending.program.finish()

    def _run(self) -> None:
        while True:
            try:
                self._look_after_all()
            except Exception:  # Of whatever kind: without this thread nobody would look after any of them.
                logger.exception("simulcasts are not looked after")
            time.sleep(_GATHER_S)

    def _look_after_all(self) -> None:
        with self._lock:
            while not self._sendings:
                self._lock.wait()
            for sending in tuple(self._sendings.values()):
                try:
                    self._tend(sending)
                except Exception:  # Of one broadcast: the others' are looked after.
                    logger.exception("simulcasts are not looked after session=%s", sending.session_id)
        self._exchange()
        self._await_news()

    def _tend(self, sending: _Sending) -> None:
        program = sending.program
        if sending.ends_at_s is not None:
            is_late = time.monotonic() > sending.ends_at_s
            if is_late or program.has_ended:
                program.close()
                del self._sendings[sending.session_id]
            return
        program.keep_up()
        for target_id, standing in program.read().items():
            sending.told[target_id] = standing

    def _await_news(self) -> None:
        """Return after a while, or as soon as a program tells something."""
        with self._lock:
            descriptors = [
                descriptor
                for sending in self._sendings.values()
                if (descriptor := sending.program.descriptor) is not None
            ]
        await_readable(descriptors, timeout_s=_LOOK_S / 2)

    def _exchange(self) -> None:
        """Write down what was told, and pass on what changed in the rows."""
        with self._lock:
            sendings = [sending for sending in self._sendings.values() if sending.ends_at_s is None]
        if not sendings:
            return
        try:
            with deadline(_DATABASE_S):
                self._look(sendings)
                for sending in sendings:
                    self._write_states(sending)
                self._write_figures(sendings)
        except DATABASE_OUTAGE as error:
            # What goes on needs no database; what was told is told again.
            logger.warning("simulcasts: rows not read or written: %s", describe(error))
        finally:
            db.close_old_connections()

    def _look(self, sendings: list[_Sending]) -> None:
        """Pass on what changed in the rows."""
        now_s = time.monotonic()
        if now_s - self._looked_at_s < _LOOK_S and all(sending.versions is not None for sending in sendings):
            return
        self._looked_at_s = now_s
        by_livestream = {sending.livestream_id: sending for sending in sendings}
        rows = Output.objects.filter(
            livestream__in=list(by_livestream), type=OutputType.SIMULCAST, enabled=True
        ).values_list("livestream_id", "pk", "updated_at", "retry_asked_at")
        found: dict[UUID, dict[UUID, _Version]] = {sending.session_id: {} for sending in sendings}
        for livestream_id, output_id, *version in rows:
            found[by_livestream[livestream_id].session_id][output_id] = (version[0], version[1])
        self._end_those_of_others(sendings)
        for sending in sendings:
            self._compare(sending, found[sending.session_id])

    def _end_those_of_others(self, sendings: list[_Sending]) -> None:
        """End what another worker sends by now; what is over ends with its run."""
        now_s = time.monotonic()
        if now_s - self._leases_at_s < _LEASES_S:
            return
        self._leases_at_s = now_s
        held = Lease.objects.filter(pk__in=[sending.session_id for sending in sendings])
        others = held.exclude(worker=self._worker).values_list("pk", flat=True)
        for session_id in others:
            self.end(session_id)

    def _compare(self, sending: _Sending, versions: dict[UUID, _Version]) -> None:
        known = sending.versions or {}
        changed = [output_id for output_id, version in versions.items() if known.get(output_id) != version]
        outputs = {output.pk: output for output in Output.objects.filter(pk__in=changed)} if changed else {}
        with self._lock:
            if sending.ends_at_s is not None:
                return
            for output_id in known.keys() - versions.keys():
                sending.program.remove(output_id)
                for told in (sending.states, sending.told, sending.figures):
                    told.pop(output_id, None)
            for output_id, output in outputs.items():
                sending.program.put(output)
                # Somebody may have written another state: off and on again, within a moment.
                sending.states.pop(output_id, None)
                # Of the row as it may be by now; where somebody has changed it since, that is seen next.
                if output_id in known and output.retry_asked_at != known[output_id][1]:
                    sending.program.retry(output_id)
            sending.versions = versions
            sending.program.keep_up()

    def _write_states(self, sending: _Sending) -> None:
        """Write down states that are others than before; whoever is told of them hears of each."""
        told, sending.told = sending.told, {}
        changed = {}
        for output_id, standing in told.items():
            state = (str(standing.state), standing.reason, standing.message)
            if sending.states.get(output_id) != state:
                changed[output_id] = standing
            else:
                sending.figures[output_id] = standing
        if not changed:
            return
        try:
            push_states.note_standings(sending.session_id, worker=self._worker, told=changed)
        except DATABASE_OUTAGE:
            sending.told = {**told, **sending.told}
            raise
        for output_id, standing in changed.items():
            sending.states[output_id] = (str(standing.state), standing.reason, standing.message)

    def _write_figures(self, sendings: list[_Sending]) -> None:
        now_s = time.monotonic()
        if now_s - self._figures_at_s < _FIGURES_S:
            return
        self._figures_at_s = now_s
        figures: dict[UUID, TargetStanding] = {}
        for sending in sendings:
            figures |= sending.figures
            sending.figures = {}
        if figures:
            push_states.note_figures(figures)
