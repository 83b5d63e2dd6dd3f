"""The processes of a running stack: found, stopped as if they hung, woken again."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

import psutil

from tests.e2e.client import Stream
from tests.services import HANG_S
from tests.stack.whole import BASE_DIR, RunningStack


def ffmpegs(stack: RunningStack, *, pulls: bool, program: str = "live") -> list[int]:
    """Return the process ids of a live worker's ffmpegs that pull, or of those that transcode."""
    children = psutil.Process(stack.pids()[program]).children(recursive=True)
    return [child.pid for child in children if _is_ffmpeg(child) and _pulls(child) is pulls]


def transcoders(stream: Stream) -> list[int]:
    """Return every process on this machine that writes this livestream's renditions, whoever started it."""
    playback_id = str(stream.created["playback_url"]).split("/")[-2]
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.name() == "ffmpeg" and any(playback_id in word for word in process.cmdline()):
                found.append(process.pid)
    return found


def family(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


@contextmanager
def hung(pids: Iterable[int]) -> Iterator[None]:
    """Keep processes from doing anything for as long as the block lasts: alive, and silent."""
    stopped = list(pids)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in stopped:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@contextmanager
def second_live_worker(stack: RunningStack, *, slots: int = 2) -> Iterator["subprocess.Popen[bytes]"]:
    """Run another live worker of the same instance for as long as the block lasts."""
    argv = [sys.executable, "-m", "livehub.worker", "live2", "--queues", "live.main", "--pool", "threads"]
    argv += ["--slots", str(slots)]
    with (
        (stack.logs / "live2.log").open("wb") as log,
        subprocess.Popen(argv, cwd=BASE_DIR, env=stack.environment, stdout=log, stderr=log) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(timeout=HANG_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _is_ffmpeg(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return bool(process.name() == "ffmpeg")
    return False


def _pulls(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return any(word.startswith("rtmp://") for word in process.cmdline())
    return False
