"""From an encoder to a player, through the real nginx, Celery, ffmpeg, PostgreSQL and Redis."""

import os
import re
from pathlib import Path

import httpx
import pytest

from tests.e2e.client import Stream, run_of
from tests.e2e.encoder import publishing
from tests.plain_http import fetch
from tests.services import wait_until
from tests.stack.whole import RunningStack

pytestmark = pytest.mark.e2e

# Of the job that cuts an encoder. Without it, nginx-rtmp would do so at its next report, seconds later.
_IS_CUT = re.compile(r"streams\.drop_encoder\[\S+\] succeeded")
_ADDRESS_OF_THE_ENCODER = """
from streams.models import Connection
print(Connection.objects.latest("connected_at").address)
"""
_EXPIRE_EVERYTHING = """
from django.conf import settings
from streams.livestreams import playback
settings.PLAYBACK_RETENTION_S = 0
while playback.remove_expired():
    pass
"""


def _epochs_shown(stream: Stream) -> set[str]:
    """Return whose pictures can be seen over the scrub bar; each can be fetched."""
    multivariant = fetch(stream.created["playback_url"])
    named = re.findall(r'#EXT-X-SESSION-DATA:.*URI="(.*)"', multivariant.text)
    listed = fetch(multivariant.url.join(named[0]))
    pictures = re.findall(r"^(pictures/(\d+)-.*)#xywh=0,0,256,144$", listed.text, re.MULTILINE)
    for picture, _ in pictures:
        assert fetch(listed.url.join(picture)).headers["content-type"] == "image/jpeg"
    return {epoch for _, epoch in pictures}


class TestFirstLight:
    def test_a_published_picture_can_be_played_and_ends_well(self, stream: Stream) -> None:
        assert stream.status == "OFFLINE"

        with publishing(stream.publish_url, size="1280x720", kbps=2500) as encoder:
            stream.await_status("LIVE")
            multivariant = fetch(stream.created["playback_url"])
            segment = fetch(stream.newest_segment())
            thumbnail = fetch(stream.created["playback_url"].replace("index.m3u8", "thumbnail.jpg"))
            before = stream.newest_segment()
            wait_until(lambda: stream.has_newer_than(before), what="the next segment")
            encoder.stop()
            stream.await_status("OFFLINE")

        assert re.findall(r"RESOLUTION=(\d+x\d+)", multivariant.text) == ["1280x720", "854x480", "640x360"]
        assert multivariant.headers["cache-control"] == "no-cache"
        assert multivariant.headers.get_list("access-control-allow-origin") == ["*"]
        assert multivariant.headers["content-type"] == "application/vnd.apple.mpegurl"
        assert "immutable" in segment.headers["cache-control"]
        assert segment.content[4:8] in {b"styp", b"moof"}
        assert thumbnail.headers["content-type"] == "image/jpeg"
        session = stream.sessions()[0]
        assert session["ingest_seconds"] >= 4
        assert session["stopped_time"] > session["started_time"] > session["invoked_time"]
        assert session["err_message"] is None
        assert all(text.endswith("#EXT-X-ENDLIST\n") for text in stream.playlists().values())

    def test_its_files_go_after_the_retention_time(self, stack: RunningStack, stream: Stream) -> None:
        playback = stack.data_dir / "playback"
        with publishing(stream.publish_url):
            stream.await_status("LIVE")
        stream.await_status("OFFLINE")
        folder = playback / httpx.URL(stream.created["playback_url"]).path.split("/")[2]
        assert folder.exists()

        def is_gone() -> bool:
            # Not at the first try where its last run is still about to write the end.
            stack.manage("shell", "-c", _EXPIRE_EVERYTHING)
            return not folder.exists()

        wait_until(is_gone, what="the end of the files")

    def test_rtmps_carries_it_as_well_with_the_encoders_address(self, stack: RunningStack, stream: Stream) -> None:
        url = f"{stack.credentials['rtmps_url']}{stream.created['stream_key']}"

        with publishing(url):
            stream.await_status("LIVE")
            address = stack.manage(
                "shell",
                "-c",
                "from streams.models import Connection as C; print(C.objects.latest('connected_at').address)",
            )

        assert address.strip().splitlines()[-1] == "127.0.0.1"


class TestRefusals:
    def test_a_wrong_key_is_refused(self, stack: RunningStack) -> None:
        with publishing(f"{stack.credentials['rtmp_url']}sk_wrong") as encoder:
            wait_until(lambda: not encoder.is_connected, what="the refusal")

    def test_a_second_encoder_is_refused_and_the_first_goes_on(self, stack: RunningStack, stream: Stream) -> None:
        with publishing(stream.publish_url) as first:
            stream.await_status("LIVE")
            with publishing(stream.publish_url) as second:
                wait_until(lambda: not second.is_connected, what="the refusal")
            before = stream.newest_segment()
            wait_until(lambda: stream.has_newer_than(before), what="the next segment")

            assert first.is_connected
            assert stream.status == "LIVE"
            assert len(stream.sessions()) == 1

    @pytest.mark.parametrize(
        ("encoder_settings", "advice"),
        [
            ({"has_video": False}, "Add a video source"),
            ({"video": "flv1"}, "H.264"),
            ({"size": "48x36"}, "at least 64"),
        ],
        ids=["no-video", "not-h264", "absurd-size"],
    )
    def test_what_cannot_be_broadcast_is_errored_with_advice(
        self, stream: Stream, encoder_settings: dict[str, object], advice: str
    ) -> None:
        with publishing(stream.publish_url, **encoder_settings) as encoder:  # type: ignore[arg-type]  # Test table.
            stream.await_status("ERRORED")
            wait_until(lambda: not encoder.is_connected, what="the cut")

        assert advice in stream.sessions()[0]["err_message"]


class TestCutting:
    @pytest.mark.parametrize(
        ("method", "action"),
        [("PUT", "/disable"), ("POST", "/reset-stream-key"), ("DELETE", "")],
        ids=["disable", "reset", "delete"],
    )
    def test_cuts_a_running_encoder_without_waiting_for_its_next_report(
        self, stack: RunningStack, stream: Stream, method: str, action: str
    ) -> None:
        with publishing(stream.publish_url) as encoder:
            stream.await_status("LIVE")

            before = _cuts(stack)
            stream.integrator.call(method, stream.path + action)

            wait_until(lambda: _cuts(stack) > before, what="the job")
            wait_until(lambda: not encoder.is_connected, what="the cut")
        if method == "DELETE":
            playback_id = httpx.URL(stream.created["playback_url"]).path.split("/")[2]
            folder = stack.data_dir / "playback" / playback_id
            wait_until(lambda: not folder.exists(), what="the end of the files")


class TestOutages:
    def test_a_broadcast_goes_on_while_the_web_process_is_down(self, stack: RunningStack, stream: Stream) -> None:
        with publishing(stream.publish_url) as encoder:
            stream.await_status("LIVE")
            before = stream.newest_segment()
            os.kill(stack.pids()["web"], 9)

            wait_until(lambda: stream.has_newer_than(before), what="the next segment")
            wait_until(lambda: fetch(f"{stack.base_url}/healthz").is_success, what="the web process")

            assert encoder.is_connected
            assert stream.status == "LIVE"
            assert len(stream.sessions()) == 1

    def test_a_killed_live_worker_is_taken_over_from(self, stack: RunningStack, stream: Stream) -> None:
        with publishing(stream.publish_url) as encoder:
            stream.await_status("LIVE")
            before = run_of(stream)
            os.kill(stack.pids()["live"], 9)

            wait_until(lambda: run_of(stream) not in {before, None}, what="the next run")

            assert encoder.is_connected
            assert stream.status == "LIVE"
            assert len(stream.sessions()) == 1
            wait_until(lambda: _epochs_shown(stream) == {"1", "2"}, what="pictures of both runs")
            encoder.stop()
            stream.await_status("OFFLINE")
        assert _epochs_shown(stream) == {"1", "2"}


class TestSecrets:
    def test_no_log_line_holds_a_stream_key_or_the_hooks_token(self, stack: RunningStack, stream: Stream) -> None:
        with publishing(stream.publish_url):
            stream.await_status("LIVE")

        token = (stack.data_dir / "secrets" / "ingest_hook_token").read_text()
        logs = {path: path.read_text(errors="replace") for path in _log_files(stack.logs)}
        assert logs
        assert [path for path, text in logs.items() if stream.created["stream_key"] in text or token in text] == []
        assert stream.created["stream_key"] not in stream.created["playback_url"]


def _cuts(stack: RunningStack) -> int:
    return len(_IS_CUT.findall((stack.logs / "urgent.log").read_text()))


def _log_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
