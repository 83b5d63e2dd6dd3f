"""Four broadcasts on two live workers, something that happens to them, and a ledger at the end (make chaos)."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack

import psutil
import pytest

from tests.chaos.ledger import watching
from tests.chaos.scenes import Scene, end, is_ready, on_air
from tests.e2e.processes import hung
from tests.rtmp import peer
from tests.services import HANG_S, wait_until
from tests.stack.whole import RunningStack

pytestmark = [pytest.mark.chaos, pytest.mark.e2e]

# Longer than a lease lasts.
_HUNG_S = 20
_WRONG_KEYS = 200


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
    with on_air(stack) as scene, watching(stack, scene.streams) as ledger:
        _FAULTS[fault](scene)

        ledger.await_media(what=fault)
        wait_until(lambda: is_ready(stack), what="the instance")
        ledger.await_media(what="the instance's return")
        assert all(encoder.is_connected for encoder in scene.encoders)
        end(scene, ledger)
    ledger.check()
