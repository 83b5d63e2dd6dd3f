import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streams.media.process import running
from tests.services import HANG_S, wait_until

_OWNER = """
from streams.media.process import running

with running(["sleep", "60"], label="sleep") as child:
    print(child.process.pid, flush=True)
    input()
"""


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


class TestRunning:
    def test_leaves_nothing_behind(self) -> None:
        with running(["sleep", "60"], label="sleep") as child:
            pid = child.process.pid
            assert _is_alive(pid)

        assert not _is_alive(pid)

    @pytest.mark.parametrize("state", ["stopped", "deaf"])
    def test_kills_what_cannot_or_does_not_want_to_end(self, state: str) -> None:
        began_at = time.monotonic()
        deaf = ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"]
        with running(deaf, label="deaf", feeds=True) as child:
            assert child.stdout.readline() == b"ready\n"
            pid = child.process.pid
            if state == "stopped":
                os.kill(pid, signal.SIGSTOP)

        assert not _is_alive(pid)
        assert time.monotonic() - began_at < 10

    def test_ends_a_wait_when_there_is_something_to_read(self) -> None:
        with running(["sh", "-c", "echo ready; sleep 60"], label="sh", feeds=True) as child:
            began_at = time.monotonic()

            assert not child.wait(timeout_s=30, or_readable=child.stdout.fileno())
            assert time.monotonic() - began_at < 10

    def test_does_not_hold_up_who_writes_to_stderr(self) -> None:
        with running(["sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' '\\n' >&2"], label="sh") as child:
            assert child.wait(timeout_s=HANG_S)

    def test_keeps_the_last_words(self) -> None:
        with running(["sh", "-c", "echo no such codec >&2; exit 3"], label="sh") as child:
            assert child.wait(timeout_s=HANG_S)

            assert (child.exit_code, child.last_words()) == (3, "no such codec")

    def test_dies_with_an_owner_that_is_killed(self) -> None:
        with subprocess.Popen([sys.executable, "-c", _OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
            assert owner.stdout is not None
            pid = int(owner.stdout.readline())
            wait_until(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n", what="the child")
            os.kill(owner.pid, 9)

            wait_until(lambda: not _is_alive(pid), what="the child's end")


def test_gets_no_more_memory_than_its_bound() -> None:
    taking = ["python3", "-c", "bytearray(300 << 20)"]

    codes = []
    for memory_mb in (None, 1024, 100):
        with running(taking, label="hungry", memory_mb=memory_mb) as child:
            assert child.wait(timeout_s=HANG_S)
            codes.append(child.exit_code)

    assert codes[:2] == [0, 0]
    assert codes[2] != 0
