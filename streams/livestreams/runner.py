"""Running a session on this worker: the lease, the media plane, and what becomes of the session."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import TypeVar
from uuid import UUID

from django import db
from django.conf import settings

from livehub.core import clock
from livehub.core.deadline import deadline
from livehub.core.outage import DATABASE_OUTAGE, describe
from streams.livestreams import leases, origin, playback, slate_pictures
from streams.livestreams.bitrate import BitrateExceededError, BitrateWatch
from streams.livestreams.encoders import IngestSource
from streams.livestreams.locks import LeaseLostError
from streams.livestreams.models import Connection, Lease, Session
from streams.livestreams.renewals import Renewal, Renewals
from streams.livestreams.shedding import LadderChangedError, OverloadedError, RestoredError, Shedding
from streams.livestreams.speed import SpeedWatch
from streams.livestreams.states import EndReason, WhileEncoderAway
from streams.livestreams.storage import Storage, local_storage
from streams.livestreams.waiting import wait_for_encoder
from streams.media.broadcast import run_broadcast
from streams.media.errors import (
    BrokenOffError,
    EncoderAwayError,
    IngestSilentError,
    KeyFramesTooFarError,
    MediaError,
    NoPictureError,
    SourceChangedError,
    SourceLostError,
    SourceRefusedError,
    StorageFullError,
)
from streams.media.job import JobSpec, WhileAway
from streams.media.ladder import Ladder, Rendition
from streams.media.meter import Measured
from streams.media.output import Playback
from streams.media.source import Source
from streams.media.targets import Latency
from streams.organizations.quotas import broadcast_quota_kbps

logger = logging.getLogger(__name__)

_Result = TypeVar("_Result")
# What to write about how a run went; it returns the seconds until the next one may start, or None for no more here.
_Conclusion = Callable[[], float | None]
_DATABASE_RETRY_S = 1.0
_RENEWAL_TIMEOUT_S = 0.9
# A lease is free by the database's clock; asked a little early it would be refused.
_CLOCK_SLACK_S = 0.05
# A run checks in every second while it makes progress, and may wait for the database for some of them.
_PROGRESS_S = 10.0
# Of a source that does not tell how many frames it has a second.
_USUAL_FPS = 30.0
_VIDEO_IS_OFF = "The encoder sends no picture any more. Turn its video on again."
_UNFORESEEN = "Something went wrong inside LiveHub. The server's log says what."


class HandOverError(BrokenOffError):
    """Another worker is to run the session, or does already."""


class Worker:
    """This process, as it runs sessions; a `stopping` one hands them over instead of finishing them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.stopping = threading.Event()
        self._renewals = Renewals()
        self._runs: dict[UUID, _Run] = {}
        # What an earlier run has found out of its session's key frames.
        self._gops_s: dict[UUID, float] = {}
        self._shedding = Shedding()

    def run_session(self, session_id: UUID) -> None:
        """Run a session until its encoder stops, if nobody else does.

        Side effects: the session's rows, its files, child processes (none is left behind).
        """
        while (delay_s := self._run_once(session_id)) is not None:
            # The slot stays ours: during a delay the session is nobody else's either.
            if self.stopping.wait(delay_s + _CLOCK_SLACK_S):
                return
        self._gops_s.pop(session_id, None)
        self._shedding.forget(session_id)

    def _run_once(self, session_id: UUID) -> float | None:
        """Run it once; return the seconds until the next run may start, or None when there is none for us."""
        running = self._runs.get(session_id)
        if running is not None and running.is_progressing:
            # The database was away for longer than a lease lasts, and the next renewal makes up for it: there is
            # nothing to take over from ourselves.
            return None
        lease = leases.claim_session(session_id=session_id, worker=self.name, node=settings.NODE)
        if lease is None:
            return None
        logger.info("run starts session=%s", lease)
        run = self._runs[session_id] = _Run(
            lease,
            self.stopping,
            self._renewals,
            shedding=self._shedding,
            gop_s=self._gops_s.get(session_id, 0.0),
        )
        try:
            return run.run()
        finally:
            self._gops_s[session_id] = run.gop_s
            if self._runs.get(session_id) is run:
                del self._runs[session_id]


class _Run:
    """One run of a session. Writes down what the media plane tells, and ends when the session is no longer ours."""

    def __init__(
        self,
        lease: Lease,
        stopping: threading.Event,
        renewals: Renewals,
        *,
        shedding: Shedding | None = None,
        gop_s: float = 0.0,
    ) -> None:
        self.gop_s = gop_s
        self._shedding = shedding or Shedding()
        # What the top of the present run's ladder does without.
        self._left_out: tuple[str, ...] = ()
        self._renewals = renewals
        self._lease = lease
        self._stopping = stopping
        self._session = (
            Session.objects.select_related("livestream__app__organization").with_connections().get(pk=lease.session_id)
        )
        self._connection: Connection | None = self._session.connection
        # By any run, so that a missing picture is a pause, and not a mistake in the encoder's settings.
        self._has_had_picture = bool(self._session.source)
        # What came over it before this run; less what this run took in over others before it.
        self._earlier_ms = self._connection.media_ms if self._connection else 0
        # What this run has taken in over all connections.
        self._taken_ms = 0
        # Viewers see it while an encoder is waited for.
        livestream = self._session.livestream
        self._shows_slate = (
            livestream.reconnect_window_s > 0
            and livestream.while_away != WhileEncoderAway.NOTHING
            and not self._session.is_of_test_picture()
        )
        # No encoder's picture is in the stream.
        self._is_away = self._session.lacks_its_encoder
        # Who was there when the lease was renewed last.
        self._present: UUID | None = None
        self._storage: Storage = local_storage()
        self._checked_in_at = time.monotonic()
        self._speed = SpeedWatch()
        self._bitrate = BitrateWatch(broadcast_quota_kbps(self._session.livestream.app.organization))

    @property
    def is_progressing(self) -> bool:
        """Media went through lately, whether or not the database let us say so."""
        return time.monotonic() - self._checked_in_at < _PROGRESS_S

    def run(self) -> float | None:
        """Return the seconds until the next run may start, or None when this worker is done with the session."""
        try:
            delay_s = self._write(self._broadcast())
        except LeaseLostError:
            logger.info("session is over or another worker's session=%s", self._lease)
            delay_s = None
        try:
            # Sooner than the queue of the files, where it is asked for as well.
            self._write(partial(playback.finish_playlists, session_id=self._lease.session_id))
        except (OSError, LeaseLostError):
            logger.warning("playlists not finished here session=%s", self._lease, exc_info=True)
        return delay_s

    def check_in(
        self, *, media_ms: int, received_bytes: int, measured: Measured, packager_latency_ms: float | None
    ) -> None:
        self._checked_in_at = time.monotonic()
        self._bitrate.note(now_s=self._checked_in_at, received_bytes=received_bytes)
        latency_ms = None if packager_latency_ms is None else round(packager_latency_ms)
        speed = self._speed.note(now_s=self._checked_in_at, media_ms=media_ms)
        shown = {**asdict(measured), "packager_latency_ms": latency_ms, "speed": speed}
        self._taken_ms = media_ms
        renewal = Renewal(self._lease, self._connection, self._earlier_ms + media_ms, shown)
        self._renew(renewal)
        self._present = renewal.present
        if self._left_out and self._shedding.restore(self._lease.session_id, now_s=self._checked_in_at):
            raise RestoredError(f"This machine has room again: {self._left_out[-1]} comes back.")

    def overloaded(self, rung: Rendition) -> None:
        pixels_per_s = rung.width * rung.height * (rung.fps or _USUAL_FPS)
        if self._shedding.shed(self._lease.session_id, pixels_per_s=pixels_per_s, now_s=time.monotonic()):
            raise OverloadedError(f"This machine is too busy: {rung.name} is left out for now.")

    def _renew(self, renewal: Renewal) -> None:
        """Keep the session.

        :raises HandOverError: when another worker is to run it, or does.
        :raises LeaseLostError: when it is over.
        """
        if self._stopping.is_set():
            raise HandOverError
        try:
            # Each wait is less than the time between two: ffmpeg is watched from the same thread.
            self._renewals.renew(renewal, timeout_s=_RENEWAL_TIMEOUT_S)
        except LeaseLostError:
            if not self._is_over():
                raise HandOverError("Another worker runs the session.") from None
            raise
        except DATABASE_OUTAGE as error:
            # As long as the database is away nobody else can claim the session either, and once it is back, the next
            # renewal tells whether somebody has.
            logger.warning("lease not renewed session=%s %s", self._lease, describe(error))
        finally:
            db.close_old_connections()

    def _is_over(self) -> bool:
        """Tell whether the session is known to be over: not to know is no end for viewers."""
        try:
            with deadline(_RENEWAL_TIMEOUT_S):
                return not Session.objects.open().filter(pk=self._lease.session_id).exists()
        except DATABASE_OUTAGE:
            return False

    def found(self, source: Source, ladder: Ladder) -> None:
        self._has_had_picture = True
        renditions: list[dict[str, object]] = [asdict(rendition) for rendition in ladder.renditions]
        self._left_out = tuple(rendition.name for rendition in ladder.left_out)
        self._shedding.found(self._lease.session_id, left_out=len(self._left_out))
        record = partial(leases.record_source, self._lease, source=asdict(source), renditions=renditions)
        self._write(partial(record, left_out=self._left_out))

    def playable(self) -> None:
        self._write(partial(leases.mark_live, self._lease, has_encoder=not self._is_away))
        age_s = (clock.now() - self._session.created_at).total_seconds()
        logger.info("session is live session=%s after_s=%.2f", self._lease, age_s)

    def left(self, *, media_ms: int) -> float:
        self._taken_ms = media_ms
        if self._connection is not None:
            note = partial(leases.note_media, self._connection, media_ms=self._earlier_ms + media_ms)
            self._write(note)
        wait_s = self._mark_away(EndReason.ENCODER_STOPPED)
        # Nobody is waited for where the broadcast ends, whether or not the ingest server has told of it yet.
        self._is_away = wait_s > 0
        return wait_s

    def find_encoder(self) -> str | None:
        if not self._is_away and (self._connection is None or self._present in {None, self._connection.pk}):
            return None
        try:
            with deadline(_RENEWAL_TIMEOUT_S):
                found = leases.await_encoder(self._lease)
        except DATABASE_OUTAGE as error:
            logger.warning("encoder not looked for session=%s %s", self._lease, describe(error))
            return None
        finally:
            db.close_old_connections()
        if found is None:
            return None
        if found.node != settings.NODE:
            raise HandOverError("The encoder is back at another node.")
        self._connection, self._earlier_ms = found, -self._taken_ms
        return IngestSource.of(found).name

    def returned(self) -> None:
        self._is_away = False
        self._write(partial(leases.mark_back, self._lease))

    def silent(self) -> None:
        holds = self._session.livestream.while_away == WhileEncoderAway.HOLD
        self._tell(partial(leases.note_silence, self._lease, instead="the last picture" if holds else "the slate"))

    def sends_again(self, *, silent_s: float, count: int) -> None:
        self._tell(partial(leases.note_end_of_silence, self._lease, silent_s=silent_s, count=count))

    def not_held(self) -> None:
        self._tell(partial(leases.note_not_held, self._lease))

    def _tell(self, say: Callable[[], None]) -> None:
        """Write down what nobody waits for: where the database is away it is left out."""
        try:
            with deadline(_RENEWAL_TIMEOUT_S):
                say()
        except DATABASE_OUTAGE as error:
            logger.warning("not told session=%s %s", self._lease, describe(error))
        finally:
            db.close_old_connections()

    def _mark_away(self, reason: EndReason) -> float:
        return self._write(partial(leases.mark_away, self._lease, reason=reason))

    def _await_encoder(self, *, wait_s: float) -> _Conclusion:
        """Wait for an encoder, whom another run follows: until one goes on over all connections."""
        wait_for_encoder(
            wait_s=wait_s + _CLOCK_SLACK_S, find=self.find_encoder, renew=self._stay, stopping=self._stopping
        )
        return partial(leases.conclude_waiting, self._lease)

    def _stay(self) -> None:
        self._checked_in_at = time.monotonic()
        self._renew(Renewal(self._lease, None, 0, {}))

    def refused(self, message: str) -> None:
        # Of one that was to take over: nobody else is there any more.
        self._is_away = True
        self._mark_away(EndReason.SOURCE_REFUSED)
        self._write(partial(leases.turn_away, self._lease, message=message))

    def _broadcast(self) -> _Conclusion:
        """Run the media plane, or wait for an encoder, and return what to write about how that ended."""
        try:
            if self._is_away and not (self._session.source and self._shows_slate):
                return self._await_encoder(wait_s=self._session.reconnect_left_s)
            return self._run_media_plane()
        except (HandOverError, LeaseLostError):
            # Releasing a lease that is lost changes nothing.
            return partial(leases.release_lease, self._lease)
        except LadderChangedError as error:
            logger.warning("ladder changes session=%s: %s", self._lease, error)
            return partial(leases.reshape_session, self._lease, error.kind, message=error.told)

    def _run_media_plane(self) -> _Conclusion:
        """Run the media plane, and return what to write.

        :raises HandOverError, LeaseLostError: when the session is not ours any more.
        :raises LadderChangedError: when it is to be run with more renditions, or fewer.
        """
        try:
            if not self._session.live_epoch:
                # Nothing of an earlier session is shown while a new one connects, however often that is tried.
                self._storage.withdraw(self._session.livestream.playback_id)
            outcome = run_broadcast(self._job_spec(), self)
        except SourceRefusedError as error:
            return self._refuse(error)
        except SourceChangedError as error:
            self.gop_s = error.gop_s if isinstance(error, KeyFramesTooFarError) else 0.0
            logger.info("source changed session=%s: %s", self._lease, error)
            return partial(leases.recheck_session, self._lease, message=error.told)
        except BitrateExceededError as error:
            return partial(leases.fail_session, self._lease, reason=EndReason.OVER_QUOTA, message=error.message)
        except SourceLostError as error:
            return self._lose(error)
        except EncoderAwayError as away:
            return self._await_encoder(wait_s=away.wait_s)
        except (HandOverError, LeaseLostError, LadderChangedError):
            raise
        except (IngestSilentError, StorageFullError) as error:
            return self._postpone(error, told=error.told)
        except Exception as error:
            # Whatever it was (a crash of ffmpeg, a hung pull): it is tried again, and in the end the operator told.
            logger.exception("run failed session=%s", self._lease)
            told = error.told if isinstance(error, MediaError) else _UNFORESEEN
            return partial(leases.retry_session, self._lease, message=told)
        return partial(self._finish, media_ms=outcome.media_ms)

    def _refuse(self, error: SourceRefusedError) -> _Conclusion:
        if isinstance(error, NoPictureError) and self._has_had_picture:
            return self._postpone(error, told=_VIDEO_IS_OFF)
        if wait_s := self._write(partial(leases.turn_away, self._lease, message=error.told)):
            return self._await_encoder(wait_s=wait_s)
        return partial(leases.fail_session, self._lease, reason=EndReason.SOURCE_REFUSED, message=error.told)

    def _lose(self, error: SourceLostError) -> _Conclusion:
        if wait_s := self._mark_away(EndReason.ENCODER_LOST):
            return self._await_encoder(wait_s=wait_s)
        return partial(leases.finish_session, self._lease, reason=EndReason.ENCODER_LOST, message=error.told)

    def _postpone(self, error: MediaError, *, told: str) -> _Conclusion:
        logger.warning("run postponed session=%s: %s", self._lease, error)
        return partial(leases.postpone_session, self._lease, message=told)

    def _finish(self, *, media_ms: int) -> float | None:
        if self._is_away:
            # None has come in time, or only just.
            return leases.conclude_waiting(self._lease)
        if self._connection is not None:
            leases.note_media(self._connection, media_ms=self._earlier_ms + media_ms)
        leases.finish_session(self._lease, reason=EndReason.ENCODER_STOPPED)
        return None

    def _job_spec(self) -> JobSpec:
        if self._connection is None:
            raise SourceLostError("No encoder has connected.")
        source, livestream = IngestSource.of(self._connection), self._session.livestream
        folder = self._storage.session_folder(livestream.playback_id, session_id=self._lease.session_id)
        return JobSpec(
            server=source.server,
            name="" if self._is_away else source.name,
            playback=Playback(
                folder=folder,
                epoch=self._lease.epoch,
                dvr_window_s=livestream.dvr_window_s,
                publish=partial(self._storage.publish, livestream.playback_id),
                told=origin.tell_of,
                preview_path=self._storage.preview_path(livestream.playback_id),
            ),
            latency_mode=Latency(livestream.latency_mode),
            thumbnail_path=self._storage.thumbnail_path(livestream.playback_id),
            thumbnail_s=settings.THUMBNAIL_S,
            max_height=settings.MAX_HEIGHT,
            gop_s=self.gop_s,
            slates_path=self._storage.slates_path(),
            while_away=WhileAway(livestream.while_away) if self._shows_slate else WhileAway.NOTHING,
            slate_picture=self._write(partial(slate_pictures.slate_picture_path, livestream.pk)),
            source=Source(**self._session.source) if self._is_away else None,
            shed=self._shedding.count(self._lease.session_id),
            slate_after_s=settings.SLATE_AFTER_MS / 1000,
        )

    def _write(self, change: Callable[[], _Result]) -> _Result:
        """Write as soon as the database lets us: a broadcast outlives it, and so does what became of it.

        :raises LeaseLostError: when this worker stops meanwhile: the lease runs out, and another one takes over.
        """
        while True:
            try:
                return change()
            except DATABASE_OUTAGE as error:
                logger.warning("not written yet session=%s %s", self._lease, describe(error))
            finally:
                # Back to the pool: a session lasts for hours.
                db.close_old_connections()
            if self._stopping.is_set():
                raise LeaseLostError(f"Session {self._lease.session_id} was not concluded before this worker stopped.")
            time.sleep(_DATABASE_RETRY_S)
