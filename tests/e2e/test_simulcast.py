"""Another platform gets a broadcast: through the real ingest, worker, ffmpeg and publisher, to a second nginx-rtmp."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.client import Integrator, Stream
from tests.e2e.encoder import publishing
from tests.media.ingest import running_ingest
from tests.services import wait_until
from tests.stack.whole import RunningStack

pytestmark = pytest.mark.e2e

_KEY = "key-of-the-other-platform"


def _push(stream: Stream, output_id: str) -> dict[str, Any]:
    push: dict[str, Any] = stream.integrator.call("GET", f"{stream.path}/outputs/{output_id}")["data"]["push"]
    return push


@pytest.mark.chaos
def test_a_worker_that_is_killed_is_followed_by_one_that_sends_on(stack: RunningStack, tmp_path: Path) -> None:
    stream = Integrator.of(stack).create(window_s=600)
    with running_ingest(tmp_path) as platform, publishing(stream.publish_url):
        new = {"type": "simulcast", "uri": platform.server.pull_base_url.rstrip("/"), "stream_key": _KEY}
        output_id = stream.integrator.call("POST", f"{stream.path}/outputs", **new)["data"]["id"]
        wait_until(lambda: _push(stream, output_id)["bytes"] > 50_000, what="the broadcast at the platform")

        os.kill(stack.pids()["live"], signal.SIGKILL)

        # What was taken is counted anew by the one that follows.
        wait_until(lambda: _push(stream, output_id)["bytes"] < 50_000, what="its successor")
        wait_until(lambda: _push(stream, output_id)["bytes"] > 50_000, what="the broadcast at the platform again")
        assert platform.server.find_publisher(_KEY) is not None
        stream.integrator.call("POST", f"{stream.path}/end")


def test_another_platform_gets_a_broadcast_and_is_held_through_a_drop(stack: RunningStack, tmp_path: Path) -> None:
    stream = Integrator.of(stack).create(window_s=600)
    with running_ingest(tmp_path) as platform:
        server = platform.server.pull_base_url.rstrip("/")
        new = {"type": "simulcast", "uri": server, "stream_key": _KEY}
        output_id = stream.integrator.call("POST", f"{stream.path}/outputs", **new)["data"]["id"]
        one = f"{stream.path}/outputs/{output_id}"

        with publishing(stream.publish_url):
            wait_until(lambda: platform.server.find_publisher(_KEY), what="the broadcast at the platform")
            wait_until(lambda: _push(stream, output_id)["state"] == "broadcasting", what="the state")

        # The slate goes there, over the same connection.
        before = _push(stream, output_id)["bytes"]
        wait_until(lambda: _push(stream, output_id)["bytes"] > before + 50_000, what="the slate at the platform")
        assert _push(stream, output_id)["tries"] == 1

        stream.integrator.call("PATCH", one, enabled=False)
        wait_until(lambda: platform.server.find_publisher(_KEY) is None, what="its end")
        assert _push(stream, output_id)["state"] == "disabled"
        stream.integrator.call("PATCH", one, enabled=True)
        wait_until(lambda: platform.server.find_publisher(_KEY), what="its return")
        wait_until(lambda: _push(stream, output_id)["state"] == "broadcasting", what="the state")

        stream.integrator.call("POST", f"{stream.path}/end")
        wait_until(lambda: platform.server.find_publisher(_KEY) is None, what="its end")
    assert _push(stream, output_id)["state"] == "idle"
    history = stream.integrator.call("GET", f"{one}/events")["data"]
    assert [event["state"] for event in history if event["state"] != "starting"] == [
        "idle",
        "broadcasting",
        "idle",
        "disabled",
        "broadcasting",
    ]
    assert not [path.name for path in stack.logs.iterdir() if _KEY in path.read_text(errors="replace")]


def test_another_platform_gets_what_is_recorded_for_as_long_as_it_is(stack: RunningStack, tmp_path: Path) -> None:
    integrator = Integrator.of(stack)
    meeting = integrator.call("POST", "/meetings", title="Standup")["data"]["id"]
    stream = integrator.call("POST", f"/meetings/{meeting}/livestreams")["data"]
    key = "key-of-a-recording"
    with running_ingest(tmp_path) as platform:
        url = f"{platform.server.pull_base_url.rstrip('/')}/{key}?user=7"
        with publishing(stream["ingest_server"] + stream["stream_key"]):
            wanted = {"meeting_id": meeting, "rtmp_out_config": {"rtmp_url": url}}
            recording = integrator.call("POST", "/recordings", **wanted)["data"]["id"]
            wait_until(lambda: platform.server.find_publisher(key), what="what is recorded at the platform")
            integrator.call("PUT", f"/recordings/{recording}", action="stop")
            wait_until(lambda: platform.server.find_publisher(key) is None, what="its end")
            left = integrator.call("GET", f"/livestreams/{stream['id']}/outputs")["data"]
            assert [each for each in left if each["type"] == "simulcast"] == []
        integrator.call("POST", f"/meetings/{meeting}/active-livestream/stop")
    assert not [path.name for path in stack.logs.iterdir() if key in path.read_text(errors="replace")]
