"""The product's own encoder against the whole stack (make chaos: each takes a minute)."""

import os
import signal

import psutil
import pytest

from tests.e2e.client import Stream
from tests.services import wait_until
from tests.stack.whole import RunningStack

pytestmark = [pytest.mark.chaos, pytest.mark.e2e]

_START = """
from streams.livestreams.test_pictures import start_test_picture
from streams.models import Livestream
from streams.organizations.services import SYSTEM
start_test_picture(livestream=Livestream.objects.get(pk="{id}"), actor=SYSTEM)
"""


def _start(stack: RunningStack, stream: Stream) -> None:
    stack.manage("shell", "--no-imports", "--command", _START.format(id=stream.created["id"]))


def _encoders(stack: RunningStack) -> list[psutil.Process]:
    """Return our encoders on this machine, whoever their parent is."""
    port = f":{stack.rtmp_port}/live"
    return [
        process
        for process in psutil.process_iter(["name", "cmdline"])
        if process.info["name"] == "ffmpeg" and (process.info["cmdline"] or [""])[-1].endswith(port)
    ]


def test_ends_by_itself_after_a_minute(stack: RunningStack, stream: Stream) -> None:
    _start(stack, stream)

    stream.await_status("LIVE")
    wait_until(lambda: not _encoders(stack), timeout_s=75, what="the encoder's own end")
    stream.await_status("OFFLINE")

    assert 55 <= stream.sessions()[0]["ingest_seconds"] <= 62


def test_that_hangs_is_killed(stack: RunningStack, stream: Stream) -> None:
    _start(stack, stream)
    stream.await_status("LIVE")

    for encoder in _encoders(stack):
        encoder.send_signal(signal.SIGSTOP)

    wait_until(lambda: not _encoders(stack), timeout_s=75, what="the end of the hung encoder")
    stream.await_status("OFFLINE")


def test_dies_with_its_worker_and_can_be_sent_again(stack: RunningStack, stream: Stream) -> None:
    _start(stack, stream)
    stream.await_status("LIVE")

    os.kill(stack.pids()["urgent"], signal.SIGKILL)

    wait_until(lambda: not _encoders(stack), what="the encoder's end")
    stream.await_status("OFFLINE")
    wait_until(lambda: "urgent" in stack.pids(), what="the next worker")
    _start(stack, stream)
    stream.await_status("LIVE")
