"""An encoder that changes its picture while it is live, through the whole stack."""

import subprocess
from pathlib import Path

import pytest

from tests.e2e.client import Stream, run_of
from tests.media.clips import flv
from tests.media.crafted import joined
from tests.plain_http import fetch
from tests.services import wait_until

pytestmark = pytest.mark.chaos


def test_goes_on_with_what_the_encoder_changed_to(stream: Stream, tmp_path: Path) -> None:
    clip = tmp_path / "changes.flv"
    clip.write_bytes(joined(flv(size="320x180", gop=15, seconds=12), flv(size="640x360", gop=15, seconds=40)))
    argv = ["ffmpeg", "-nostdin", "-loglevel", "error", "-re", "-i", str(clip), "-c", "copy", "-f", "flv"]
    with subprocess.Popen([*argv, stream.publish_url], stdin=subprocess.DEVNULL) as encoder:
        try:
            stream.await_status("LIVE")
            first = run_of(stream)
            wait_until(lambda: run_of(stream) not in {first, None}, what="the next run's picture")
            multivariant = fetch(stream.created["playback_url"]).text
            assert stream.status == "LIVE"
        finally:
            encoder.kill()

    assert "RESOLUTION=640x360" in multivariant
    assert len(stream.sessions()) == 1
