import os
import subprocess
import sys
from pathlib import Path

from streams.media.process import running
from tests.services import wait_until

_OWNER = """
from streams.media.process import running

with running(["sleep", "60"]) as child:
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
        with running(["sleep", "60"]) as child:
            pid = child.process.pid
            assert _is_alive(pid)

        assert not _is_alive(pid)

    def test_kills_what_does_not_want_to_end(self) -> None:
        with running(["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"], feeds=True) as child:
            assert child.stdout.readline() == b"ready\n"
            pid = child.process.pid

        assert not _is_alive(pid)

    def test_keeps_the_last_words(self) -> None:
        with running(["sh", "-c", "echo no such codec >&2; exit 3"]) as child:
            assert child.wait(timeout_s=5)

            assert (child.exit_code, child.last_words()) == (3, "no such codec")

    def test_dies_with_an_owner_that_is_killed(self) -> None:
        with subprocess.Popen([sys.executable, "-c", _OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
            assert owner.stdout is not None
            pid = int(owner.stdout.readline())
            wait_until(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n", timeout_s=5, what="the child")
            os.kill(owner.pid, 9)

            wait_until(lambda: not _is_alive(pid), timeout_s=5, what="the child's end")
