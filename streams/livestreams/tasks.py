"""Celery's side of livestreams: tasks take ids, are idempotent, and make one call."""

import os
import socket
import threading
from uuid import UUID

from celery import shared_task
from celery.signals import worker_shutting_down
from django.conf import settings

from streams.livestreams import lifecycle, playback, runner
from streams.media import nginx_rtmp

_stopping = threading.Event()
_WORKER = f"{socket.gethostname()}:{os.getpid()}"


@worker_shutting_down.connect
def _hand_over(**_: object) -> None:
    _stopping.set()


@shared_task(name="streams.run_session")
def run_session(session_id: str) -> None:
    """Run a live session; the one task without a time limit."""
    runner.run_session(session_id=UUID(session_id), worker=_WORKER, stopping=_stopping)


@shared_task(
    name="streams.drop_publisher",
    time_limit=30,
    autoretry_for=(nginx_rtmp.IngestUnavailableError,),
    retry_backoff=True,
    max_retries=5,
)
def drop_publisher(session_id: str) -> None:
    """Cut the encoder of a session that is over."""
    nginx_rtmp.drop_publisher(settings.INGEST_CONTROL_SOCKET, name=UUID(session_id).hex)


@shared_task(name="streams.sweep_sessions", time_limit=30)
def sweep_sessions() -> None:
    """Find open sessions that nobody runs."""
    lifecycle.sweep_sessions()


@shared_task(name="streams.finish_playlists", time_limit=60)
def finish_playlists(session_id: str) -> None:
    """Tell players that a session is over whose transcoder could not."""
    playback.finish_playlists(session_id=UUID(session_id))


@shared_task(name="streams.remove_playback", time_limit=60, autoretry_for=(OSError,), retry_backoff=True, max_retries=8)
def remove_playback(livestream_id: str) -> None:
    """Remove the files of a deleted livestream."""
    playback.remove_deleted(livestream_id=UUID(livestream_id))


# Less than the time between two of them, so that they never take both slots of the queue.
@shared_task(name="streams.remove_expired_playback", time_limit=50)
def remove_expired_playback() -> None:
    """Remove the files of sessions that ended long enough ago."""
    playback.remove_expired()
