"""Playlists and parts as players get them: the edge and the origin, with a packager that writes a journal."""

import gzip
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from livehub.stack import nginx
from livehub.stack.edge import render_edge
from livehub.stack.folders import prepare_folders
from livehub.stack.instance import Instance
from livehub.stack.nginx import Host
from livehub.stack.programs import programs
from tests.media.packagers import SESSION, Packager
from tests.media.playlist_rules import Playlist, check
from tests.plain_http import fetch
from tests.services import HANG_S, running, wait_until
from tests.stack.rulings import SIGNED, Ruling, ruling, token_of
from tests.stack.test_edge_reports import lines_of
from tests.stack.test_nginx import accepts

_PLAYBACK_ID = SESSION.partition("/")[0]
_CROWD = 300


@dataclass
class Doors:
    instance: Instance
    packager: Packager
    origin: subprocess.Popen[bytes]
    edge: subprocess.Popen[bytes]
    ruling: Ruling
    players: ThreadPoolExecutor

    def url(self, path: str, *, session: str = SESSION) -> str:
        return f"http://127.0.0.1:{self.instance.http_port}/playback/{session}/{path}"

    def get(self, path: str, **options: str) -> httpx.Response:
        return fetch(self.url(path), **options)

    def playlist(self, query: str = "", *, slot: str = "v0") -> Playlist:
        response = self.get(f"{slot}/index.m3u8{query}")
        assert response.status_code == 200
        return check(response.text)

    def waiting(self, path: str) -> "Future[httpx.Response]":
        """Ask for what is not there yet; return when the origin has the question."""
        asked = self.players.submit(self.get, path)
        time.sleep(0.3)
        assert not asked.done()
        return asked


@pytest.fixture
def doors(instance: Instance, tmp_path: Path) -> Iterator[Doors]:
    prepare_folders(instance)
    instance.edge_config.write_text(render_edge(instance, Host.current()))
    (origin,) = (program for program in programs(instance) if program.name == "origin")
    with ExitStack() as stack:
        process = stack.enter_context(running(origin.argv, log_path=tmp_path / "origin.log"))
        edge_argv = nginx.server_argv(config=instance.edge_config, prefix=instance.nginx_temp_dir)
        told = stack.enter_context(ruling(instance.asgi_socket))
        edge = stack.enter_context(running(edge_argv, log_path=tmp_path / "edge.log"))
        wait_until(lambda: accepts(instance.http_port) and instance.origin_socket.exists(), what="the doors")
        packager = Packager(instance.playback_dir, instance.nudge_socket)
        yield Doors(instance, packager, process, edge, told, stack.enter_context(ThreadPoolExecutor(8)))


class TestPlaylists:
    def test_are_answered_as_soon_as_there_is_what_was_asked_for(self, doors: Doors) -> None:
        doors.packager.add_segments(4)
        assert doors.playlist().end == (3, 4)
        asked = doors.waiting("v0/index.m3u8?_HLS_msn=4&_HLS_part=0")

        doors.packager.add_part()

        assert check(asked.result(timeout=HANG_S).text).end == (4, 1)

    def test_come_with_headers_for_players_and_caches(self, doors: Doors) -> None:
        doors.packager.add_segments(3)

        # Cut to its millisecond.
        before_s = time.time() - 0.001
        response = doors.get("v0/index.m3u8", Origin="https://elsewhere.example")

        assert response.headers["Content-Type"] == "application/vnd.apple.mpegurl"
        for name, value in {"Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=1"}.items():
            assert response.headers.get_list(name) == [value]
        # To the millisecond, for the second that `Date` says.
        (said,) = response.headers.get_list("X-Server-Time")
        assert before_s <= float(said) <= time.time()
        assert "X-Server-Time" in response.headers["Access-Control-Expose-Headers"]
        assert doors.get("v0/index.m3u8?_HLS_msn=1").headers["Cache-Control"] == "public, max-age=4"

    def test_of_somebody_with_a_token_are_kept_by_nobody_else(self, doors: Doors) -> None:
        doors.packager.add_segments(3)
        url = doors.url("v0/index.m3u8").replace("/playback/", "/playback/t/a.b.c/")

        assert fetch(url).headers.get_list("Cache-Control") == ["private, max-age=1"]

    def test_are_packed_for_those_who_take_it(self, doors: Doors) -> None:
        doors.packager.add_segments(5)
        url = httpx.URL(doors.url("v0/index.m3u8"))

        with httpx.stream("GET", url, headers={"Accept-Encoding": "br, gzip"}) as packed:
            body = b"".join(packed.iter_raw())
        plain = fetch(url, **{"Accept-Encoding": "identity"})

        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.headers.get_list("Vary") == ["Accept-Encoding"]
        assert "Content-Encoding" not in plain.headers
        assert gzip.decompress(body).decode() == plain.text

    def test_of_an_ended_session_answer_everybody(self, doors: Doors) -> None:
        doors.packager.add_segments(3)
        asked = doors.waiting("v0/index.m3u8?_HLS_msn=3&_HLS_part=2")

        doors.packager.end()

        assert check(asked.result(timeout=HANG_S).text).is_ended
        assert doors.get("v0/index.m3u8?_HLS_msn=700").headers["Cache-Control"] == "public, max-age=10"

    def test_outlive_the_origin(self, doors: Doors, tmp_path: Path) -> None:
        doors.packager.add_segments(3)
        before = doors.get("v0/index.m3u8").text
        doors.origin.kill()
        doors.origin.wait()
        assert doors.get("v0/index.m3u8").status_code == 502
        (origin,) = (program for program in programs(doors.instance) if program.name == "origin")
        for path in origin.sockets:
            path.unlink()

        with running(origin.argv, log_path=tmp_path / "again.log"):
            wait_until(doors.instance.origin_socket.exists, what="the origin")
            assert doors.get("v0/index.m3u8").text == before
            assert doors.waiting("v0/index.m3u8?_HLS_msn=3&_HLS_part=0")
            doors.packager.add_part()

    def test_are_read_without_nudges(self, doors: Doors) -> None:
        doors.packager.add_segments(3)
        asked = doors.waiting("v0/index.m3u8?_HLS_msn=3&_HLS_part=0")

        doors.packager._nudge_socket = "/nowhere"
        doors.packager.add_part()

        assert asked.result(timeout=HANG_S).status_code == 200

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("v0/index.m3u8?_HLS_part=1", 400),
            ("v0/index.m3u8?_HLS_msn=6", 400),
            (f"v0/index.m3u8?_HLS_msn={10**12}", 400),
            (f"v0/index.m3u8?_HLS_msn={'9' * 4000}", 400),
            ("v0/index.m3u8?_HLS_msn=-1", 400),
            ("v9/index.m3u8", 404),
            ("v0/1-9.0.m4s", 404),
            ("v0/1-1.0.m4s/", 404),
            ("v0/%2e%2e/v0/1.journal", 404),
            ("1.journal", 404),
            ("v0/.1-3.m4s", 404),
            ("v0/", 404),
        ],
    )
    def test_are_nothing_else(self, doors: Doors, path: str, status: int) -> None:
        doors.packager.add_segments(4)
        (doors.packager.folder / "v0" / ".1-3.m4s").write_bytes(b"unfinished")

        response = doors.get(path)

        assert response.status_code == status
        assert response.headers.get_list("Cache-Control") == ["no-store"]
        assert response.headers.get_list("Access-Control-Allow-Origin") == ["*"]

    def test_answer_what_browsers_ask_before(self, doors: Doors) -> None:
        doors.packager.add_segments(2)
        for path in ("v0/index.m3u8", "v0/1-0.0.m4s", "v0/1-0.m4s"):
            response = httpx.options(doors.url(path), headers={"Origin": "https://elsewhere.example"})
            assert response.status_code == 204
            assert response.headers.get_list("Access-Control-Allow-Origin") == ["*"]
            assert httpx.head(doors.url("v0/index.m3u8")).headers["Content-Length"] != "0"
            assert httpx.post(doors.url(path)).status_code == 405


class TestParts:
    def test_that_are_there_are_files(self, doors: Doors) -> None:
        doors.packager.add_part()

        response = doors.get("v0/1-0.0.m4s", Range="bytes=0-1")

        assert (response.status_code, response.text) == (206, "v0")
        assert response.headers.get_list("Cache-Control") == ["public, max-age=31536000, immutable"]

    def test_that_come_next_are_waited_for(self, doors: Doors) -> None:
        doors.packager.add_segments(1)
        doors.packager.add_part()
        hint = doors.playlist().hint
        asked = doors.waiting(f"v0/{hint}")

        doors.packager.add_part()

        response = asked.result(timeout=HANG_S)
        assert (response.status_code, response.text) == (200, "v01.1.")
        # Delivered once, whichever way it went inside.
        (line,) = lines_of(doors.instance, 1)
        assert (line["u"], line["s"], line["b"]) == (f"/playback-files/{SESSION}/v0/{hint}", 200, 6)
        assert response.headers["Content-Type"] == "video/iso.segment"
        for name in ("Cache-Control", "Access-Control-Allow-Origin"):
            assert len(response.headers.get_list(name)) == 1
        assert "immutable" in response.headers["Cache-Control"]

    def test_are_nobodys_to_find_behind_the_origin(self, doors: Doors) -> None:
        doors.packager.add_part()
        base = f"http://127.0.0.1:{doors.instance.http_port}"

        assert fetch(f"{base}/playback-files/{SESSION}/v0/1-0.0.m4s").status_code == 404


class TestPictures:
    def test_are_kept_as_long_as_they_say(self, doors: Doors) -> None:
        pictures = doors.packager.folder / "pictures"
        pictures.mkdir()
        (pictures / "1-1000-25.jpg").write_bytes(b"a strip")
        (doors.packager.folder / "storyboard.vtt").write_text("WEBVTT\n" * 100)
        (doors.packager.folder.parent / "preview.webp").write_bytes(b"pictures")

        strip, listed, preview = map(doors.get, ("pictures/1-1000-25.jpg", "storyboard.vtt", "../preview.webp"))

        assert strip.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert strip.headers["Content-Type"] == "image/jpeg"
        assert listed.headers["Cache-Control"] == preview.headers["Cache-Control"] == "public, max-age=2"
        assert listed.headers["Content-Type"].startswith("text/vtt")
        assert listed.headers["Content-Encoding"] == "gzip"
        assert preview.headers["Content-Type"] == "image/webp"


class TestHostileQuestions:
    """At the origin's own socket, where only our nginx comes: nobody's costs the others anything."""

    def connected(self, doors: Doors) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(HANG_S)
        client.connect(str(doors.instance.origin_socket))
        return client

    @pytest.mark.parametrize("said", [b"", b"GET /", b"GET / HTTP/1.1\r\nX: " + b"x" * 3000])
    def test_hold_nobody_up(self, doors: Doors, said: bytes) -> None:
        doors.packager.add_segments(3)
        with ExitStack() as stack:
            strangers = [stack.enter_context(self.connected(doors)) for _ in range(2000)]
            for stranger in strangers:
                stranger.sendall(said)
            asked = doors.waiting("v0/index.m3u8?_HLS_msn=3&_HLS_part=0")
            doors.packager.add_part()
            assert asked.result(timeout=HANG_S).status_code == 200
            if said:
                assert strangers[0].recv(100) == b"", "it is hung up on"

    def test_without_an_end_are_hung_up_on(self, doors: Doors) -> None:
        with self.connected(doors) as stranger:
            try:
                while True:
                    stranger.sendall(b"x" * 4096)
            except OSError:
                return

    def test_that_are_never_read_cost_one_answer(self, doors: Doors) -> None:
        doors.packager.add_segments(400)
        head = f"GET /{SESSION}/v0/index.m3u8 HTTP/1.1\r\n\r\n".encode()
        with ExitStack() as stack:
            for _ in range(200):
                stack.enter_context(self.connected(doors)).sendall(head)
            assert doors.playlist().end == (399, 4)

    def test_that_flood_the_nudges_are_read_as_one(self, doors: Doors) -> None:
        doors.packager.add_segments(3)
        doors.playlist()
        asked = doors.waiting("v0/index.m3u8?_HLS_msn=3&_HLS_part=0")

        for word in (b"", b"\xff" * 400, b"../../etc", b"pb_1/0") * 500:
            doors.packager.nudge(word)
        doors.packager.add_part()

        assert asked.result(timeout=HANG_S).status_code == 200

    def test_wait_no_longer_than_they_may(self, doors: Doors) -> None:
        doors.packager.add_segments(3)

        response = doors.get("v0/index.m3u8?_HLS_msn=3&_HLS_part=0")

        assert response.status_code == 503
        assert response.headers["Cache-Control"] == "no-store"


def test_a_stop_is_heeded_while_players_wait(doors: Doors) -> None:
    doors.packager.add_segments(3)
    doors.waiting("v0/index.m3u8?_HLS_msn=3&_HLS_part=0")

    os.kill(doors.origin.pid, signal.SIGTERM)

    doors.origin.wait(timeout=HANG_S)


class TestPermission:
    def test_is_given_to_all_of_a_crowd_at_once(self, doors: Doors) -> None:
        doors.packager.add_segments(3)
        doors.ruling.rules = SIGNED
        port = doors.instance.http_port
        with ExitStack() as crowd:
            players = [crowd.enter_context(_player(port)) for _ in range(_CROWD)]
            for number, player in enumerate(players):
                token = token_of(f"viewer-{number}", playback_id=_PLAYBACK_ID)
                path = f"/playback/t/{token}/{SESSION}/v0/index.m3u8"
                player.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            statuses = {player.recv(12) for player in players}

        assert statuses == {b"HTTP/1.1 200"}
        # Once in two seconds, however slow this machine is.
        assert len(doors.ruling.asked) <= 5

    def test_is_given_to_newcomers_while_the_web_program_hangs(self, doors: Doors) -> None:
        doors.packager.add_segments(3)
        doors.ruling.rules = SIGNED
        ann, bob, cid = (
            f"/playback/t/{token_of(name, playback_id=playback_id)}/{playback_id}/index.m3u8"
            for name, playback_id in (("ann", _PLAYBACK_ID), ("bob", _PLAYBACK_ID), ("cid", "pb_2"))
        )
        for playback_id in (_PLAYBACK_ID, "pb_2"):
            folder = doors.instance.playback_dir / playback_id
            folder.mkdir(exist_ok=True)
            (folder / "index.m3u8").write_text("#EXTM3U\n")
        base = f"http://localhost:{doors.instance.http_port}"
        assert fetch(f"{base}{ann}").status_code == 200

        doors.ruling.works.clear()

        # Longer than an answer holds.
        until = time.monotonic() + 8
        while time.monotonic() < until:
            assert fetch(f"{base}{ann}").status_code == 200
            time.sleep(0.3)
        assert fetch(f"{base}{bob}").status_code == 200
        assert fetch(f"{base}{cid}").status_code == 503
        # Of all those nobody but a few has waited for it.
        assert len(doors.ruling.asked) <= 6
        doors.ruling.works.set()
        wait_until(lambda: fetch(f"{base}{cid}").status_code == 200, what="the web program")


def _player(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=HANG_S)
