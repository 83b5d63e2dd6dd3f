"""A Celery worker, with LiveHub's own settings, on a Redis that hangs, and on another one in its place."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import celery
import psutil
import pytest

from livehub.stack.redis import server_argv
from tests.services import HANG_S, running, wait_until

# About as long as it takes a worker to find out that its Redis hangs: 1 s for BRPOP, and two looks 3 s apart at most.
_HUNG_S = 6.0
# A worker tries again each second, each try for 2 s at most.
_BACK_S = 20.0

Redis = Callable[[], "subprocess.Popen[bytes]"]


@contextmanager
def _redis(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    socket = folder / "redis.sock"
    with running(server_argv(socket_path=socket), log_path=folder / "redis.log") as process:
        wait_until(socket.exists, what="Redis")
        yield process


@contextmanager
def _worker(folder: Path) -> Iterator[None]:
    argv = [sys.executable, "-m", "celery", "-A", "tests.hangs.worker_app", "worker", "-Q", "default"]
    argv += ["-P", "threads", "-c", "1", "--without-gossip", "--without-mingle", "-l", "INFO"]
    environment = {**os.environ, "REDIS_URL": f"unix://{folder / 'redis.sock'}"}
    log_path = folder / "worker.log"
    with log_path.open("wb") as log, subprocess.Popen(argv, stdout=log, stderr=log, env=environment) as process:
        try:
            yield
        finally:
            # Before its Redis does, whose end would only make it try again.
            process.kill()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[celery.Celery]:
    with celery.Celery(broker=f"redis+socket://{tmp_path / 'redis.sock'}", set_as_current=False) as app:
        app.conf.task_default_queue = "default"
        app.conf.broker_transport_options = {"socket_timeout": 2}
        yield app


def _runs_a_task(broker: celery.Celery, sign: Path, *, within_s: float) -> None:
    """Call for a task until one runs, as the sweeps do: a message that was under way when Redis hung may be lost."""
    sent_at = list[float]()

    def is_run() -> bool:
        if not sent_at or time.monotonic() - sent_at[-1] > 1:
            with broker.connection_for_write() as connection:
                broker.send_task("tests.leave_sign", args=[str(sign)], connection=connection)
            sent_at.append(time.monotonic())
        return sign.exists()

    wait_until(is_run, timeout_s=within_s, what=f"the task that leaves {sign.name}")


def test_works_again_within_seconds(tmp_path: Path, broker: celery.Celery) -> None:
    with _redis(tmp_path) as redis, _worker(tmp_path):
        _runs_a_task(broker, tmp_path / "before", within_s=HANG_S)

        os.kill(redis.pid, signal.SIGSTOP)
        time.sleep(_HUNG_S)
        os.kill(redis.pid, signal.SIGCONT)
        _runs_a_task(broker, tmp_path / "after a hang", within_s=_BACK_S)

        # The worker's connections are those of a server that will never answer nor close them.
        os.kill(redis.pid, signal.SIGSTOP)
        (tmp_path / "redis.sock").unlink()
        try:
            with _redis(tmp_path):
                _runs_a_task(broker, tmp_path / "with another one", within_s=2 * _BACK_S)
        finally:
            os.kill(redis.pid, signal.SIGCONT)


def test_may_open_as_many_files_as_its_user_may(tmp_path: Path) -> None:
    argv = ["prlimit", "--nofile=64:512", "--", sys.executable, "-m", "livehub.worker", "live"]
    argv += ["--queues", "default", "--pool", "threads", "--slots", "1"]
    environment = {**os.environ, "REDIS_URL": f"unix://{tmp_path / 'redis.sock'}"}

    with _redis(tmp_path), (tmp_path / "worker.log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log, env=environment)
        try:
            worker = psutil.Process(process.pid)
            wait_until(lambda: worker.rlimit(psutil.RLIMIT_NOFILE)[0] == 512, what="the raised limit")
        finally:
            process.kill()
            process.wait()


def test_ends_when_it_cannot_keep_its_schedule(tmp_path: Path) -> None:
    program = """\
from livehub import worker

worker.app.conf.beat_schedule = {"sweep": {"task": "tests.leave_sign", "no such field": 5}}
worker.run("keeper", queues="default", pool="threads", slots=1, has_beat=True)
"""
    argv = [sys.executable, "-c", program]
    environment = {**os.environ, "REDIS_URL": f"unix://{tmp_path / 'redis.sock'}"}

    with _redis(tmp_path), (tmp_path / "worker.log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log, env=environment)
        try:
            process.wait(timeout=HANG_S)
        finally:
            process.kill()

    assert "the schedule cannot be kept" in (tmp_path / "worker.log").read_text()
