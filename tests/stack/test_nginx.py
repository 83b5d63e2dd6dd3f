"""The two nginx configurations: what they say, and that nginx takes them."""

import json
import re
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from email.message import Message
from pathlib import Path
from types import MappingProxyType

import pytest

from livehub.api.problem import Problem
from livehub.api.wire import WIRES, Wire
from livehub.stack import nginx
from livehub.stack.edge import render_edge
from livehub.stack.edge_node import render_edge_node
from livehub.stack.folders import prepare_folders
from livehub.stack.ingest import render_ingest
from livehub.stack.instance import Instance
from livehub.stack.nginx import Host
from livehub.stack.programs import programs
from livehub.stack.tls import ensure_self_signed
from tests.services import HANG_S, running, wait_until

HOST = Host(is_root=False, open_files=1024)
ANY_ADDRESS = "0.0.0.0"  # noqa: S104  # Written into a configuration.


class TestRenderIngest:
    def test_asks_the_asgi_process_about_encoders_by_its_socket(self, instance: Instance) -> None:
        config = render_ingest(instance, HOST)

        for hook in ("publish", "publish-done", "play", "update"):
            assert f"http://unix:{instance.asgi_socket}:/internal/ingest/{hook}" in config
        assert config.count(instance.ingest_hook_token) == 4
        assert "notify_update_strict off;" in config

    def test_keeps_stream_keys_out_of_logs(self, instance: Instance) -> None:
        config = render_ingest(instance, HOST)

        assert config.count("access_log off;") == 2
        assert "error_log stderr warn;" in config

    def test_lets_nobody_but_this_machine_play(self, instance: Instance) -> None:
        assert "allow play 127.0.0.1;\n            deny play all;" in render_ingest(instance, HOST)

    @pytest.mark.parametrize("bind", ["127.0.0.1", "192.0.2.7", ANY_ADDRESS, "::", "2001:db8::7"])
    def test_can_be_pulled_from_by_us_whatever_it_is_bound_to(self, instance: Instance, bind: str) -> None:
        config = render_ingest(replace(instance, rtmp_bind=bind, rtmp_port=1935), HOST)

        assert f"listen {instance.own_address}:1935;" in config

    def test_uses_the_operators_certificate(self, instance: Instance) -> None:
        given = replace(instance, tls_certificate="/etc/tls/live.pem", tls_key="/etc/tls/live.key")

        config = render_ingest(given, HOST)

        assert 'ssl_certificate "/etc/tls/live.pem";' in config
        assert 'ssl_certificate_key "/etc/tls/live.key";' in config


class TestRenderEdge:
    @pytest.mark.parametrize(
        ("bind", "expected"),
        [
            (ANY_ADDRESS, ["0.0.0.0:80"]),
            ("::1", ["[::1]:80 ipv6only=on"]),
            ("::", ["0.0.0.0:80", "[::]:80 ipv6only=on"]),
        ],
    )
    def test_listens_on_addresses_of_both_kinds(self, instance: Instance, bind: str, expected: list[str]) -> None:
        config = render_edge(replace(instance, http_bind=bind, http_port=80), HOST)

        assert re.findall(r"listen (.*);", config) == expected


class TestRenderEdgeNode:
    @pytest.mark.parametrize("has_edge_token", [True, False])
    def test_writes_down_what_it_delivers_where_it_may_tell_its_hub(
        self, instance: Instance, has_edge_token: bool
    ) -> None:
        node = replace(instance, origin_url="http://hub.example", has_edge_token=has_edge_token)
        prepare_folders(node)
        config = render_edge_node(node, Host.current())
        node.edge_config.write_text(config)

        argv = [*nginx.server_argv(config=node.edge_config, prefix=node.nginx_temp_dir), "-t", "-q"]
        subprocess.run(argv, check=True, timeout=HANG_S)
        assert ("media.log" in config) is has_edge_token
        assert ("collector" in {program.name for program in programs(node)}) is has_edge_token


class TestLimits:
    """The edge by itself: what it lets through is answered 503, since no web process is there."""

    @pytest.fixture
    def base_url(self, instance: Instance, tmp_path: Path) -> Iterator[str]:
        prepare_folders(instance)
        instance.edge_config.write_text(render_edge(instance, Host.current()))
        argv = nginx.server_argv(config=instance.edge_config, prefix=instance.nginx_temp_dir)
        with running(argv, log_path=tmp_path / "edge.log"):
            wait_until(lambda: accepts(instance.http_port), what="the edge")
            yield f"http://127.0.0.1:{instance.http_port}"

    def test_readiness_is_not_worked_out_as_often_as_a_stranger_likes(self, base_url: str) -> None:
        answers = [ask(f"{base_url}/readyz") for _ in range(60)]

        assert [answer.status for answer in answers[:11]] == [503] * 11
        assert (answers[-1].status, answers[-1].headers["Retry-After"]) == (429, "1")
        assert json.loads(answers[-1].body)["error"]["type"] == "rate_limited"

    @pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.name)
    def test_answers_in_each_dialect_as_we_would(self, base_url: str, wire: Wire) -> None:
        asked: dict[str, tuple[str, dict[str, str]]] = {
            "413": ("POST", {"Content-Length": "2000000"}),
            "503": ("GET", {}),
            "421": ("GET", {"Host": "elsewhere.example"}),
        }
        for path in (f"/{wire.root}", f"/{wire.root}/x"):
            for status, (method, headers) in asked.items():
                answer = ask(f"{base_url}{path}", method=method, headers=headers)
                body = json.loads(answer.body)

                known_as = answer.headers["X-Request-Id"]
                message = body["error"]["message"]
                kind = body["error"].get("type", "")
                assert answer.headers["Content-Type"] == "application/json"
                assert re.fullmatch(r"[0-9a-f]{32}", known_as)
                assert body == wire.error_body(Problem(int(status), kind, message), known_as)
                assert answer.headers.get("x-should-retry") == ("true" if status == "503" else None)

    def test_answers_people_with_a_page(self, base_url: str) -> None:
        for path in ("/", "/v2x", "/docs/v2/"):
            assert "<h1>One moment</h1>" in ask(f"{base_url}{path}").body

    def test_nothing_else_is_limited(self, base_url: str) -> None:
        # Log-ins are counted behind it, where it is known who has been there before.
        paths = ["/", "/log-in", "/v2/livestreams", "/livestreams", "/healthz"] * 15

        assert {ask(f"{base_url}{path}", method="POST").status for path in paths} == {503}


def test_an_ipv4_client_is_known_by_its_own_address_whatever_is_listened_on(instance: Instance, tmp_path: Path) -> None:
    wanted = replace(instance, http_bind="::")
    prepare_folders(wanted)
    wanted.edge_config.write_text(render_edge(wanted, Host.current()))
    log = tmp_path / "edge.log"
    with running(nginx.server_argv(config=wanted.edge_config, prefix=wanted.nginx_temp_dir), log_path=log):
        wait_until(lambda: accepts(wanted.http_port), what="the edge")
        for host in ("127.0.0.1", "[::1]"):
            ask(f"http://{host}:{wanted.http_port}/internal")
        wait_until(lambda: log.read_text().count(" 404 ") == 2, what="the lines")

    # Each of nginx's workers writes for itself.
    assert sorted(line.split()[0] for line in log.read_text().splitlines()) == ["127.0.0.1", "::1"]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Message
    body: str


def ask(url: str, *, method: str = "GET", headers: Mapping[str, str] = MappingProxyType({})) -> Answer:
    data = b"x" if method == "POST" else None
    wanted = urllib.request.Request(url, method=method, data=data, headers=dict(headers))  # noqa: S310  # Our own http.
    try:
        with urllib.request.urlopen(wanted, timeout=HANG_S) as response:  # noqa: S310
            return Answer(response.status, response.headers, response.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read().decode())


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("bind", ["127.0.0.1", ANY_ADDRESS, "::", "::1"])
@pytest.mark.parametrize("folder", ["plain", "with blank"])
def test_nginx_takes_both(instance: Instance, tmp_path_factory: pytest.TempPathFactory, bind: str, folder: str) -> None:
    # Of a short name: a socket's path has at most 107 bytes.
    base = tmp_path_factory.mktemp("nginx") / folder
    wanted = replace(
        instance,
        data_dir=base,
        runtime_dir=base / "run",
        playback_dir=base / "playback",
        static_root=base / "static",
        web_socket=base / "run" / "web.sock",
        asgi_socket=base / "run" / "asgi.sock",
        ingest_control_socket=base / "run" / "ingest-control.sock",
        gate_socket=base / "run" / "gate.sock",
        egress_socket=base / "run" / "egress.sock",
        origin_socket=base / "run" / "origin.sock",
        nudge_socket=base / "run" / "nudge.sock",
        http_bind=bind,
        rtmp_bind=bind,
        trusted_proxies=("127.0.0.1/32", "192.0.2.0/24", "2001:db8::/32"),
    )
    prepare_folders(wanted)
    ensure_self_signed(certificate_path=wanted.certificate_path, key_path=wanted.key_path, host="localhost")
    wanted.ingest_config.write_text(render_ingest(wanted, Host.current()))
    wanted.edge_config.write_text(render_edge(wanted, Host.current()))

    for config in (wanted.ingest_config, wanted.edge_config):
        argv = [*nginx.server_argv(config=config, prefix=wanted.nginx_temp_dir), "-t"]
        result = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        assert "warn" not in result.stderr
