"""An edge node, as `manage.py run` makes one, in front of an origin that has a packager without media."""

import os
import re
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from streams.media.origin.relay import make_room
from tests.media.packagers import SESSION
from tests.media.playlist_rules import check
from tests.plain_http import fetch
from tests.services import HANG_S, wait_until
from tests.stack.answering import Quiet, answering
from tests.stack.rulings import SIGNED, token_of
from tests.stack.test_nginx import accepts
from tests.stack.test_origin_doors import Doors, doors
from tests.stack.whole import leftovers, stack_environment, start

__all__ = ["doors"]
_PLAYBACK_ID = SESSION.partition("/")[0]
_RECORDINGS = f"{_PLAYBACK_ID}/recordings"
_RECORDING, _ELSEWHERE = (f"{first}-7a2d-4c38-9b0e-0a5d3f6e7c11" for first in ("4f0c7e11", "6f0c7e11"))
# As the documentation says it.
_PROMISED_S = 10


@dataclass
class Node:
    port: int
    folder: Path
    logs: Path
    pid: int

    def get(self, path: str, **options: str) -> httpx.Response:
        return fetch(f"http://127.0.0.1:{self.port}/playback/{path}", **options)

    def playlist(self, query: str = "") -> httpx.Response:
        return self.get(f"{SESSION}/v0/index.m3u8{query}")


@pytest.fixture
def node(doors: Doors, tmp_path: Path) -> Iterator[Node]:
    environment = stack_environment(
        tmp_path / "node", LIVEHUB_ORIGIN_URL=f"http://127.0.0.1:{doors.instance.http_port}"
    )
    process, output_path = start(tmp_path / "node", environment)
    port = int(environment["LIVEHUB_HTTP_PORT"])
    try:
        wait_until(lambda: "is ready" in output_path.read_text() or process.poll() is not None, what="the edge")
        wait_until(lambda: accepts(port), what="its port")
        data_dir = tmp_path / "node" / "var"
        yield Node(port, data_dir / "relayed", data_dir / "logs", process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=HANG_S) == 0, output_path.read_text()
        wait_until(lambda: not leftovers(tmp_path / "node" / "var"), what="programs to end")


def _connections(doors: Doors) -> int:
    """Return how many are open at the origin program."""
    return len(psutil.Process(doors.origin.pid).net_connections(kind="unix"))


class TestEdgeNode:
    def test_is_what_its_origin_is_and_shows_nothing_stale(self, doors: Doors, node: Node) -> None:
        doors.packager.add_segments(4)
        self._is_what_its_origin_is(doors, node)
        self._has_its_pictures(doors, node)
        self._fetches_files_once(doors, node)
        assert node.playlist().is_success

        doors.origin.kill()
        doors.origin.wait()

        assert node.playlist().status_code == 502
        assert node.playlist().headers["Cache-Control"] == "no-store"

    def _is_what_its_origin_is(self, doors: Doors, node: Node) -> None:
        (doors.instance.playback_dir / "pb_1" / "index.m3u8").write_text("#EXTM3U\n")

        assert check(node.playlist().text).end == (3, 4)
        assert node.get("pb_1/index.m3u8").text == "#EXTM3U\n"
        segment = node.get(f"{SESSION}/v0/1-1.m4s")
        assert segment.content == doors.get("v0/1-1.m4s").content
        for response in (node.playlist(), segment):
            assert response.headers.get_list("Access-Control-Allow-Origin") == ["*"]
            assert len(response.headers.get_list("Cache-Control")) == 1
        assert "immutable" in segment.headers["Cache-Control"]
        assert fetch(f"http://127.0.0.1:{node.port}/healthz").is_success
        assert fetch(f"http://127.0.0.1:{node.port}/v2/livestreams").status_code == 404
        for path in (f"{SESSION}/1.journal", f"{SESSION}/v0/.1-3.m4s", f"{SESSION}/v9/index.m3u8", "../x", "pb_1/"):
            assert node.get(path).status_code == 404

    def _has_its_pictures(self, doors: Doors, node: Node) -> None:
        pictures = doors.packager.folder / "pictures"
        pictures.mkdir()
        (pictures / "1-1000-25.jpg").write_bytes(b"a strip")
        (doors.packager.folder / "storyboard.vtt").write_text("WEBVTT\n")
        (doors.packager.folder.parent / "preview.webp").write_bytes(b"pictures")

        strip, listed, preview = map(
            node.get, (f"{SESSION}/pictures/1-1000-25.jpg", f"{SESSION}/storyboard.vtt", "pb_1/preview.webp")
        )

        assert (strip.text, listed.text, preview.text) == ("a strip", "WEBVTT\n", "pictures")
        assert "immutable" in strip.headers["Cache-Control"]
        for replaced, kind in ((listed, "text/vtt"), (preview, "image/webp")):
            assert replaced.headers["Cache-Control"] == "public, max-age=2"
            assert replaced.headers["Content-Type"].startswith(kind)
        (pictures / "1-1000-25.jpg").unlink()
        assert node.get(f"{SESSION}/pictures/1-1000-25.jpg").text == "a strip"

    def _fetches_files_once(self, doors: Doors, node: Node) -> None:
        assert node.get(f"{SESSION}/v0/1-0.m4s").is_success
        (doors.packager.folder / "v0" / "1-0.m4s").unlink()

        assert node.get(f"{SESSION}/v0/1-0.m4s", Range="bytes=0-3").text == "segm"

    def test_asks_once_for_all_who_wait(self, doors: Doors, node: Node) -> None:
        doors.packager.add_segments(4)
        doors.packager.add_part()
        assert node.playlist().is_success
        before = _connections(doors)

        with ThreadPoolExecutor(40) as players:
            playlists = [players.submit(node.playlist, "?_HLS_msn=4&_HLS_part=1") for _ in range(20)]
            parts = [players.submit(node.get, f"{SESSION}/v0/1-4.1.m4s") for _ in range(20)]
            time.sleep(1)
            assert not any(asked.done() for asked in (*playlists, *parts))
            # One for the playlist, one for the part; nginx may have kept some.
            assert _connections(doors) - before <= 2
            doors.packager.add_part()

            assert {check(asked.result(timeout=HANG_S).text).end for asked in playlists} == {(4, 2)}
            assert {asked.result(timeout=HANG_S).text for asked in parts} == {"v04.1."}
        assert (node.folder / SESSION / "v0" / "1-4.1.m4s").exists()


class TestSigned:
    def test_plays_for_who_has_a_token_until_they_are_sent_away(self, doors: Doors, node: Node) -> None:
        doors.packager.add_segments(4)
        self._plays_for_who_has_a_token_and_nobody_else(doors, node)
        doors.ruling.rules, doors.ruling.without_place = SIGNED, frozenset()
        eve, bob = (f"t/{token_of(name, playback_id=_PLAYBACK_ID)}/{SESSION}/v0" for name in ("eve", "bob"))
        assert [node.get(f"{who}/index.m3u8").status_code for who in (eve, bob)] == [200, 200]

        doors.ruling.rules = replace(SIGNED, revoked={"eve": time.time() + 1})

        wait_until(lambda: node.get(f"{eve}/1-2.m4s").status_code == 403, timeout_s=_PROMISED_S, what="eve's end")
        assert node.get(f"{eve}/index.m3u8").status_code == 403
        assert node.get(f"{bob}/1-2.m4s").status_code == 200

    def _plays_for_who_has_a_token_and_nobody_else(self, doors: Doors, node: Node) -> None:
        doors.ruling.rules, doors.ruling.without_place = replace(SIGNED, places=2), frozenset({"cid"})
        ann, bob, cid = (token_of(name, playback_id=_PLAYBACK_ID) for name in ("ann", "bob", "cid"))
        another = token_of("ann", playback_id="pb_another")

        for name in ("v0/index.m3u8", "v0/1-2.m4s"):
            path = f"{SESSION}/{name}"
            assert node.get(f"t/{ann}/{path}").content == node.get(f"t/{bob}/{path}").content != b""
            refused = [path, f"t/{cid}/{path}", f"t/{another}/{path}", f"t/{ann}x/{path}", f"t/none/{path}"]
            assert [node.get(address).status_code for address in refused] == [403] * len(refused)
        kept = node.get(f"t/{ann}/{SESSION}/v0/index.m3u8").headers.get_list("Cache-Control")
        assert kept == ["private, max-age=1"]
        assert "private" in node.get(f"t/{ann}/{SESSION}/v0/1-2.m4s").headers["Cache-Control"]
        assert doors.get("v0/index.m3u8").status_code == 403
        # Another edge behind this one asks here.
        assert [node.get(f"{door}{_PLAYBACK_ID}/permission").status_code for door in (f"t/{ann}/", "")] == [200, 401]
        # With what viewers are told apart by, who are counted here.
        named = [node.get(f"t/{who}/{_PLAYBACK_ID}/permission").headers["X-Playback-Viewer"] for who in (ann, bob)]
        assert all(re.fullmatch("[0-9a-f]{32}", each) for each in named)
        assert named[0] != named[1]
        for log in node.logs.rglob("*"):
            assert ann.split(".")[1] not in log.read_text(errors="replace")

    def test_goes_on_for_who_plays_while_the_hub_is_away(self, doors: Doors, node: Node) -> None:
        doors.packager.add_segments(4)
        doors.ruling.rules = SIGNED
        ann, bob = (f"t/{token_of(name, playback_id=_PLAYBACK_ID)}/{SESSION}/v0" for name in ("ann", "bob"))
        assert node.get(f"{ann}/1-2.m4s").status_code == 200

        doors.edge.terminate()
        doors.edge.wait()

        # Longer than an answer holds.
        until = time.monotonic() + 9
        while time.monotonic() < until:
            assert node.get(f"{ann}/1-2.m4s").status_code == 200
            time.sleep(0.3)
        newcomer = node.get(f"{bob}/1-2.m4s")
        assert (newcomer.status_code, newcomer.headers["Retry-After"]) == (503, "2")


class _Web(Quiet, BaseHTTPRequestHandler):
    """Knows which recording is the newest, and that another one is at another machine: that is here, too."""

    def __init__(self, machine: str, *connection: Any) -> None:
        self._machine = machine
        super().__init__(*connection)

    def do_GET(self) -> None:
        path = self.path.removeprefix("/internal/recorded/")
        there = f"{self._machine}/playback/{path.replace(_ELSEWHERE, _RECORDING)}?sent=1"
        found = {_ELSEWHERE: there, "index.m3u8": f"{_RECORDING}/index.m3u8"}.get(path.split("/")[2])
        self.send_response(302 if found else 404)
        if found:
            self.send_header("Location", found)
        self.send_header("Content-Length", "0")
        self.end_headers()


class TestRecordings:
    @pytest.fixture
    def content(self) -> bytes:
        """Of several pieces, as edges keep them."""
        return bytes(range(256)) * 20_000

    @pytest.fixture
    def kept(self, doors: Doors, content: bytes) -> Iterator[Path]:
        """What the origin has of one."""
        folder = doors.instance.played_dir / _RECORDINGS / _RECORDING
        folder.mkdir(parents=True)
        (folder / "index.m3u8").write_text("#EXTM3U\n")
        (folder / "media.mp4").write_bytes(content)
        machine = f"http://127.0.0.1:{doors.instance.http_port}"
        with answering(doors.instance.web_socket, partial(_Web, machine)):
            yield folder

    def test_are_passed_on_in_ranges_that_are_kept_and_with_playlists(
        self, node: Node, kept: Path, content: bytes
    ) -> None:
        self._have_their_playlists_from_the_origin(node, kept)
        path = f"{_RECORDINGS}/{_RECORDING}/media.mp4"

        part = node.get(path, Range="bytes=2097100-2097200")

        assert (part.status_code, part.content) == (206, content[2097100:2097201])
        assert part.headers["Content-Range"] == f"bytes 2097100-2097200/{len(content)}"
        assert part.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert part.headers.get_list("Access-Control-Allow-Origin") == ["*"]
        assert node.get(path).content == content
        assert node.get(path, Range=f"bytes={len(content)}-").status_code == 416
        (kept / "media.mp4").unlink()
        assert node.get(path, Range="bytes=-9").content == content[-9:]
        assert node.get(path.replace("7e11", "7e12")).status_code == 404

    def _have_their_playlists_from_the_origin(self, node: Node, kept: Path) -> None:
        playlist = node.get(f"{_RECORDINGS}/{_RECORDING}/index.m3u8")
        newest = node.get(f"{_RECORDINGS}/index.m3u8")

        assert (playlist.text, playlist.headers["Cache-Control"]) == ("#EXTM3U\n", "no-cache")
        assert (newest.status_code, newest.headers["Location"]) == (302, f"{_RECORDING}/index.m3u8")
        (kept / "index.m3u8").unlink()
        assert node.get(f"{_RECORDINGS}/{_RECORDING}/index.m3u8").status_code == 404

    def test_of_other_machines_are_fetched_there_as_who_asks(
        self, doors: Doors, node: Node, kept: Path, content: bytes
    ) -> None:
        doors.ruling.rules = SIGNED
        ann = token_of("ann", playback_id=_PLAYBACK_ID)
        for recording in (_RECORDING, _ELSEWHERE):
            path = f"{_RECORDINGS}/{recording}"

            media = node.get(f"t/{ann}/{path}/media.mp4", Range="bytes=7-9")
            playlist = node.get(f"t/{ann}/{path}/index.m3u8")

            assert (media.status_code, media.content, playlist.text) == (206, content[7:10], "#EXTM3U\n")
            assert "private" in media.headers["Cache-Control"]
            assert "Location" not in playlist.headers
            refused = (f"{path}/media.mp4", f"t/{ann}x/{path}/media.mp4", f"{path}/index.m3u8")
            assert [node.get(each).status_code for each in refused] == [403, 403, 403]


class TestMakeRoom:
    def test_removes_the_oldest_of_what_is_too_much(self, tmp_path: Path) -> None:
        folder = tmp_path / "pb_1"
        folder.mkdir()
        for number in range(4):
            (folder / f"{number}.m4s").write_bytes(b"x" * 100)
            os.utime(folder / f"{number}.m4s", (time.time() - 10 + number,) * 2)

        make_room(tmp_path, 250)

        assert sorted(path.name for path in folder.iterdir()) == ["2.m4s", "3.m4s"]
