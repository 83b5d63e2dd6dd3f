"""Four broadcasts on two live workers."""

import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import psutil

from tests.chaos.ledger import Ledger
from tests.e2e.client import Integrator, Stream
from tests.e2e.encoder import Encoder, publishing
from tests.e2e.processes import second_live_worker
from tests.plain_http import fetch
from tests.stack.whole import RunningStack

_BROADCASTS = 4


@dataclass
class Scene:
    """Four broadcasts that are on air, and who runs them."""

    stack: RunningStack
    second: "subprocess.Popen[bytes]"
    streams: list[Stream]
    encoders: list[Encoder]
    # Where what else is started ends with the scene.
    running: ExitStack

    @property
    def workers(self) -> list[int]:
        return [self.stack.pids()["live"], self.second.pid]

    def busiest_worker(self) -> int:
        """Return the live worker that runs most of the broadcasts."""
        return max(self.workers, key=lambda pid: len(psutil.Process(pid).children()))

    def publish_again(self, index: int) -> None:
        """Start another encoder for a broadcast, which stays until the scene's end."""
        self.encoders[index] = self.running.enter_context(encoding(self.streams[index]))


def encoding(stream: Stream) -> AbstractContextManager[Encoder]:
    """Publish what costs next to nothing."""
    return publishing(stream.publish_url, size="192x108", kbps=100)


@contextmanager
def on_air(stack: RunningStack, *, window_s: int = 60) -> Iterator[Scene]:
    """Have four broadcasts on air, which wait so long for their encoders, for as long as the block lasts."""
    streams = [Integrator.of(stack).create(f"Camera {number}", window_s=window_s) for number in range(_BROADCASTS)]
    with ExitStack() as running:
        second = running.enter_context(second_live_worker(stack, slots=_BROADCASTS))
        encoders = [running.enter_context(encoding(stream)) for stream in streams]
        for stream in streams:
            stream.await_status("LIVE")
        yield Scene(stack, second, streams, encoders, running)


def end(scene: Scene, ledger: Ledger) -> None:
    """End all broadcasts, and write down when."""
    for stream in scene.streams:
        ledger.viewers[stream.path].is_ending = True
        stream.integrator.call("POST", f"{stream.path}/end")
        ledger.ended_at[stream.path] = datetime.now(UTC)
    for stream in scene.streams:
        stream.await_status("OFFLINE")


def is_ready(stack: RunningStack) -> bool:
    """Tell whether nothing is missing in the instance."""
    try:
        return fetch(f"{stack.base_url}/readyz").is_success
    except httpx.HTTPError:
        return False
