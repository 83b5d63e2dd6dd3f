"""The program that sends a broadcast to other platforms, as the worker starts it: commands in, states out."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.services import HANG_S, wait_until

_ALIVE_S = 1.0


class Simulcaster:
    """A running `livehub.simulcaster`; `told` is the newest of each target, `states` all that it was in.

    `at_s` is when that was told, by the steady clock.
    """

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self.told: dict[str, dict[str, Any]] = {}
        self.states: dict[str, list[tuple[str, str]]] = {}
        # By the steady clock, when a target was first told of in a state.
        self.seen_at: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._read, daemon=True).start()

    def put(self, target: str, url: str, key: str = "", *, most_lines: int = 0) -> None:
        self.say(do="put", id=target, url=url, key=key, most_lines=most_lines)

    def say(self, **command: object) -> None:
        assert self.process.stdin is not None
        with self._lock:
            self.process.stdin.write(json.dumps(command).encode() + b"\n")
            self.process.stdin.flush()

    def state(self, target: str) -> str:
        return str(self.told.get(target, {}).get("state", ""))

    def await_state(self, target: str, state: str, reason: str = "") -> dict[str, Any]:
        """Return what is told of a target once it is in that state, for that reason if one is given."""
        wanted = (state, reason)
        wait_until(
            lambda: any(seen == wanted or (not reason and seen[0] == state) for seen in self.states.get(target, [])),
            what=f"{target} {state} {reason}, not {self.states.get(target)}",
        )
        return self.told[target]

    def await_bytes(self, target: str, count: int) -> None:
        wait_until(lambda: self.told.get(target, {}).get("bytes", 0) >= count, what=f"{count} bytes at {target}")

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            told = json.loads(line)
            if "id" in told:
                states = self.states.setdefault(told["id"], [])
                if states[-1:] != [(told["state"], told["reason"])]:
                    states.append((told["state"], told["reason"]))
                    self.seen_at.setdefault((told["id"], told["state"]), time.monotonic())
                self.told[told["id"]] = {**told, "at_s": time.monotonic()}


@contextmanager
def simulcaster(folder: Path, *, allowed: str = "127.0.0.0/8", **environment: str) -> Iterator[Simulcaster]:
    """Run the program for that session's folder for as long as the block lasts."""
    argv = [sys.executable, "-m", "livehub.simulcaster", str(folder), allowed]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **environment}
    ) as process:
        running, stopping = Simulcaster(process), threading.Event()
        alive = threading.Thread(target=_keep_alive, args=(running, stopping), daemon=True)
        alive.start()
        try:
            yield running
        finally:
            stopping.set()
            alive.join()
            process.kill()
            process.wait(HANG_S)


def _keep_alive(running: Simulcaster, stopping: threading.Event) -> None:
    while not stopping.wait(_ALIVE_S) and running.process.poll() is None:
        try:
            running.say(do="alive")
        except BrokenPipeError:
            return
