"""Four broadcasts on two live workers, something that happens to them, and a ledger at the end (make chaos)."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import psutil
import pytest

from tests.chaos.ledger import Ledger, watching
from tests.e2e.client import Integrator, Stream, fetch
from tests.e2e.encoder import Encoder, publishing
from tests.e2e.processes import hung, second_live_worker
from tests.rtmp import peer
from tests.services import HANG_S, wait_until
from tests.stack.whole import RunningStack, running_stack

pytestmark = [pytest.mark.chaos, pytest.mark.e2e]

_BROADCASTS = 4
# Longer than a lease lasts.
_HUNG_S = 20
_WRONG_KEYS = 200


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@dataclass
class Scene:
    """Four broadcasts that are on air, and who runs them."""

    stack: RunningStack
    second: "subprocess.Popen[bytes]"
    streams: list[Stream]
    encoders: list[Encoder]

    @property
    def workers(self) -> list[int]:
        return [self.stack.pids()["live"], self.second.pid]

    def busiest_worker(self) -> int:
        """Return the live worker that runs most of the broadcasts."""
        return max(self.workers, key=lambda pid: len(psutil.Process(pid).children()))


def _kill_ffmpegs(scene: Scene) -> None:
    for child in (child for pid in scene.workers for child in psutil.Process(pid).children()):
        if child.name() == "ffmpeg":
            child.kill()


def _kill_one_worker(scene: Scene) -> None:
    os.kill(scene.busiest_worker(), signal.SIGKILL)


def _kill_all_workers(scene: Scene) -> None:
    for pid in [*scene.workers, *(scene.stack.pids()[name] for name in ("urgent", "files", "webhooks"))]:
        os.kill(pid, signal.SIGKILL)


def _stop_a_worker_for_long(scene: Scene) -> None:
    with hung([scene.busiest_worker()]):
        time.sleep(_HUNG_S)


def _deploy(scene: Scene) -> None:
    os.kill(scene.busiest_worker(), signal.SIGTERM)


def _kill(program: str) -> Callable[[Scene], None]:
    def strike(scene: Scene) -> None:
        os.kill(scene.stack.pids()[program], signal.SIGKILL)

    return strike


def _restart_postgres_at_once(scene: Scene) -> None:
    # As `pg_ctl -m immediate` does it.
    os.kill(scene.stack.pids()["postgres"], signal.SIGQUIT)


def _empty_redis(scene: Scene) -> None:
    socket = scene.stack.data_dir / "run" / "redis" / "redis.sock"
    subprocess.run(["redis-cli", "-s", str(socket), "FLUSHALL"], check=True, timeout=HANG_S)
    _kill("redis")(scene)


def _kill_an_edge_worker(scene: Scene) -> None:
    psutil.Process(scene.stack.pids()["edge"]).children()[0].kill()


def _try_wrong_keys(scene: Scene) -> None:
    """From many addresses: of each, few connections are let in."""
    for second in range(3):
        with ExitStack() as strangers:
            for number in range(_WRONG_KEYS):
                source = f"127.0.{second + 1}.{number % 100 + 1}"
                stranger = strangers.enter_context(peer(scene.stack.rtmp_port, source=source))
                stranger.connect()
                stranger.publish(f"wrong-{second}-{number}")


_FAULTS = {
    "ffmpegs killed": _kill_ffmpegs,
    "a worker killed": _kill_one_worker,
    "all workers killed": _kill_all_workers,
    "a worker hung": _stop_a_worker_for_long,
    "a worker deployed anew": _deploy,
    "web killed": _kill("web"),
    "asgi killed": _kill("asgi"),
    "origin killed": _kill("origin"),
    "redis killed": _kill("redis"),
    "redis emptied and killed": _empty_redis,
    "postgres restarted at once": _restart_postgres_at_once,
    "edge worker killed": _kill_an_edge_worker,
    "wrong keys": _try_wrong_keys,
}


@pytest.mark.parametrize("fault", _FAULTS)
def test_four_broadcasts_outlive(stack: RunningStack, fault: str) -> None:
    with _on_air(stack) as scene, watching(stack, scene.streams) as ledger:
        ledger.await_media(what="the beginning")

        _FAULTS[fault](scene)

        ledger.await_media(what=fault)
        wait_until(lambda: _is_ready(stack), what="the instance")
        ledger.await_media(what="the instance's return")
        assert all(encoder.is_connected for encoder in scene.encoders)
        _end(scene, ledger)
    ledger.check()


@contextmanager
def _on_air(stack: RunningStack) -> Iterator[Scene]:
    streams = [Integrator.of(stack).create(f"Camera {number}") for number in range(_BROADCASTS)]
    with ExitStack() as running:
        second = running.enter_context(second_live_worker(stack, slots=_BROADCASTS))
        encoders = [
            running.enter_context(publishing(stream.publish_url, size="192x108", kbps=100)) for stream in streams
        ]
        for stream in streams:
            stream.await_status("LIVE")
        yield Scene(stack, second, streams, encoders)


def _end(scene: Scene, ledger: Ledger) -> None:
    for stream in scene.streams:
        stream.integrator.call("POST", f"{stream.path}/end")
        ledger.ended_at[stream.path] = datetime.now(UTC)
    for stream in scene.streams:
        stream.await_status("OFFLINE")


def _is_ready(stack: RunningStack) -> bool:
    try:
        return fetch(f"{stack.base_url}/readyz").is_success
    except httpx.HTTPError:
        return False
