"""From an encoder to a file that was checked, and to whoever fetches it, through the real programs."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import httpx
import m3u8
import pytest

from tests.e2e.client import Integrator
from tests.e2e.encoder import publishing
from tests.plain_http import fetch, plain_client
from tests.services import wait_until
from tests.stack.whole import RunningStack

pytestmark = pytest.mark.e2e


def test_a_broadcast_becomes_a_file_although_the_recorder_is_killed(stack: RunningStack, tmp_path: Path) -> None:
    integrator = Integrator.of(stack)
    meeting = integrator.call("POST", "/meetings", title="Standup", record_on_start=True)["data"]["id"]
    stream = integrator.call("POST", f"/meetings/{meeting}/livestreams")["data"]
    there = f"/livestreams/{stream['id']}/recordings"

    def newest() -> dict[str, Any]:
        found = integrator.call("GET", there)["data"]
        return dict(found[0]) if found else {"status": ""}

    with publishing(stream["ingest_server"] + stream["stream_key"]):
        wait_until(lambda: newest()["status"] == "RECORDING", what="the recording")
        os.kill(stack.pids()["recordings"], signal.SIGKILL)
        wait_until(lambda: _closed_segments(stack, stream) >= 4, what="some segments")
        integrator.call("POST", f"/meetings/{meeting}/active-livestream/stop")
    wait_until(lambda: newest()["status"] == "UPLOADED", what="the file")

    recording = newest()
    assert (recording["problem"], recording["is_verified"], recording["gaps"]) == (None, True, [])
    assert recording["duration_s"] >= 6
    path = tmp_path / "fetched.mp4"
    path.write_bytes(_fetched(recording))
    assert _decoded_frames(path) == pytest.approx(recording["duration_s"] * 30, abs=3)
    wait_until(lambda: newest()["pictures_status"] == "made", what="the poster")
    _is_played(newest(), path.read_bytes())

    integrator.call("DELETE", f"{there}/{recording['id']}")
    assert fetch(recording["download_url"]).status_code == 404
    folder = stack.data_dir / "recordings"
    wait_until(lambda: not list(folder.rglob(recording["output_file_name"])), what="the file to go")
    wait_until(lambda: fetch(recording["playback_url"]).status_code == 404, what="the playlists to go")


def _closed_segments(stack: RunningStack, stream: dict[str, Any]) -> int:
    folder = stack.data_dir / "playback" / httpx.URL(stream["playback_url"]).path.split("/")[2]
    return sum(path.name.count(".") == 1 and "-" in path.name for path in folder.glob("*/v0/*.m4s"))


def _fetched(recording: dict[str, Any]) -> bytes:
    """Return the file as its link gives it: as a whole, and a part of it as players ask."""
    whole = fetch(recording["download_url"]).raise_for_status()
    assert whole.headers["content-type"] == "video/mp4"
    assert recording["output_file_name"] in whole.headers["content-disposition"]
    assert len(whole.content) == recording["size"]
    part = fetch(recording["download_url"], Range="bytes=100-199")
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert fetch(recording["download_url"].partition("?")[0]).status_code == 410
    folder_address = httpx.URL(recording["download_url"]).copy_with(path="/recording-files/", query=None)
    assert fetch(folder_address).status_code == 404
    return whole.content


def _is_played(recording: dict[str, Any], content: bytes) -> None:
    """Hold that players get playlists, ranges and pictures of it at the livestream's address, and there alone."""
    address = httpx.URL(recording["playback_url"])
    with plain_client(follow_redirects=True) as client:
        newest = client.get(address.join("../index.m3u8"))
    assert (newest.url, newest.text) == (address, fetch(address).text)
    picture = next(line for line in newest.text.splitlines() if line and not line.startswith("#"))
    listed = m3u8.loads(fetch(address.join(picture)).raise_for_status().text)
    for segment in listed.segments:
        length, begin = map(int, segment.byterange.split("@"))
        answer = fetch(address.join(segment.uri), Range=f"bytes={begin}-{begin + length - 1}")
        assert (answer.status_code, answer.content) == (206, content[begin : begin + length])
    assert sum(segment.duration for segment in listed.segments) == pytest.approx(recording["duration_s"], abs=0.2)
    assert fetch(recording["poster_url"]).headers["content-type"] == "image/jpeg"
    assert "pictures/0.jpg#xywh=0,0,256,144" in fetch(recording["storyboard_url"]).text
    sound = fetch(recording["downloads"]["m4a"]["url"])
    assert (sound.headers["content-type"], sound.content[4:8]) == ("audio/mp4", b"ftyp")
    inner = address.path.replace("/playback/", "/internal/recorded/")
    assert fetch(address.copy_with(path=inner)).status_code == 404


def _decoded_frames(path: Path) -> int:
    argv = [
        "ffmpeg",
        "-nostdin",
        "-loglevel",
        "error",
        "-xerror",
        "-i",
        str(path),
        "-map",
        "0:v",
        "-f",
        "framemd5",
        "-",
    ]
    lines = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()
    return sum(bool(line) and not line.startswith("#") for line in lines)
