"""What is played of recordings, as the edge hands it out: from its folder, or else from the web program."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from livehub.stack import nginx
from livehub.stack.edge import render_edge
from livehub.stack.folders import prepare_folders
from livehub.stack.instance import Instance
from livehub.stack.nginx import Host
from tests.plain_http import fetch
from tests.services import running, wait_until
from tests.stack.answering import Quiet, answering
from tests.stack.test_nginx import Answer, accepts, ask

_RECORDED = "/playback/pb_0123456789abcdefghij/recordings"
_ONE = f"{_RECORDED}/4f0c9e1b-7a2d-4c38-9b0e-0a5d3f6e7c11"
# One that another machine has.
_ELSEWHERE = f"{_RECORDED.replace('/playback/', '/internal/recorded/')}/6f0c"
_TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl"  # Nobody's.


@dataclass
class _Programs:
    """What answers the edge in place of the origin and the web program; `asked` are the web's paths and ranges."""

    is_open: bool = True
    asked: list[tuple[str, str]] = field(default_factory=list)


class _Asked(Quiet, BaseHTTPRequestHandler):
    def __init__(self, programs: _Programs, *connection: Any) -> None:
        self._programs = programs
        super().__init__(*connection)


class _Permissions(_Asked):
    def do_GET(self) -> None:
        self.send_response(204 if self._programs.is_open else 401)
        self.send_header("X-Playback", "permitted" if self._programs.is_open else "refused")
        self.end_headers()


class _Web(_Asked):
    def do_GET(self) -> None:
        self._programs.asked.append((self.path, self.headers.get("Range", "")))
        status = {"video.m3u8": 200, "media.mp4": 206, "index.m3u8": 302}.get(self.path.rpartition("/")[2], 404)
        content = b"of the web program"
        if self.path.startswith(_ELSEWHERE):
            status = 302
        self.send_response(status)
        if status == 302:
            there = f"https://north.example.org{self.path.replace('/internal/recorded/', '/playback/')}?sent=1"
            self.send_header("Location", there if self.path.startswith(_ELSEWHERE) else "somewhere/index.m3u8")
            self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@dataclass(frozen=True)
class _Edge:
    url: str
    programs: _Programs

    def get(self, path: str, **headers: str) -> Answer:
        return ask(f"{self.url}{path}", headers=headers)


@pytest.fixture
def edge(instance: Instance) -> Iterator[_Edge]:
    prepare_folders(instance)
    kept = instance.played_dir / _ONE.removeprefix("/playback/")
    kept.mkdir(parents=True)
    (kept / "index.m3u8").write_text("#EXTM3U\n")
    (instance.recordings_dir / "recording.mp4").write_bytes(bytes(range(200)))
    (kept / "media.mp4").symlink_to(instance.recordings_dir / "recording.mp4")
    (kept / "pictures").mkdir()
    (kept / "pictures/0.jpg").write_bytes(b"strip")
    instance.edge_config.write_text(render_edge(instance, Host.current()))
    argv = nginx.server_argv(config=instance.edge_config, prefix=instance.nginx_temp_dir)
    programs = _Programs()
    with (
        answering(instance.origin_socket, partial(_Permissions, programs)),
        answering(instance.web_socket, partial(_Web, programs)),
        running(argv, log_path=instance.log_dir / "edge.log"),
    ):
        wait_until(lambda: accepts(instance.http_port), what="the edge")
        yield _Edge(f"http://127.0.0.1:{instance.http_port}", programs)


def test_hands_out_what_is_kept_and_ranges_of_it_without_asking_the_web(edge: _Edge) -> None:
    playlist = edge.get(f"{_ONE}/index.m3u8", Origin="https://shop.example")
    media = edge.get(f"{_ONE}/media.mp4", Range="bytes=65-68")

    assert (playlist.status, playlist.body, playlist.headers["Cache-Control"]) == (200, "#EXTM3U\n", "no-cache")
    assert playlist.headers.get_all("Access-Control-Allow-Origin") == ["*"]
    assert (media.status, media.body, media.headers["Content-Range"]) == (206, "ABCD", "bytes 65-68/200")
    assert edge.get(f"{_ONE}/pictures/0.jpg").headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert edge.get(f"/playback/t/{_TOKEN}{_ONE.removeprefix('/playback')}/index.m3u8").body == "#EXTM3U\n"
    assert edge.programs.asked == []


def test_asks_the_web_program_for_the_rest(edge: _Edge) -> None:
    other = _ONE.replace("4f0c", "5f0c")

    playlist = edge.get(f"{_ONE}/video.m3u8", Origin="https://shop.example")
    media = edge.get(f"{other}/media.mp4", Range="bytes=1-2")

    assert (playlist.status, playlist.body) == (200, "of the web program")
    assert playlist.headers.get_all("Access-Control-Allow-Origin") == ["*"]
    assert media.status == 206
    inner = [path.replace("/playback/", "/internal/recorded/") for path in (f"{_ONE}/video.m3u8", f"{other}/media.mp4")]
    assert edge.programs.asked == [(inner[0], ""), (inner[1], "bytes=1-2")]
    assert edge.get(inner[0]).status == 404


@pytest.mark.parametrize("door", ["", f"t/{_TOKEN}/"])
def test_sends_viewers_to_the_machine_that_has_it_with_their_token(edge: _Edge, door: str) -> None:
    other = _ONE.removeprefix("/playback/").replace("4f0c", "6f0c")

    answer = fetch(f"{edge.url}/playback/{door}{other}/media.mp4")

    there = f"https://north.example.org/playback/{door}{other}/media.mp4?sent=1"
    assert (answer.status_code, answer.headers["Location"]) == (302, there)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers.get_list("Access-Control-Allow-Origin") == ["*"]
    fetch(f"{edge.url}/playback/{other}/media.mp4?sent=1")
    assert edge.programs.asked[-1][0].endswith("/media.mp4?sent=1")


def test_leads_to_the_newest_one_from_where_it_is_asked(edge: _Edge) -> None:
    answer = fetch(f"{edge.url}/playback/t/{_TOKEN}{_RECORDED.removeprefix('/playback')}/index.m3u8")

    assert answer.headers["Location"] == "somewhere/index.m3u8"


def test_says_quietly_that_there_is_nothing_to_pages_that_look(edge: _Edge) -> None:
    path = f"{_ONE}/storyboard.vtt"

    assert (edge.get(path).status, edge.get(f"{path}?quiet=1").status) == (404, 204)


@pytest.mark.parametrize("name", ["index.m3u8", "video.m3u8", "media.mp4", "pictures/0.jpg"])
def test_refuses_whoever_may_not_watch_the_livestream(edge: _Edge, name: str) -> None:
    edge.programs.is_open = False

    assert edge.get(f"{_ONE}/{name}").status == 403
    assert edge.get(f"{_RECORDED}/index.m3u8").status == 403
    assert edge.programs.asked == []


@pytest.mark.parametrize("name", ["other.m3u8", "../video.m3u8", ".draft", "pictures/../media.mp4x"])
def test_knows_nothing_else(edge: _Edge, name: str) -> None:
    assert edge.get(f"{_ONE}/{name}").status in {403, 404}
    assert edge.programs.asked == []
