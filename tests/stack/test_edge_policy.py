"""Who may fetch media, as the edge sees to it: with files of its own, and a program that says what it is told."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, cast

import pytest

from livehub.stack import nginx
from livehub.stack.edge import render_edge
from livehub.stack.folders import prepare_folders
from livehub.stack.instance import Instance
from livehub.stack.nginx import Host
from tests.services import HANG_S, running, wait_until
from tests.stack.answering import Quiet, answering
from tests.stack.test_nginx import Answer, accepts, ask

_ID = "pb_0123456789abcdefghij"
_PLAYLIST = f"/playback/{_ID}/index.m3u8"
_TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl"
_WITH_TOKEN = f"/playback/t/{_TOKEN}/{_ID}/index.m3u8"
_HERE = {"Origin": "https://shop.example"}


@dataclass
class Program:
    """What answers the edge in place of the origin program."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=lambda: {"Cache-Control": "max-age=60", "X-Playback": "permitted"})
    # What it was asked: livestream, token and origin.
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    works: threading.Event = field(default_factory=threading.Event)

    def refuse(self, why: str = "refused") -> None:
        self.status, self.headers = 401, {"Cache-Control": "max-age=1", "X-Playback": why}


@dataclass(frozen=True)
class Edge:
    url: str
    log_path: Path
    program: Program

    def get(self, path: str = _PLAYLIST, **headers: str) -> Answer:
        return ask(f"{self.url}{path}", headers=headers)


@pytest.fixture
def edge(instance: Instance, tmp_path: Path) -> Iterator[Edge]:
    prepare_folders(instance)
    folder = instance.playback_dir / _ID
    folder.mkdir()
    (folder / "index.m3u8").write_text("#EXTM3U\n")
    (folder / "1.m4s").write_bytes(b"segment")
    (folder / "0f/v0").mkdir(parents=True)
    (folder / "0f/v0/1-1.0.m4s").write_bytes(b"part")
    instance.edge_config.write_text(render_edge(instance, Host.current()))
    log_path = tmp_path / "edge.log"
    argv = nginx.server_argv(config=instance.edge_config, prefix=instance.nginx_temp_dir)
    with _program(instance.origin_socket) as program, running(argv, log_path=log_path):
        wait_until(lambda: accepts(instance.http_port), what="the edge")
        yield Edge(f"http://127.0.0.1:{instance.http_port}", log_path, program)


class TestPermission:
    def test_opens_the_plain_address(self, edge: Edge) -> None:
        answer = edge.get()

        assert (answer.status, answer.body) == (200, "#EXTM3U\n")
        assert edge.program.asked == [(_ID, "", "")]

    def test_opens_the_one_with_a_token_and_all_below_it(self, edge: Edge) -> None:
        assert edge.get(_WITH_TOKEN).body == "#EXTM3U\n"
        segment = edge.get(_WITH_TOKEN.replace("index.m3u8", "1.m4s"))

        assert segment.body == "segment"
        assert edge.get(_WITH_TOKEN.replace("index.m3u8", "0f/v0/1-1.0.m4s")).body == "part"
        # The token's holder alone may keep it.
        assert segment.headers["Cache-Control"] == "private, max-age=31536000, immutable"
        assert edge.program.asked == [(_ID, _TOKEN, "")]

    def test_is_asked_for_once_while_it_holds_whoever_asks(self, edge: Edge) -> None:
        for path in [_PLAYLIST, f"/playback/{_ID}/1.m4s"] * 10:
            assert edge.get(path).status == 200
            assert edge.get(path, **_HERE).status == 200

        assert len(edge.program.asked) == 1

    def test_is_asked_for_each_token(self, edge: Edge) -> None:
        another = _TOKEN.replace("c2lnbmF0dXJl", "Zm9yZ2Vk")
        assert edge.get(_WITH_TOKEN).status == 200
        edge.program.refuse()

        for path in (_PLAYLIST, _WITH_TOKEN.replace(_TOKEN, another)):
            assert edge.get(path).status == 403
        assert edge.get(_WITH_TOKEN).status == 200

        assert edge.program.asked == [(_ID, _TOKEN, ""), (_ID, "", ""), (_ID, another, "")]

    def test_is_asked_for_again_while_nobody_waits(self, edge: Edge) -> None:
        edge.program.headers["Cache-Control"] = "max-age=1, stale-while-revalidate=60"
        assert edge.get().status == 200
        time.sleep(2.1)
        edge.program.works.clear()
        began = time.monotonic()

        assert edge.get().status == 200

        # Before nginx would have given up on the program.
        assert time.monotonic() - began < 4
        wait_until(lambda: len(edge.program.asked) == 2, what="the question")

    def test_is_asked_for_each_origin_where_that_matters(self, edge: Edge) -> None:
        edge.program.headers["Vary"] = "Origin"

        for _ in range(3):
            assert edge.get(**_HERE).status == 200
            assert edge.get(Origin="https://other.example").status == 200
            assert edge.get().status == 200

        origins = sorted(origin for _, _, origin in edge.program.asked)
        assert origins == ["", "https://other.example", "https://shop.example"]

    def test_is_asked_for_nothing_that_cannot_be(self, edge: Edge) -> None:
        edge.program.headers["Vary"] = "Origin"

        for origin in ("o" * 271, "a page", "\x01", "\xff"):
            assert edge.get(Origin=origin).status == 200
        assert edge.get(f"/playback/t/{'a' * 1025}.b.c/{_ID}/index.m3u8").status == 403
        assert edge.get(f"/playback/{_ID * 10}/index.m3u8").status == 404

        assert set(edge.program.asked) == {(_ID, "", "null"), ("", "", "")}

    @pytest.mark.parametrize(
        "path",
        [
            f"/playback/t/{_TOKEN}/../../{_ID}/index.m3u8",
            f"/playback/pb_other/..%2F{_ID}/index.m3u8",
            "/playback/%70b_0123456789abcdefghij/index.m3u8",
            f"//playback/t/{_TOKEN}/../../{_ID}/./index.m3u8",
        ],
    )
    def test_is_asked_of_what_is_served_however_it_is_spelt(self, edge: Edge, path: str) -> None:
        with socket.create_connection(("127.0.0.1", int(edge.url.rpartition(":")[2])), timeout=HANG_S) as client:
            client.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            assert b"#EXTM3U" in b"".join(iter(lambda: client.recv(65536), b""))

        assert edge.program.asked == [(_ID, "", "")]


class TestRefusal:
    @pytest.mark.parametrize(
        "path",
        [
            _PLAYLIST,
            _WITH_TOKEN,
            *(f"/playback/{_ID}/{name}" for name in ("1.m4s", "none.m4s", "0f/v0/index.m3u8", "0f/v0/1-1.0.m4s")),
            # What is waited for.
            f"/playback/{_ID}/0f/v0/1-1.1.m4s",
        ],
    )
    def test_can_be_read_by_the_page_that_asked_and_is_kept_by_nobody(self, edge: Edge, path: str) -> None:
        edge.program.refuse()

        answer = edge.get(path, **_HERE)

        assert answer.status == 403
        assert answer.headers.get_all("Access-Control-Allow-Origin") == ["*"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert not answer.headers.get("WWW-Authenticate")

    def test_of_what_is_no_token_asks_nobody(self, edge: Edge) -> None:
        answer = edge.get(f"/playback/t/none/{_ID}/index.m3u8")

        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (403, "*")
        assert edge.program.asked == []

    @pytest.mark.parametrize(("why", "told"), [("full", "full"), ("refused", None)])
    def test_says_why_only_to_who_comes_too_late(self, edge: Edge, why: str, told: str | None) -> None:
        edge.program.refuse(why)

        answer = edge.get(_WITH_TOKEN, **_HERE)

        assert (answer.status, answer.headers["X-Playback-Refused"]) == (403, told)

    def test_says_where_there_is_nothing(self, edge: Edge) -> None:
        edge.program.refuse("unknown")

        assert edge.get("/playback/pb_none/index.m3u8").status == 404

    def test_is_no_error_to_pages_that_look_whether_there_is_something(self, edge: Edge) -> None:
        for path, status in ((f"/playback/{_ID}/none.vtt", 204), (_PLAYLIST, 200)):
            assert edge.get(f"{path}?quiet=1").status == status

    def test_leaves_scripts_their_question_before(self, edge: Edge) -> None:
        edge.program.refuse()

        assert ask(f"{edge.url}{_WITH_TOKEN}", method="OPTIONS", headers=_HERE).status == 204

    def test_comes_within_the_time_that_the_answer_holds(self, edge: Edge) -> None:
        edge.program.headers["Cache-Control"] = "max-age=1, stale-while-revalidate=1"
        assert edge.get(_WITH_TOKEN).status == 200

        edge.program.refuse()

        wait_until(lambda: edge.get(_WITH_TOKEN).status == 403, timeout_s=10)

    def test_comes_at_once_to_whoever_has_not_asked_for_long(self, edge: Edge) -> None:
        edge.program.headers["Cache-Control"] = "max-age=1, stale-while-revalidate=1"
        assert edge.get(_WITH_TOKEN).status == 200
        edge.program.refuse()
        time.sleep(3)

        assert edge.get(_WITH_TOKEN).status == 403

    def test_nobody_reaches_who_decides(self, edge: Edge) -> None:
        for path in ("/internal/permission", "/internal/permission-of-now"):
            assert edge.get(path).status == 404
        assert edge.program.asked == []


class TestOutage:
    @pytest.mark.parametrize("how", ["says so", "hangs", "is gone"])
    def test_stops_nobody_who_plays_and_makes_nobody_wait_for_long(
        self, edge: Edge, how: str, instance: Instance
    ) -> None:
        edge.program.headers["Cache-Control"] = "max-age=1, stale-while-revalidate=1, stale-if-error=60"
        assert edge.get().status == 200

        if how == "says so":
            edge.program.status, edge.program.headers = 503, {"Cache-Control": "no-store"}
        elif how == "hangs":
            edge.program.works.clear()
        else:
            instance.origin_socket.unlink()
        for _ in range(30):
            assert edge.get().status == 200
            time.sleep(0.1)

        # Of the thirty, whoever waited for a program that hangs.
        assert how != "hangs" or len(edge.program.asked) <= 1 + 4

    def test_stops_who_plays_when_he_may_do_so_unasked_no_longer(self, edge: Edge, instance: Instance) -> None:
        edge.program.headers["Cache-Control"] = "max-age=1, stale-while-revalidate=0, stale-if-error=2"
        assert edge.get(_WITH_TOKEN).status == 200

        instance.origin_socket.unlink()

        wait_until(lambda: edge.get(_WITH_TOKEN).status == 503, timeout_s=10, what="the end")

    def test_lets_nobody_new_in_and_says_that_it_passes(self, edge: Edge) -> None:
        edge.program.status, edge.program.headers = 503, {"Cache-Control": "no-store"}

        answer = edge.get(_WITH_TOKEN)

        assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_no_token_is_written_down(edge: Edge) -> None:
    edge.get(_WITH_TOKEN)
    edge.get(_WITH_TOKEN.replace("index", "none"))
    edge.get(_WITH_TOKEN, Host="elsewhere.example")
    edge.get(f"/embed/{_ID}?token={_TOKEN}")
    edge.program.refuse()
    edge.get(_WITH_TOKEN)

    wait_until(lambda: " 421 " in edge.log_path.read_text(), what="the line")
    assert _TOKEN.partition(".")[0] not in edge.log_path.read_text()


class _Handler(Quiet, BaseHTTPRequestHandler):
    def __init__(self, program: Program, *connection: Any) -> None:
        self._program = program
        super().__init__(*connection)

    def do_GET(self) -> None:
        program = self._program
        asked = tuple(self.headers.get(name, "") for name in ("X-Playback-Id", "X-Playback-Token", "Origin"))
        program.asked.append(cast("tuple[str, str, str]", asked))
        program.works.wait(HANG_S)
        self.send_response(program.status)
        for name, value in program.headers.items():
            self.send_header(name, value)
        with suppress(BrokenPipeError):
            self.end_headers()


@contextmanager
def _program(path: Path) -> Iterator[Program]:
    program = Program()
    program.works.set()
    with answering(path, partial(_Handler, program)):
        try:
            yield program
        finally:
            program.works.set()
