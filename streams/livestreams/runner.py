"""Running a session on this worker: the lease, the media plane, and what becomes of the session."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from django import db
from django.conf import settings

from livehub.core import clock
from streams.livestreams import lifecycle, playback
from streams.livestreams.encoders import is_publishing
from streams.livestreams.lifecycle import Lease, LeaseLostError
from streams.livestreams.models import Session
from streams.livestreams.states import EndReason
from streams.media import nginx_rtmp
from streams.media.broadcast import JobSpec, Outcome, run_broadcast
from streams.media.errors import BrokenOffError, MediaError, SourceLostError, SourceRefusedError
from streams.media.ladder import Ladder
from streams.media.source import Source

logger = logging.getLogger(__name__)

_DATABASE_RETRY_S = 1.0
# How long nginx may take to register an encoder whose hook it is still waiting for.
_REGISTRATION_S = 3.0
# By then an encoder that sends H.264 has announced it.
_ANNOUNCEMENT_S = 4.0


class HandOverError(BrokenOffError):
    """Another worker is to run the session, or does already."""


class BrokenPullError(MediaError):
    """The pull from the ingest server ended, but the encoder still publishes."""


def run_session(*, session_id: UUID, worker: str, stopping: threading.Event) -> None:
    """Run a session until its encoder stops, if nobody else does.

    Side effects: the session's row, its files, child processes (none is left behind). A `stopping` worker hands the
    session over instead of finishing it.
    """
    lease = lifecycle.claim_session(session_id=session_id, worker=worker)
    if lease is None:
        return
    session = Session.objects.select_related("livestream").get(pk=session_id)
    logger.info("session starts session=%s epoch=%s", session_id, lease.epoch)
    if lease.epoch == 1:
        playback.take_down_earlier(session.livestream)
    conclude = _broadcast(session, lease, stopping)
    try:
        _write(conclude)
    except LeaseLostError:
        logger.info("session is over or another worker's session=%s epoch=%s", session_id, lease.epoch)
    _write(partial(playback.finish_playlists, session_id=session_id))


def _broadcast(session: Session, lease: Lease, stopping: threading.Event) -> Callable[[], None]:
    """Run the media plane and return what to write about how that ended."""
    try:
        outcome = _run(session, lease, stopping)
    except SourceRefusedError as error:
        return partial(lifecycle.fail_session, lease, reason=EndReason.SOURCE_REFUSED, message=str(error))
    except SourceLostError:
        return partial(lifecycle.finish_session, lease, reason=EndReason.ENCODER_LOST)
    except (HandOverError, LeaseLostError):
        # Releasing a lease that is lost changes nothing.
        return partial(lifecycle.release_lease, lease)
    except Exception as error:
        # Whatever it was (a crash of ffmpeg, a full disk): the broadcast is tried again, and then the operator told.
        logger.exception("session crashed session=%s epoch=%s", session.pk, lease.epoch)
        return partial(lifecycle.retry_session, lease, message=str(error))
    ingest_ms = _elapsed_ms(session, received_at=outcome.received_at)
    return partial(lifecycle.finish_session, lease, reason=EndReason.ENCODER_STOPPED, ingest_ms=ingest_ms)


def _run(session: Session, lease: Lease, stopping: threading.Event) -> Outcome:
    """Run the media plane, and believe an end of the stream only if the encoder is gone.

    :raises BrokenPullError: when it is still there.
    """
    try:
        outcome = run_broadcast(_job_spec(session, lease), _SessionObserver(session, lease, stopping))
    except SourceLostError as error:
        if is_publishing(session.pk):
            raise BrokenPullError("The pull from the ingest server broke off before a picture came.") from error
        raise
    if is_publishing(session.pk):
        raise BrokenPullError("The pull from the ingest server broke off.")
    return outcome


def _write(change: Callable[[], None]) -> None:
    """Write, as soon as the database lets us: a broadcast outlives its database, and so does what became of it."""
    while True:
        try:
            change()
        except (db.OperationalError, db.InterfaceError):
            logger.warning("the database is away; trying again", exc_info=True)
            time.sleep(_DATABASE_RETRY_S)
        else:
            return
        finally:
            # Back to the pool: a session lasts for hours.
            db.close_old_connections()


def _job_spec(session: Session, lease: Lease) -> JobSpec:
    return JobSpec(
        source_url=f"{settings.INGEST_PULL_URL}{session.pk.hex}",
        multivariant_path=playback.multivariant_path(session.livestream),
        packaging=playback.packaging_for(session.livestream, lease),
        max_height=settings.MAX_HEIGHT,
    )


def _elapsed_ms(session: Session, *, received_at: float) -> int | None:
    """Return the time from the acceptance of the encoder to its latest media, None before there is any."""
    if received_at == 0:
        return None
    elapsed = datetime.fromtimestamp(received_at, tz=UTC) - session.created_at
    return max(0, int(elapsed.total_seconds() * 1000))


class _SessionObserver:
    """Writes down what the media plane tells, and ends the run when the session is no longer ours."""

    def __init__(self, session: Session, lease: Lease, stopping: threading.Event) -> None:
        self._session = session
        self._lease = lease
        self._stopping = stopping

    def check_in(self, *, received_at: float) -> None:
        if self._stopping.is_set():
            raise HandOverError
        try:
            lifecycle.renew_lease(self._lease, ingest_ms=_elapsed_ms(self._session, received_at=received_at))
        except LeaseLostError:
            if Session.objects.open().filter(pk=self._session.pk).exists():
                raise HandOverError("Another worker runs the session.") from None
            raise
        except (db.OperationalError, db.InterfaceError):
            # As long as the database is away nobody else can claim the session either, and once it is back, the next
            # renewal tells whether somebody has.
            logger.warning("lease not renewed session=%s", self._session.pk, exc_info=True)
        finally:
            db.close_old_connections()

    def await_media(self, *, waited_s: float) -> None:
        with suppress(nginx_rtmp.IngestUnavailableError):  # Then the relay ends too, and says so.
            publisher = nginx_rtmp.find_publisher(settings.INGEST_CONTROL_SOCKET, name=self._session.pk.hex)
            if publisher is None and waited_s > _REGISTRATION_S:
                raise SourceLostError("Nothing is published under this name any more.")
            if publisher is not None and waited_s > _ANNOUNCEMENT_S:
                _check_announcement(publisher)

    def found(self, source: Source, ladder: Ladder) -> None:
        renditions: list[dict[str, object]] = [asdict(rendition) for rendition in ladder.renditions]
        _write(partial(lifecycle.record_source, self._lease, source=asdict(source), renditions=renditions))

    def playable(self) -> None:
        _write(partial(lifecycle.mark_live, self._lease))
        logger.info("session is live session=%s after_s=%.2f", self._session.pk, _age_s(self._session))


def _check_announcement(publisher: nginx_rtmp.Publisher) -> None:
    if not publisher.video_codec:
        raise SourceRefusedError("No video arrives. Add a video source to the encoder, in H.264.")
    if publisher.video_codec != "H264":
        # nginx-rtmp misnames the codecs of enhanced RTMP, so a name of ours would be a guess.
        raise SourceRefusedError(
            "The video is not H.264 (perhaps HEVC or AV1). Set the encoder's video codec to H.264."
        )


def _age_s(session: Session) -> float:
    return (clock.now() - session.created_at).total_seconds()
