"""What a run writes down of what the media plane tells it, and answers when that asks."""

import logging
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from uuid import UUID

from django.conf import settings

from livehub.core import clock, tracing
from livehub.core.counters import START_DURATION
from streams.livestreams import health_notes, leases, run_notes
from streams.livestreams.bitrate import BitrateWatch
from streams.livestreams.encoders import IngestSource
from streams.livestreams.health_watch import HealthWatch
from streams.livestreams.held_lease import HandOverError, HeldLease
from streams.livestreams.models import Session
from streams.livestreams.renewals import Renewal
from streams.livestreams.shedding import OverloadedError, RestoredError, Shedding
from streams.livestreams.simulcasting import Simulcasts
from streams.livestreams.speed import SpeedWatch
from streams.livestreams.states import EndReason, EventKind, WhileEncoderAway
from streams.media.doctor.doctor import Diagnosis
from streams.media.errors import IngestSilentError, MediaError, SourceRefusedError
from streams.media.ladder import Ladder, Rendition
from streams.media.meter import Measured
from streams.media.source import Source
from streams.organizations.quotas import broadcast_quota_kbps

logger = logging.getLogger(__name__)

# A run checks in every second while it makes progress, and may wait for the database for some of them.
_PROGRESS_S = 10.0


class RunObserver:
    """The `streams.media` Observer of one run; whatever it raises ends the run."""

    def __init__(self, held: HeldLease, session: Session, shedding: Shedding) -> None:
        """`session` has its connections, livestream and organization read along."""
        self._held = held
        self._lease = held.lease
        self._session = session
        self._shedding = shedding
        # Which send it to other platforms as soon as it can be played; None for nowhere.
        self.simulcasts: Simulcasts | None = None
        # What the top of the present run's ladder does without.
        self._left_out: tuple[str, ...] = ()
        self.connection = session.connection
        # By any run, so that a missing picture is a pause, and not a mistake in the encoder's settings.
        self.has_had_picture = bool(session.sent)
        # What came over it before this run; less what this run took in over others before it.
        self._earlier_ms = self.connection.media_ms if self.connection else 0
        # What this run has taken in over all connections.
        self._taken_ms = 0
        # No encoder's picture is in the stream.
        self.is_away = session.lacks_its_encoder
        self._is_playable = False
        # Who was there when the lease was renewed last.
        self._present: UUID | None = None
        self._checked_in_at = time.monotonic()
        self._speed = SpeedWatch()
        self.known_faults = health_notes.known_faults(session)
        self._health = HealthWatch(self.known_faults)
        self._bitrate = BitrateWatch(broadcast_quota_kbps(session.livestream.app.organization))
        # When the present step of the trace began.
        self._step_ns = tracing.now_ns()
        waits_since_ns = clock.epoch_ms(session.created_at) * 1_000_000 if self._lease.epoch == 1 else self._step_ns
        self._note_step("broadcast.wait_for_worker", began_ns=waits_since_ns)

    @property
    def is_progressing(self) -> bool:
        """Media went through lately, whether or not the database let us say so."""
        return time.monotonic() - self._checked_in_at < _PROGRESS_S

    def check_in(
        self, *, media_ms: int, received_bytes: int, measured: Measured, packager_latency_ms: float | None
    ) -> None:
        self._checked_in_at = time.monotonic()
        self._bitrate.note(now_s=self._checked_in_at, received_bytes=received_bytes)
        latency_ms = None if packager_latency_ms is None else round(packager_latency_ms)
        speed = self._speed.note(now_s=self._checked_in_at, media_ms=media_ms)
        readings = self._health.readings
        shown = {**asdict(measured), "packager_latency_ms": latency_ms, "speed": speed, "readings": readings}
        self._taken_ms = media_ms
        renewal = Renewal(self._lease, self.connection, self._earlier_ms + media_ms, shown)
        self._held.renew(renewal)
        self._present = renewal.present
        if self._left_out and self._shedding.restore(self._lease.session_id, now_s=self._checked_in_at):
            raise RestoredError(f"This machine has room again: {self._left_out[-1]} comes back.")

    def diagnosed(self, diagnosis: Diagnosis) -> None:
        found = self._health.take(diagnosis, now=clock.now())
        if found is not None:
            write = partial(health_notes.note_findings, self._lease, found)
            was_written = self._held.try_once(write, what="what is wrong with the encoder") is not None
            self._health.note_try(was_written=was_written, now=clock.now())

    def stay(self) -> None:
        """Keep the session while nothing is run."""
        self._checked_in_at = time.monotonic()
        self._held.renew(Renewal(self._lease, None, 0, {}))

    def overloaded(self, rung: Rendition) -> None:
        now_s = time.monotonic()
        if self._shedding.shed(self._lease.session_id, pixels_per_s=rung.pixels_per_s, now_s=now_s):
            raise OverloadedError(f"This machine is too busy: {rung.name} is left out for now.")

    def found(self, source: Source, ladder: Ladder) -> None:
        self.has_had_picture = True
        renditions: list[dict[str, object]] = [asdict(rendition) for rendition in ladder.renditions]
        self._left_out = tuple(rendition.name for rendition in ladder.left_out)
        self._shedding.found(self._lease.session_id, left_out=len(self._left_out))
        record = partial(leases.record_source, self._lease, source=asdict(source), renditions=renditions)
        self._held.write(partial(record, left_out=self._left_out))
        self._step_ns = self._note_step("broadcast.probe_source", began_ns=self._step_ns)

    def playable(self) -> None:
        self._is_playable = True
        made_ns = self._note_step("broadcast.make_first_parts", began_ns=self._step_ns)
        self._held.write(partial(leases.mark_live, self._lease, has_encoder=not self.is_away))
        self._note_step("broadcast.go_live", began_ns=made_ns)
        if self.simulcasts is not None:
            self.simulcasts.begin(self._session)
        age_s = (clock.now() - self._session.created_at).total_seconds()
        if not self._session.live_epoch and not self._session.standby_node:
            # As the run found it: it was never live before.
            START_DURATION.observe(age_s)
        logger.info("session is live session=%s after_s=%.2f", self._lease, age_s)

    def _note_step(self, name: str, *, began_ns: int) -> int:
        """Tell of a step of the trace that is over; return when the next one begins."""
        told: dict[str, tracing.Attribute] = {"livehub.run.epoch": self._lease.epoch, "livehub.node": settings.NODE}
        tracing.note_step(self._session.pk, name, began_ns=began_ns, attributes=told)
        return tracing.now_ns()

    def left(self, *, media_ms: int) -> float:
        self.note_media(media_ms)
        wait_s = self.mark_away(EndReason.ENCODER_STOPPED)
        # Nobody is waited for where the broadcast ends, whether or not the ingest server has told of it yet.
        self.is_away = wait_s > 0
        return wait_s

    def find_encoder(self) -> str | None:
        if not self.is_away and (self.connection is None or self._present in {None, self.connection.pk}):
            return None
        found = self._held.try_once(partial(leases.await_encoder, self._lease), what="looking for an encoder")
        if found is None:
            return None
        if found.node != settings.NODE:
            raise HandOverError("The encoder is back at another node.")
        self.connection, self._earlier_ms = found, -self._taken_ms
        # Nor is that of one which it takes over from.
        self.is_away = True
        return IngestSource.of(found).name

    def returned(self) -> None:
        self.is_away = False
        # Nothing was to come meanwhile.
        self._speed = SpeedWatch()
        # Before viewers can see anything of one that was on standby, `playable` says so.
        if self._is_playable or not self._session.is_standby:
            self._held.write(partial(leases.mark_back, self._lease))

    def broke_off(self, error: MediaError) -> None:
        kind = EventKind.RUN_POSTPONED if isinstance(error, IngestSilentError) else EventKind.RUN_FAILED
        self._tell(partial(run_notes.note_break, self._lease, kind, message=error.told))

    def refused(self, message: str) -> None:
        # Of one that was to take over: nobody else is there any more.
        self.is_away = True
        if not self.mark_away(EndReason.SOURCE_REFUSED):
            # Nor is anybody waited for.
            raise SourceRefusedError(message)
        self._held.write(partial(leases.turn_away, self._lease, message=message))

    def silent(self) -> None:
        holds = self._session.livestream.while_away == WhileEncoderAway.HOLD
        self._tell(partial(run_notes.note_silence, self._lease, instead="the last picture" if holds else "the slate"))

    def sends_again(self, *, silent_s: float, count: int) -> None:
        self._tell(partial(run_notes.note_end_of_silence, self._lease, silent_s=silent_s, count=count))

    def not_held(self) -> None:
        self._tell(partial(run_notes.note_not_held, self._lease))

    def _tell(self, say: Callable[[], None]) -> None:
        """Write down what nobody waits for."""
        self._held.try_once(say, what="an entry of the timeline")

    def note_media(self, media_ms: int) -> None:
        """Write down what this run has taken in over all its connections."""
        self._taken_ms = media_ms
        if self.connection is not None:
            note = partial(leases.note_media, self.connection, media_ms=self._earlier_ms + media_ms)
            self._held.write(note)

    def mark_away(self, reason: EndReason) -> float:
        """Say that the encoder is gone; return for how many seconds it is to be waited for, or 0."""
        return self._held.write(partial(leases.mark_away, self._lease, reason=reason))
