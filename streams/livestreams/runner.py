"""Running a session on this worker: the lease, the media plane, and what becomes of the session."""

import logging
import threading
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from uuid import UUID

from django import db
from django.conf import settings

from livehub.core import clock
from streams.livestreams import lifecycle, playback
from streams.livestreams.lifecycle import Lease, LeaseLostError
from streams.livestreams.models import Session
from streams.livestreams.states import EndReason
from streams.media import nginx_rtmp
from streams.media.broadcast import JobSpec, Outcome, run_broadcast
from streams.media.errors import SourceLostError, SourceRefusedError, TranscoderFailedError
from streams.media.ladder import Ladder
from streams.media.source import Source

logger = logging.getLogger(__name__)

# After this many runs ended in a crash of ffmpeg, another one would end alike.
_MOST_RUNS = 5
# How long nginx may take to register an encoder whose hook it is still waiting for.
_REGISTRATION_S = 3.0
# By then an encoder that sends H.264 has announced it.
_ANNOUNCEMENT_S = 4.0


class HandOverError(Exception):
    """This worker is shutting down: another one is to run the session."""


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
    try:
        outcome = run_broadcast(_job_spec(session, lease), _SessionObserver(session, lease, stopping))
        lifecycle.end_session(session=session, reason=EndReason.ENCODER_STOPPED, ingest_ms=_ingest_ms(session, outcome))
    except SourceLostError:
        lifecycle.end_session(session=session, reason=EndReason.ENCODER_LOST)
    except SourceRefusedError as error:
        lifecycle.fail_session(session=session, reason=EndReason.SOURCE_REFUSED, message=str(error))
    except TranscoderFailedError as error:
        _retry_or_fail(session, lease, error)
    except HandOverError:
        lifecycle.release_lease(lease)
    except LeaseLostError:
        logger.info("session is over or handed over session=%s epoch=%s", session_id, lease.epoch)
    finally:
        playback.finish_playlists(session_id=session_id)
        db.close_old_connections()


def _retry_or_fail(session: Session, lease: Lease, error: TranscoderFailedError) -> None:
    logger.error("transcoder failed session=%s epoch=%s: %s", session.pk, lease.epoch, error)
    if lease.epoch < _MOST_RUNS:
        lifecycle.release_lease(lease)
        return
    message = f"The transcoder failed {_MOST_RUNS} times. Its last words: {error}"
    lifecycle.fail_session(session=session, reason=EndReason.TRANSCODER_FAILED, message=message)


def _job_spec(session: Session, lease: Lease) -> JobSpec:
    return JobSpec(
        source_url=f"{settings.INGEST_PULL_URL}{session.pk.hex}",
        multivariant_path=playback.multivariant_path(session.livestream),
        packaging=playback.packaging_for(session.livestream, lease),
        max_height=settings.MAX_HEIGHT,
    )


def _ingest_ms(session: Session, outcome: Outcome) -> int:
    return _elapsed_ms(session, received_at=outcome.received_at)


def _elapsed_ms(session: Session, *, received_at: float) -> int:
    """Return the time from the acceptance of the encoder to its latest media."""
    if received_at == 0:
        return 0
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
        except db.Error:
            # A broadcast outlives its database: as long as that is away nobody else can claim the session, and once it
            # is back, the next renewal tells whether somebody has.
            logger.warning("lease not renewed session=%s", self._session.pk, exc_info=True)
        finally:
            # Back to the pool: a session lasts for hours.
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
        lifecycle.record_source(self._lease, source=asdict(source), renditions=renditions)

    def playable(self) -> None:
        lifecycle.mark_live(self._lease)
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
