"""Celery's side of livestreams: tasks take ids, are idempotent, and make one call."""

import functools
import logging
import os
import secrets
import socket
from uuid import UUID

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down
from django.conf import settings

from livehub.core.deadline import deadline
from livehub.core.outage import DATABASE_OUTAGE, describe
from streams.livestreams import disk_guard, encoders, playback, pull_runs, refusals, sweeps, test_pictures
from streams.livestreams.encoders import IngestSource
from streams.livestreams.runner import Worker
from streams.livestreams.worker_locks import WorkerLocks
from streams.media.nginx_rtmp import IngestUnavailableError

logger = logging.getLogger(__name__)

# The next one comes after 5 s.
_SWEEP_S = 10.0
# No other worker was ever called that, whatever machines and containers share.
_worker = Worker(f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}")
_locks = WorkerLocks(settings.RUNTIME_DIR / "workers")
# When a machine's worker begins, others of it may have been killed.
_BEGIN_S = 5.0


@functools.cache
def _hold_lock() -> int:
    return _locks.hold(_worker.name)


@worker_ready.connect
def _succeed(**_: object) -> None:
    try:
        with deadline(_BEGIN_S):
            sweeps.call_for_sessions_of_the_dead(_locks)
    except DATABASE_OUTAGE as error:
        # Their leases end by themselves.
        logger.warning("sessions of killed workers are not taken over yet: %s", describe(error))


@worker_shutting_down.connect
def _hand_over(**_: object) -> None:
    _worker.stopping.set()


@shared_task(name="streams.run_session")
def run_session(session_id: str) -> None:
    """Run a live session; the one task without a time limit."""
    _hold_lock()
    _worker.run_session(UUID(session_id))


# The threads of `urgent` know no time limit: what these tasks wait for is bounded by itself (2 s for each question to
# an ingest server, and the deadlines here for the database).
@shared_task(
    name="streams.drop_encoder",
    autoretry_for=(IngestUnavailableError,),
    retry_backoff=True,
    max_retries=5,
)
def drop_encoder(node: str, name: str) -> None:
    """Cut an encoder whose session is over."""
    encoders.drop_encoder(IngestSource(node, name))


@shared_task(name="streams.sweep_sessions")
def sweep_sessions() -> None:
    """Find open sessions that nobody runs, and encoders that are gone."""
    with deadline(_SWEEP_S):
        sweeps.sweep_sessions()


@shared_task(name="streams.send_test_picture")
def send_test_picture(stream_key_id: str) -> None:
    """Start our own encoder, which goes on beside this task."""
    with deadline(_SWEEP_S):
        test_pictures.send_test_picture(stream_key_id=UUID(stream_key_id))


@shared_task(name="streams.run_pull")
def run_pull(livestream_id: str) -> None:
    """Fetch a livestream's source, which goes on beside this task."""
    with deadline(_SWEEP_S):
        pull_runs.start_pull(UUID(livestream_id), worker=_worker.name, stopping=_worker.stopping)


# Else players would wait for ever where the disk is full at the end: for hours, perhaps.
@shared_task(
    name="streams.finish_playlists", time_limit=60, autoretry_for=(OSError,), retry_backoff=True, max_retries=32
)
def finish_playlists(session_id: str) -> None:
    """Tell players that a session is over whose transcoder could not."""
    playback.finish_playlists(session_id=UUID(session_id))


@shared_task(name="streams.remove_playback", time_limit=60, autoretry_for=(OSError,), retry_backoff=True, max_retries=8)
def remove_playback(livestream_id: str) -> None:
    """Remove this node's files of a deleted livestream."""
    playback.remove_deleted(livestream_id=UUID(livestream_id))


@shared_task(name="streams.call_for_upkeep")
def call_for_upkeep() -> None:
    """Have each node look after its files of sessions that are over."""
    with deadline(_SWEEP_S):
        playback.call_for_upkeep()


@shared_task(name="streams.call_for_disks")
def call_for_disks() -> None:
    """Have each node look at its disk."""
    with deadline(_SWEEP_S):
        disk_guard.call_for_disks()


@shared_task(name="streams.forget_unknown_keys")
def forget_unknown_keys() -> None:
    """Forget who tried unknown stream keys long ago."""
    with deadline(_SWEEP_S):
        refusals.forget_unknown_keys()


# Less than the time between two of them.
@shared_task(name="streams.keep_up_playback", time_limit=50)
def keep_up_playback() -> None:
    """Finish this node's files of sessions that are over, and remove those of long ago."""
    playback.keep_up()


@shared_task(name="streams.guard_disk", time_limit=50)
def guard_disk() -> None:
    """Note how full this node's disk is, and make room where it is full."""
    disk_guard.guard_disk()
