"""Killing each program in the middle of a broadcast: viewers go on, and so does LiveHub (make chaos)."""

import os

import httpx
import pytest

from tests.e2e.client import Integrator, Stream
from tests.e2e.encoder import publishing
from tests.services import wait_until
from tests.stack.whole import RunningStack

pytestmark = [pytest.mark.chaos, pytest.mark.e2e]

_LIVE_TIMEOUT_S = 30
_RECOVERY_TIMEOUT_S = 60


@pytest.mark.parametrize("program", ["web", "edge", "postgres", "redis", "default", "beat"])
def test_a_broadcast_outlives_a_killed_program(stack: RunningStack, stream: Stream, program: str) -> None:
    with publishing(stream.publish_url, size="320x180", kbps=300) as encoder:
        stream.await_status("LIVE", timeout_s=_LIVE_TIMEOUT_S)
        before = stream.newest_segment()

        os.kill(stack.pids()[program], 9)

        wait_until(lambda: _is_past(stream, before), timeout_s=_RECOVERY_TIMEOUT_S, what="the next segment")
        wait_until(lambda: _is_ready(stack), timeout_s=_RECOVERY_TIMEOUT_S, what="the instance")
        assert encoder.is_connected
        assert stream.status == "LIVE"
        assert _run_of(stream.newest_segment()) == _run_of(before)
        assert len(stream.sessions()) == 1
    stream.await_status("OFFLINE", timeout_s=20)
    _assert_a_new_broadcast_works(stack)


def test_a_killed_ingest_server_ends_the_session_and_takes_the_encoder_again(
    stack: RunningStack, stream: Stream
) -> None:
    with publishing(stream.publish_url, size="320x180", kbps=300) as encoder:
        stream.await_status("LIVE", timeout_s=_LIVE_TIMEOUT_S)

        os.kill(stack.pids()["ingest"], 9)

        wait_until(lambda: not encoder.is_connected, timeout_s=10, what="the cut")
        stream.await_status("OFFLINE", timeout_s=20)
    wait_until(lambda: _is_ready(stack), timeout_s=_RECOVERY_TIMEOUT_S, what="the instance")
    with publishing(stream.publish_url, size="320x180", kbps=300):
        stream.await_status("LIVE", timeout_s=_LIVE_TIMEOUT_S)
    assert len(stream.sessions()) == 2


def _assert_a_new_broadcast_works(stack: RunningStack) -> None:
    other = Integrator.of(stack).create("After the kill")
    with publishing(other.publish_url, size="320x180", kbps=300):
        other.await_status("LIVE", timeout_s=_LIVE_TIMEOUT_S)
    other.await_status("OFFLINE", timeout_s=20)


def _is_past(stream: Stream, before: str) -> bool:
    try:
        return stream.newest_segment() != before
    except httpx.HTTPError:
        return False


def _is_ready(stack: RunningStack) -> bool:
    try:
        return httpx.get(f"{stack.base_url}/readyz").is_success
    except httpx.HTTPError:
        return False


def _run_of(address: str) -> str:
    return address.split("/")[-3]
