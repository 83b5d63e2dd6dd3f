"""Killing each program in the middle of a broadcast: viewers go on, and so does LiveHub (make chaos)."""

import os
from contextlib import ExitStack

import httpx
import psutil
import pytest

from tests.e2e.client import Integrator, Stream, run_of
from tests.e2e.encoder import publishing
from tests.plain_http import fetch
from tests.services import wait_until
from tests.stack.whole import RunningStack

pytestmark = [pytest.mark.chaos, pytest.mark.e2e]

# nginx-rtmp reports each encoder this often, and cuts it when the answer is a refusal.
_UPDATE_S = 11


@pytest.mark.parametrize(
    "program", ["web", "asgi", "edge", "postgres", "redis", "urgent", "webhooks", "files", "recordings"]
)
def test_a_broadcast_outlives_a_killed_program(stack: RunningStack, stream: Stream, program: str) -> None:
    with publishing(stream.publish_url) as encoder:
        stream.await_status("LIVE")
        before, run = stream.newest_segment(), run_of(stream)

        os.kill(stack.pids()[program], 9)

        wait_until(lambda: stream.has_newer_than(before), what="the next segment")
        wait_until(lambda: _is_ready(stack), what="the instance")
        assert encoder.is_connected
        assert stream.status == "LIVE"
        assert run_of(stream) == run
        assert len(stream.sessions()) == 1
    stream.await_status("OFFLINE")
    _assert_a_new_broadcast_works(stack)


def test_no_encoder_is_cut_by_a_restart_of_the_database(stack: RunningStack) -> None:
    """Several encoders, over three of their 10 s updates: pooled connections are dead after a restart."""
    streams = [Integrator.of(stack).create(f"Camera {number}") for number in range(3)]
    with ExitStack() as running:
        encoders = [
            running.enter_context(publishing(stream.publish_url, size="192x108", kbps=100)) for stream in streams
        ]
        for stream in streams:
            stream.await_status("LIVE")

        for _ in range(3):
            os.kill(stack.pids()["postgres"], 9)
            with pytest.raises(TimeoutError):
                wait_until(lambda: not all(encoder.is_connected for encoder in encoders), timeout_s=_UPDATE_S)

        wait_until(lambda: _is_ready(stack), what="the instance")
        assert [stream.status for stream in streams] == ["LIVE"] * 3
    for stream in streams:
        stream.await_status("OFFLINE")


@pytest.mark.parametrize("kind", ["pull", "transcoder"])
def test_a_killed_ffmpeg_is_run_again(stack: RunningStack, stream: Stream, kind: str) -> None:
    with publishing(stream.publish_url) as encoder:
        stream.await_status("LIVE")
        before = run_of(stream)

        os.kill(_ffmpeg(stack, pulls=kind == "pull"), 9)

        wait_until(lambda: run_of(stream) not in {before, None}, what="the next run")
        assert encoder.is_connected
        assert stream.status == "LIVE"
        assert len(stream.sessions()) == 1


@pytest.mark.parametrize("program", ["ingest", "gate"])
def test_a_killed_way_in_ends_the_session_and_takes_the_encoder_again(
    stack: RunningStack, stream: Stream, program: str
) -> None:
    with publishing(stream.publish_url) as encoder:
        stream.await_status("LIVE")

        os.kill(stack.pids()[program], 9)

        wait_until(lambda: not encoder.is_connected, what="the cut")
        stream.await_status("OFFLINE")
    wait_until(lambda: _is_ready(stack), what="the instance")
    with publishing(stream.publish_url):
        stream.await_status("LIVE")
    assert len(stream.sessions()) == 2


def _assert_a_new_broadcast_works(stack: RunningStack) -> None:
    other = Integrator.of(stack).create("After the kill")
    with publishing(other.publish_url):
        other.await_status("LIVE")
    other.await_status("OFFLINE")


def _ffmpeg(stack: RunningStack, *, pulls: bool) -> int:
    """Return the process id of the live worker's ffmpeg that pulls, or of the one that transcodes."""
    for process in psutil.Process(stack.pids()["live"]).children():
        if any("rtmp://" in word for word in process.cmdline()) is pulls:
            return process.pid
    raise AssertionError("no such ffmpeg")


def _is_ready(stack: RunningStack) -> bool:
    try:
        return fetch(f"{stack.base_url}/readyz").is_success
    except httpx.HTTPError:
        return False
