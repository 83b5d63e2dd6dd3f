"""A recording while the worker that runs its broadcast is killed, and the one that records hangs (make chaos)."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.client import Integrator, Stream, run_of
from tests.e2e.encoder import publishing
from tests.e2e.processes import family, hung
from tests.media.recording.probing import pictures
from tests.plain_http import fetch
from tests.services import wait_until
from tests.stack.whole import RunningStack

pytestmark = [pytest.mark.chaos, pytest.mark.e2e]

_FRAMES_PER_S = 30


def _newest(stream: Stream) -> dict[str, Any]:
    found = stream.integrator.call("GET", f"{stream.path}/recordings")["data"]
    return dict(found[0]) if found else {"status": ""}


def _await_more(stream: Stream, *, segments: int) -> None:
    for _ in range(segments):
        newest = stream.newest_segment()
        wait_until(lambda newest=newest: stream.has_newer_than(newest), what="another segment")  # type: ignore[misc]


def test_has_all_that_was_live(stack: RunningStack, tmp_path: Path) -> None:
    stream = Integrator.of(stack).create(window_s=60)
    with publishing(stream.publish_url):
        stream.await_status("LIVE")
        stream.integrator.call("POST", f"{stream.path}/recordings")
        wait_until(lambda: _newest(stream)["status"] == "RECORDING", what="the recording")
        before = run_of(stream)
        os.kill(stack.pids()["live"], signal.SIGKILL)
        wait_until(lambda: run_of(stream) not in {before, None}, what="the next worker's media")
        # The broadcast waits for no recorder.
        with hung(family(stack.pids()["recordings"])):
            _await_more(stream, segments=4)
        _await_more(stream, segments=1)
        stream.integrator.call("POST", f"{stream.path}/end")
    wait_until(lambda: _newest(stream)["status"] == "UPLOADED", what="the file")

    recording = _newest(stream)
    path = tmp_path / "fetched.mp4"
    path.write_bytes(fetch(recording["download_url"]).raise_for_status().content)
    # What was lost with the worker is told, and nothing else is missing.
    (gap,) = recording["gaps"]
    assert gap["reason"] == "lost"
    assert (recording["is_verified"], "are missing, in 1 place." in recording["problem"]) == (False, True)
    assert len(pictures(path)) == pytest.approx(recording["duration_s"] * _FRAMES_PER_S, abs=3)
    assert recording["duration_s"] >= 10
