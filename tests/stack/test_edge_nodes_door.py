"""What edge nodes tell the hub, as its nginx takes it in; and whom an edge node takes a viewer for."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx
import pytest

from livehub.stack import nginx
from livehub.stack.edge import render_edge
from livehub.stack.edge_node import render_edge_node
from livehub.stack.folders import prepare_folders
from livehub.stack.instance import Instance
from livehub.stack.nginx import Host
from tests.services import HANG_S, running, wait_until
from tests.stack.answering import Quiet, answering
from tests.stack.test_edge_policy import _ID, _program
from tests.stack.test_nginx import accepts

_BATCH = "POST /edges/batch HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
_AUTHORIZATION = "Authorization: Bearer right\r\n"


@dataclass
class _Hub:
    """In place of the web program: what was asked of it, and how many bytes came with that."""

    asked: list[tuple[str, int]] = field(default_factory=list)


class _Handler(Quiet, BaseHTTPRequestHandler):
    def __init__(self, hub: _Hub, *args: object) -> None:
        self._hub = hub
        super().__init__(*args)  # type: ignore[arg-type]  # The server's.

    def do_GET(self) -> None:
        self._answer(204 if self.headers.get("Authorization") == "Bearer right" else 401)

    def do_POST(self) -> None:
        self._answer(200)

    def _answer(self, status: int) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._hub.asked.append((self.path, len(sent)))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


@pytest.fixture
def hub() -> _Hub:
    return _Hub()


@pytest.fixture
def port(request: pytest.FixtureRequest, instance: Instance, hub: _Hub, tmp_path: Path) -> Iterator[int]:
    wanted = replace(instance, has_edge_token=getattr(request, "param", True))
    prepare_folders(wanted)
    wanted.edge_config.write_text(render_edge(wanted, Host.current()))
    argv = nginx.server_argv(config=wanted.edge_config, prefix=wanted.nginx_temp_dir)
    with answering(wanted.web_socket, partial(_Handler, hub)), running(argv, log_path=tmp_path / "edge.log"):
        wait_until(lambda: accepts(wanted.http_port), what="the edge")
        yield wanted.http_port


def _status(port: int, head: str, body: bytes) -> int:
    """Send that, and nothing more of what may be missing, and return what is answered."""
    with socket.create_connection(("127.0.0.1", port), timeout=HANG_S) as client:
        client.sendall(f"{head}\r\n".encode() + body)
        return int(client.makefile("rb").readline().split()[1])


def test_of_strangers_no_batch_is_taken_in(port: int, hub: _Hub) -> None:
    """They are told before theirs has come: nothing of it lies on the disk, and none of our programs has read it."""
    for shown in ("", "Authorization: Bearer wrong\r\n"):
        assert _status(port, f"{_BATCH}{shown}Content-Length: 30000000\r\n", b"x" * 100_000) == 401

    assert hub.asked == [("/internal/edge-token", 0)] * 2


def test_what_is_small_everywhere_is_no_larger_there(port: int, hub: _Hub) -> None:
    for what in ("open", "now", "other"):
        head = f"POST /edges/{what} HTTP/1.1\r\nHost: localhost\r\n{_AUTHORIZATION}Content-Length: 30000000\r\n"
        assert _status(port, head, b"x") == 413

    assert hub.asked == []


def test_an_edge_nodes_batch_is_handed_on(port: int, hub: _Hub) -> None:
    body = b"x" * 3_000_000

    assert _status(port, f"{_BATCH}{_AUTHORIZATION}Content-Length: {len(body)}\r\n", body) == 200
    assert _status(port, f"{_BATCH}{_AUTHORIZATION}Content-Length: 40000000\r\n", b"x") == 413
    assert ("/edges/batch", len(body)) in hub.asked


@pytest.mark.parametrize("port", [False], indirect=True)
def test_there_is_no_door_where_no_edge_node_is_known(port: int, hub: _Hub) -> None:
    assert _status(port, f"{_BATCH}{_AUTHORIZATION}Content-Length: 9\r\n", b"x") == 404
    assert _status(port, f"{_BATCH}{_AUTHORIZATION}Content-Length: 30000000\r\n", b"x") == 413
    assert hub.asked == []


def test_nobody_asks_whether_a_token_is_right(port: int, hub: _Hub) -> None:
    head = f"GET /internal/edge-token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{_AUTHORIZATION}"
    assert _status(port, head, b"") == 404
    assert hub.asked == []


@pytest.mark.parametrize(
    ("trusted", "seen"), [((), "127.0.0.1"), (("127.0.0.1",), "2001:db8::7")], ids=["stranger", "trusted proxy"]
)
def test_an_edge_node_knows_viewers_behind_its_own_proxies(
    instance: Instance, tmp_path: Path, trusted: tuple[str, ...], seen: str
) -> None:
    wanted = replace(instance, origin_url="http://hub.example", has_edge_token=True, trusted_proxies=trusted)
    prepare_folders(wanted)
    wanted.edge_config.write_text(render_edge_node(wanted, Host.current()))
    argv = nginx.server_argv(config=wanted.edge_config, prefix=wanted.nginx_temp_dir)
    with ExitStack() as stack:
        stack.enter_context(_program(wanted.origin_socket))
        stack.enter_context(running(argv, log_path=tmp_path / "edge.log"))
        wait_until(lambda: accepts(wanted.http_port), what="the edge")
        url = f"http://127.0.0.1:{wanted.http_port}/playback/{_ID}/events"
        claimed = {"X-Forwarded-For": "198.51.100.1, 2001:db8::7"}
        assert httpx.post(url, content="e=t", headers=claimed, timeout=HANG_S).status_code == 204
        wait_until(lambda: wanted.media_log.exists() and wanted.media_log.read_bytes(), what="the log")

        assert json.loads(wanted.media_log.read_bytes())["a"] == seen
