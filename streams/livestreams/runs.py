"""One run of a session on this worker: the media plane, and what becomes of the session then."""

import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from django.conf import settings

from streams.livestreams import leases, origin, playback, repeats, slate_pictures
from streams.livestreams.bitrate import BitrateExceededError
from streams.livestreams.encoders import IngestSource
from streams.livestreams.held_lease import HandOverError, HeldLease
from streams.livestreams.locks import LeaseLostError
from streams.livestreams.models import Lease, Session
from streams.livestreams.renewals import Renewals
from streams.livestreams.run_observer import RunObserver
from streams.livestreams.shedding import LadderChangedError, Shedding
from streams.livestreams.simulcasting import Simulcasts
from streams.livestreams.states import EndReason
from streams.livestreams.storage import Storage, local_storage
from streams.livestreams.waiting import wait_for_encoder
from streams.media.broadcast import run_broadcast
from streams.media.errors import (
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
from streams.media.ladder import build_ladder
from streams.media.output import Playback
from streams.media.source import Source
from streams.media.targets import Latency

logger = logging.getLogger(__name__)

# What to write about how a run went; it returns the seconds until the next one may start, or None for no more here.
_Conclusion = Callable[[], float | None]
# A lease is free by the database's clock; asked a little early it would be refused.
CLOCK_SLACK_S = 0.05
_VIDEO_IS_OFF = "The encoder sends no picture any more. Turn its video on again."
_UNFORESEEN = "Something went wrong inside LiveHub. The server's log says what."


class SessionRun:
    """One run of a session; it ends when the session is no longer ours."""

    def __init__(
        self,
        lease: Lease,
        stopping: threading.Event,
        renewals: Renewals,
        *,
        shedding: Shedding | None = None,
        simulcasts: Simulcasts | None = None,
        gop_s: float = 0.0,
    ) -> None:
        self.gop_s = gop_s
        self._shedding = shedding or Shedding()
        self._lease = lease
        self._held = HeldLease(lease, stopping, renewals)
        self._session = (
            Session.objects.select_related("livestream__app__organization").with_connections().get(pk=lease.session_id)
        )
        self._take_over_left_out()
        self.observer = RunObserver(self._held, self._session, self._shedding)
        livestream, is_test_picture = self._session.livestream, self._session.is_of_test_picture()
        # A test picture is for our own pages: it goes to no other platform.
        self.observer.simulcasts = None if is_test_picture else simulcasts
        # Viewers see it while an encoder is waited for.
        self._shows_slate = livestream.shows_slate and not is_test_picture
        self._storage: Storage = local_storage()

    def _take_over_left_out(self) -> None:
        """Begin without what the worker before has left out: its machine is most often this one."""
        if self._session.left_out:
            ladder = build_ladder(Source(**self._session.source)).without_top(len(self._session.left_out))
            pixels = [rung.pixels_per_s for rung in ladder.left_out]
            self._shedding.take_over(self._session.pk, pixels_per_s=pixels, now_s=time.monotonic())

    def run(self) -> float | None:
        """Return the seconds until the next run may start, or None when this worker is done with the session."""
        try:
            delay_s = self._held.write(self._broadcast())
        except LeaseLostError:
            logger.info("session is over or another worker's session=%s", self._lease)
            delay_s = None
        try:
            # Sooner than the queue of the files, where it is asked for as well.
            self._held.write(partial(playback.finish_playlists, session_id=self._lease.session_id))
        except (OSError, LeaseLostError):
            logger.warning("playlists not finished here session=%s", self._lease, exc_info=True)
        return delay_s

    def _broadcast(self) -> _Conclusion:
        """Run the media plane, or wait for an encoder, and return what to write about how that ended."""
        try:
            if self.observer.is_away and not self._can_begin_with_slate:
                return self._await_encoder(wait_s=self._session.reconnect_left_s)
            return self._run_media_plane()
        except (HandOverError, LeaseLostError):
            # Releasing a lease that is lost changes nothing.
            return partial(leases.release_lease, self._lease)
        except LadderChangedError as error:
            logger.warning("ladder changes session=%s: %s", self._lease, error)
            return partial(repeats.reshape_session, self._lease, error.kind, message=error.told)

    def _run_media_plane(self) -> _Conclusion:
        """Run the media plane, and return what to write.

        :raises HandOverError, LeaseLostError: when the session is not ours any more.
        :raises LadderChangedError: when it is to be run with more renditions, or fewer.
        """
        try:
            if not self._session.live_epoch:
                # Nothing of an earlier session is shown while a new one connects, however often that is tried.
                self._storage.withdraw(self._session.livestream.playback_id)
            outcome = run_broadcast(self._job_spec(), self.observer)
        except SourceRefusedError as error:
            return self._refuse(error)
        except SourceChangedError as error:
            self.gop_s = error.gop_s if isinstance(error, KeyFramesTooFarError) else 0.0
            logger.info("source changed session=%s: %s", self._lease, error)
            return partial(repeats.recheck_session, self._lease, message=error.told)
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
            return partial(repeats.retry_session, self._lease, message=told)
        return partial(self._finish, media_ms=outcome.media_ms)

    @property
    def _can_begin_with_slate(self) -> bool:
        return bool(self._session.source) and self._shows_slate

    def _wait_on(self, *, wait_s: float) -> _Conclusion:
        """Have the next run begin with the slate, or wait for an encoder without one."""
        if self._can_begin_with_slate:
            return partial(leases.conclude_waiting, self._lease)
        return self._await_encoder(wait_s=wait_s)

    def _await_encoder(self, *, wait_s: float) -> _Conclusion:
        """Wait for an encoder, whom another run follows: until one goes on over all connections."""
        # However this run found out: whoever was there is gone.
        self.observer.is_away = True
        wait_for_encoder(
            wait_s=wait_s + CLOCK_SLACK_S,
            find=self.observer.find_encoder,
            renew=self.observer.stay,
            stopping=self._held.stopping,
        )
        return partial(leases.conclude_waiting, self._lease)

    def _refuse(self, error: SourceRefusedError) -> _Conclusion:
        if isinstance(error, NoPictureError) and self.observer.has_had_picture:
            return self._postpone(error, told=_VIDEO_IS_OFF)
        if wait_s := self._held.write(partial(leases.turn_away, self._lease, message=error.told)):
            return self._wait_on(wait_s=wait_s)
        return partial(leases.fail_session, self._lease, reason=EndReason.SOURCE_REFUSED, message=error.told)

    def _lose(self, error: SourceLostError) -> _Conclusion:
        if wait_s := self.observer.mark_away(EndReason.ENCODER_LOST):
            return self._wait_on(wait_s=wait_s)
        return partial(leases.finish_session, self._lease, reason=EndReason.ENCODER_LOST, message=error.told)

    def _postpone(self, error: MediaError, *, told: str) -> _Conclusion:
        logger.warning("run postponed session=%s: %s", self._lease, error)
        return partial(repeats.postpone_session, self._lease, message=told)

    def _finish(self, *, media_ms: int) -> float | None:
        if self.observer.is_away:
            # None has come in time, or only just.
            return leases.conclude_waiting(self._lease)
        self.observer.note_media(media_ms)
        leases.finish_session(self._lease, reason=EndReason.ENCODER_STOPPED)
        return None

    def _job_spec(self) -> JobSpec:
        connection, is_away = self.observer.connection, self.observer.is_away
        if connection is None and not is_away:
            raise SourceLostError("No encoder has connected.")
        source = IngestSource.of(connection) if connection is not None else IngestSource(settings.NODE, "")
        livestream = self._session.livestream
        folder = self._storage.session_folder(livestream.playback_id, session_id=self._lease.session_id)
        return JobSpec(
            server=source.server,
            name="" if is_away else source.name,
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
            slate_picture=self._held.write(partial(slate_pictures.slate_picture_path, livestream.pk)),
            source=Source(**self._session.source) if is_away else None,
            shed=self._shedding.count(self._lease.session_id),
            slate_after_s=settings.SLATE_AFTER_MS / 1000,
            findings=self.observer.known_faults,
        )
