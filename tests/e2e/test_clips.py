"""A clip of a broadcast that is live, through the real programs: picture by picture what the recording has."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.client import Integrator
from tests.e2e.encoder import publishing
from tests.media.recording.probing import durations, timed_pictures
from tests.plain_http import fetch
from tests.services import wait_until
from tests.stack.whole import RunningStack

pytestmark = pytest.mark.e2e

_FPS = 30
_FRAME_MS = 1000 / _FPS
_DATE = re.compile(r"#EXT-X-PROGRAM-DATE-TIME:(\S+)")


def test_a_clip_of_what_is_live_shows_exactly_what_was_broadcast(stack: RunningStack, tmp_path: Path) -> None:
    integrator = Integrator.of(stack)
    meeting = integrator.call("POST", "/meetings", title="Standup", record_on_start=True)["data"]["id"]
    stream = integrator.call("POST", f"/meetings/{meeting}/livestreams")["data"]

    with publishing(stream["ingest_server"] + stream["stream_key"]):
        wait_until(lambda: _closed_segments(stream) >= 3, what="three segments")
        # In the middle between two pictures, so that neither end is a matter of rounding.
        starts_at = _first_picture_at(stream) + timedelta(milliseconds=round(14.5 * _FRAME_MS))
        ends_at = starts_at + timedelta(seconds=2)
        clip = integrator.call(
            "POST", f"/livestreams/{stream['id']}/clips", starts_at=starts_at.isoformat(), ends_at=ends_at.isoformat()
        )["data"]
        assert _media_of(clip["playback_url"])
        wait_until(lambda: _shown(integrator, clip)["status"] == "READY", what="the clip's MP4")
        integrator.call("POST", f"/meetings/{meeting}/active-livestream/stop")

    found = timed_pictures(_saved(_shown(integrator, clip)["download_url"], tmp_path / "clip.mp4"))
    assert len(found) == 2 * _FPS
    assert durations(tmp_path / "clip.mp4")["video"] == pytest.approx(2, abs=0.001)
    there = f"/livestreams/{stream['id']}/recordings"
    wait_until(lambda: integrator.call("GET", there)["data"][0]["status"] == "UPLOADED", what="the recording")
    recording = integrator.call("GET", there)["data"][0]
    whole = timed_pictures(_saved(recording["download_url"], tmp_path / "recording.mp4"))
    # The window still had all of the broadcast, so that its first picture is the recording's as well.
    begin = 15
    assert [each for _, each in found] == [each for _, each in whole[begin : begin + 2 * _FPS]]

    integrator.call("DELETE", f"/clips/{clip['id']}")
    assert fetch(clip["playback_url"]).status_code == 404
    folder = stack.data_dir / "recordings"
    wait_until(lambda: not list(folder.rglob(f"{clip['id']}.mp4")), what="the file to go")


def _shown(integrator: Integrator, clip: dict[str, Any]) -> dict[str, Any]:
    return dict(integrator.call("GET", f"/clips/{clip['id']}")["data"])


def _playlist(stream: dict[str, Any]) -> str:
    """Return the picture's playlist; empty while there is none."""
    base = httpx.URL(stream["playback_url"])
    multivariant = fetch(base)
    uris = [line for line in multivariant.text.splitlines() if line and not line.startswith("#")]
    return fetch(base.join(uris[0])).text if multivariant.is_success and uris else ""


def _closed_segments(stream: dict[str, Any]) -> int:
    return _playlist(stream).count("#EXTINF")


def _first_picture_at(stream: dict[str, Any]) -> datetime:
    playlist = _playlist(stream)
    assert "#EXT-X-MEDIA-SEQUENCE:0\n" in playlist
    found = _DATE.search(playlist)
    assert found is not None
    return datetime.fromisoformat(found[1]).astimezone(UTC)


def _media_of(playback_url: str) -> bytes:
    """Return the first segment of the clip's picture, as players of HLS fetch it."""
    playlist = fetch(httpx.URL(playback_url).join("video.m3u8")).raise_for_status().text
    length, _, offset = playlist.rpartition("#EXT-X-BYTERANGE:")[2].partition("\n")[0].partition("@")
    asked = f"bytes={offset}-{int(offset) + int(length) - 1}"
    answer = fetch(httpx.URL(playback_url).join("clip.mp4"), Range=asked)
    assert (answer.status_code, len(answer.content)) == (206, int(length))
    assert answer.headers["access-control-allow-origin"] == "*"
    return answer.content


def _saved(url: str, path: Path) -> Path:
    path.write_bytes(fetch(url).raise_for_status().content)
    return path
