"""Fetching a broadcast from elsewhere, against the whole stack."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.e2e.client import Stream
from tests.media.clips import flv
from tests.media.ingest import Ingest, running_ingest
from tests.media.pulls import hls_source
from tests.services import wait_until
from tests.stack.whole import RunningStack

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "small.flv"
    path.write_bytes(flv(size="320x180", gop=15, seconds=6))
    return path


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ingest]:
    """Somebody else's nginx-rtmp."""
    with running_ingest(tmp_path_factory.mktemp("source")) as server:
        yield server


def change(stream: Stream, **pull: object) -> dict[str, Any]:
    answer: dict[str, Any] = stream.integrator.call("PATCH", stream.path, pull=pull, reconnect_window_s=60)["data"]
    return answer


def state(stream: Stream) -> dict[str, Any]:
    found: dict[str, Any] = stream.integrator.call("GET", stream.path)["data"]["livestream"]["pull"]
    return found


def test_a_source_becomes_a_broadcast_that_outlives_its_worker(
    stack: RunningStack, stream: Stream, source: Ingest, clip: Path
) -> None:
    with source.publishing("s3cr3t-name", clip):
        change(stream, url=source.server.pull_url("s3cr3t-name") + "?token=t0ken")
        stream.await_status("LIVE")
        session_id = stream.sessions()[0]["id"]
        assert state(stream)["state"] == "pulling"
        for process in psutil.process_iter(["cmdline"]):
            assert "s3cr3t-name" not in " ".join(process.info["cmdline"] or []) or _is_the_encoder(process)

        os.kill(stack.pids()["urgent"], signal.SIGKILL)
        newest = stream.newest_segment()
        wait_until(lambda: stream.status == "LIVE" and stream.has_newer_than(newest), what="the next worker's pull")
        wait_until(lambda: state(stream)["state"] == "pulling", what="the state")
        assert [each["id"] for each in stream.sessions()] == [session_id]

        change(stream, enabled=False)
        wait_until(lambda: state(stream)["state"] == "idle", what="its end")
        stream.integrator.call("POST", f"{stream.path}/end")
        stream.await_status("OFFLINE")
    log = (stack.data_dir / "logs" / "urgent.log").read_text()
    assert "s3cr3t-name" not in log
    assert "t0ken" not in log


def _is_the_encoder(process: psutil.Process) -> bool:
    return "-readrate" in process.info["cmdline"]


def test_segments_that_come_in_bursts_are_no_drops(
    stack: RunningStack, stream: Stream, clip: Path, tmp_path: Path
) -> None:
    with hls_source(tmp_path, clip) as url:
        change(stream, url=url)
        stream.await_status("LIVE")
        # Four segments further than what was there at first.
        wait_until(lambda: stream.sessions()[0]["ingest_seconds"] >= 20, what="the next segments")
        session_id = stream.sessions()[0]["id"]
        events = stream.integrator.call("GET", f"/livestreams/sessions/{session_id}/events")["data"]
        assert not {"silent", "run_failed"} & {event["kind"] for event in events}
        assert stream.status == "LIVE"


def test_an_address_inside_is_an_error_with_its_reason(stack: RunningStack, stream: Stream) -> None:
    change(stream, url="rtmp://10.1.2.3/live/a")
    wait_until(lambda: state(stream)["state"] == "errored", what="the refusal")
    assert str(state(stream)["reason"]).startswith("10.1.2.3 is inside this network")
