"""What the edge lets in and writes down, by itself: whom it lets in is answered 503, since no web process is there."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from livehub.stack import nginx
from livehub.stack.edge import render_edge
from livehub.stack.folders import prepare_folders
from livehub.stack.instance import Instance
from livehub.stack.nginx import Host
from tests.services import HANG_S, running, wait_until
from tests.stack.test_nginx import accepts

SECRET = "what-nobody-may-write-down"
# Of the smallest machine's connections: 64.
_MORE_THAN_A_SHARE = 80


@dataclass(frozen=True)
class Edge:
    port: int
    log_path: Path

    def begun(self, head: str) -> socket.socket:
        """Send a request's lines, and the first byte of a body that is longer."""
        client = socket.create_connection(("127.0.0.1", self.port), timeout=HANG_S)
        client.sendall(f"{head}\r\n\r\n1".encode())
        return client

    def ask(self, head: str, *, source: str = "127.0.0.1") -> tuple[int, str]:
        """Send a request's lines, and return the status and all else that is answered."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=HANG_S, source_address=(source, 0)) as client:
            client.sendall(f"{head}\r\nConnection: close\r\n\r\n".replace("PORT", str(self.port)).encode())
            answer = b"".join(iter(lambda: client.recv(65536), b"")).decode()
        return int(answer.split()[1]), answer.partition("\r\n\r\n")[2]


@pytest.fixture
def edge(request: pytest.FixtureRequest, instance: Instance, tmp_path: Path) -> Iterator[Edge]:
    hosts = ("live.example.org", ".example.net", "localhost", "127.0.0.1", "[::1]")
    wanted = replace(instance, **({"allowed_hosts": hosts} | getattr(request, "param", {})))
    prepare_folders(wanted)
    wanted.edge_config.write_text(render_edge(wanted, Host.current()))
    log_path = tmp_path / "edge.log"
    with running(nginx.server_argv(config=wanted.edge_config, prefix=wanted.nginx_temp_dir), log_path=log_path):
        wait_until(lambda: accepts(wanted.http_port), what="the edge")
        yield Edge(wanted.http_port, log_path)


class TestHost:
    @pytest.mark.parametrize(
        "host",
        [
            "localhost",
            "LOCALHOST:PORT",
            "127.0.0.1:PORT",
            "[::1]:PORT",
            "live.example.org",
            "live.example.org.:443",
            "example.net",
            "a.b.example.net:1",
        ],
    )
    def test_that_is_ours_is_let_in(self, edge: Edge, host: str) -> None:
        assert edge.ask(f"GET / HTTP/1.1\r\nHost: {host}")[0] == 503

    @pytest.mark.parametrize(
        "host",
        [
            "evil.example",
            "localhost.evil.example",
            "evil-localhost",
            "liveXexample.org",
            "badexample.net",
            "127.0.0.10",
            "localhost:PORT:1",
            "localhost:x",
            "evil@localhost",
            "localhost evil",
            "",
            "192.0.2.7",
        ],
    )
    def test_of_anybody_else_is_told_nothing(self, edge: Edge, host: str) -> None:
        for path in ("/", "/v2/livestreams", "/playback/x.m3u8", "/static/x.css", "/healthz", "/ws/overview"):
            status, body = edge.ask(f"GET {path} HTTP/1.1\r\nHost: {host}")

            assert status in {400, 421}
            assert "LiveHub" not in body
            assert not host or host not in body

    @pytest.mark.parametrize(
        "head",
        [
            "GET http://localhost/ HTTP/1.1\r\nHost: evil.example",
            "GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example",
            "GET / HTTP/1.0",
        ],
    )
    def test_is_the_one_that_the_programs_behind_will_see(self, edge: Edge, head: str) -> None:
        assert edge.ask(head)[0] in {400, 421}

    @pytest.mark.parametrize("edge", [{"allowed_hosts": ("*",)}], indirect=True)
    def test_may_be_any_where_the_operator_says_so(self, edge: Edge) -> None:
        assert edge.ask("GET / HTTP/1.1\r\nHost: whatever.example:80")[0] == 503
        assert edge.ask("GET / HTTP/1.1\r\nHost: what_ever")[0] == 421


def test_no_query_string_is_written_down_whatever_goes_wrong(edge: Edge) -> None:
    upgrade = "\r\nUpgrade: websocket\r\nConnection: upgrade"
    paths = ["/", "/v2/livestreams", "/readyz", "/healthz", "/log-in", "/admin/login/", "/ws/overview", "/internal/x"]
    paths += ["/playback/../x", "/playback/a/b.m4s", "/static/", "/static/none.css", "/nowhere", "/%00"]
    for path in paths:
        for method, more in (("GET", ""), ("POST", "\r\nContent-Length: 0"), ("GET", upgrade)):
            edge.ask(f"{method} {path}?token={SECRET} HTTP/1.1\r\nHost: localhost{more}")
    edge.ask(f"GET /?token={SECRET} HTTP/1.1\r\nHost: evil.example")
    edge.ask(f"GET /?token={SECRET} HTTP/9.9\r\nHost: localhost")
    edge.ask(f"GET /last?token={SECRET} HTTP/1.1\r\nHost: localhost")

    wait_until(lambda: '"GET /last" 503' in edge.log_path.read_text(), what="the last line")
    log = edge.log_path.read_text()
    assert log.count("\n") > len(paths)
    assert SECRET not in log


class TestStranger:
    """Somebody who begins requests and never finishes them."""

    @pytest.fixture(autouse=True)
    def small_machine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Host, "current", lambda: Host(is_root=os.getuid() == 0, open_files=1024))

    @pytest.mark.parametrize("length", ["Content-Length: 1000000", "Transfer-Encoding: chunked"])
    def test_keeps_nobody_from_asking_whether_we_are_ready(self, edge: Edge, length: str) -> None:
        with ExitStack() as stranger:
            for _ in range(2):
                stranger.enter_context(edge.begun(f"GET /readyz HTTP/1.1\r\nHost: localhost\r\n{length}"))

            assert edge.ask("GET /readyz HTTP/1.1\r\nHost: localhost")[0] == 503

    @pytest.mark.parametrize("path", ["/log-in", "/v2/livestreams", "/healthz"])
    def test_has_a_share_of_the_connections_and_leaves_the_others_theirs(self, edge: Edge, path: str) -> None:
        with ExitStack() as stranger:
            for _ in range(_MORE_THAN_A_SHARE):
                stranger.enter_context(edge.begun(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9"))
            wait_until(lambda: edge.ask("GET /log-in HTTP/1.1\r\nHost: localhost")[0] == 429, what="429")

            assert edge.ask(f"GET {path} HTTP/1.1\r\nHost: localhost")[0] == 429
            assert edge.ask("GET /log-in HTTP/1.1\r\nHost: localhost", source="127.0.0.2")[0] == 503

        wait_until(lambda: edge.ask("GET /log-in HTTP/1.1\r\nHost: localhost")[0] == 503, what="503")

    @pytest.mark.parametrize("edge", [{"trusted_proxies": ("127.0.0.1",)}], indirect=True)
    def test_gets_no_more_by_changing_addresses_within_ipv6(self, edge: Edge) -> None:
        head = "GET /log-in HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 2001:db8:0"
        with ExitStack() as stranger:
            for number in range(_MORE_THAN_A_SHARE):
                stranger.enter_context(edge.begun(f"{head}:1::{number:x}\r\nContent-Length: 9"))
            wait_until(lambda: edge.ask(f"{head}:1::ffff")[0] == 429, what="429")

            assert edge.ask(f"{head}:2::1")[0] == 503

    @pytest.mark.parametrize("edge", [{"trusted_proxies": ("127.0.0.1",)}], indirect=True)
    def test_takes_nothing_from_others_whom_a_proxy_writes_as_ipv6(self, edge: Edge) -> None:
        head = "GET /log-in HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: "
        with ExitStack() as stranger:
            for _ in range(_MORE_THAN_A_SHARE):
                stranger.enter_context(edge.begun(f"{head}::ffff:198.51.100.1\r\nContent-Length: 9"))
            wait_until(lambda: edge.ask(f"{head}::ffff:198.51.100.1")[0] == 429, what="429")

            assert edge.ask(f"{head}::ffff:198.51.100.2")[0] == 503
            # However it is written, it is the same one.
            assert edge.ask(f"{head}198.51.100.1")[0] == 429
