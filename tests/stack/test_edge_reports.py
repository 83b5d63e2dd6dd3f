"""What players report is taken in by the edge alone, and written down as one line each, whatever they send."""

import json
import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from livehub.stack import nginx
from livehub.stack.edge import render_edge
from livehub.stack.edge_node import render_edge_node
from livehub.stack.folders import prepare_folders
from livehub.stack.instance import Instance
from livehub.stack.nginx import Host
from tests.services import HANG_S, running, wait_until
from tests.stack.test_edge_policy import _HERE, _ID, _TOKEN, Edge, _program
from tests.stack.test_nginx import accepts

_SESSION = "0f8fad5bd9cb469f"
_EVENTS = f"/playback/{_ID}/{_SESSION}/events"
_EVENT = 'e=ps,sid="a-b",sn=0,sta=s,ts=1794000000000,v=2'
_VIEWER = "0123456789abcdef0123456789abcdef"


@pytest.fixture(params=[render_edge])
def edge(request: pytest.FixtureRequest, instance: Instance, tmp_path: Path) -> Iterator[Edge]:
    wanted = instance
    if request.param is render_edge_node:
        wanted = replace(instance, origin_url="http://hub.example", has_edge_token=True)
    prepare_folders(wanted)
    wanted.edge_config.write_text(request.param(wanted, Host.current()))
    log_path = tmp_path / "edge.log"
    argv = nginx.server_argv(config=wanted.edge_config, prefix=wanted.nginx_temp_dir)
    with _program(wanted.origin_socket) as program, running(argv, log_path=log_path):
        wait_until(lambda: accepts(wanted.http_port), what="the edge")
        yield Edge(f"http://127.0.0.1:{wanted.http_port}", log_path, program)


@pytest.fixture
def http(edge: Edge) -> httpx.Client:
    return httpx.Client(base_url=edge.url, timeout=HANG_S)


def lines_of(instance: Instance, count: int) -> list[dict[str, Any]]:
    """Return the log's lines as soon as there are so many."""
    found: list[bytes] = []

    def are_there() -> bool:
        found[:] = instance.media_log.read_bytes().splitlines() if instance.media_log.exists() else []
        return len(found) >= count

    wait_until(are_there, what="the log")
    assert len(found) == count
    return [json.loads(line) for line in found]


@pytest.mark.parametrize("edge", [render_edge, render_edge_node], ids=["hub", "edge node"], indirect=True)
def test_a_report_is_a_line_of_the_log(instance: Instance, edge: Edge, http: httpx.Client) -> None:
    edge.program.headers["X-Playback-Viewer"] = _VIEWER
    sent = {"User-Agent": "a browser", "Content-Type": "application/cmcd"}
    body = f'{_EVENT}\n{_EVENT.replace("sn=0", "sn=1")},cid="a \\"b\\" \\\\"\n'
    plain = http.post(_EVENTS, content=body, headers=sent)
    much = "\n".join([_EVENT] * 100)
    with_token = http.post(f"/playback/t/{_TOKEN}/{_ID}/events", content=much, headers=sent | _HERE)

    assert (plain.status_code, plain.content) == (204, b"")
    assert with_token.status_code == 204
    for answer in (plain, with_token):
        assert answer.headers.get_list("Access-Control-Allow-Origin") == ["*"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in answer.headers
    first, second = lines_of(instance, 2)
    assert (first["e"], first["u"], first["r"], first["g"]) == ("report", _EVENTS, body, "a browser")
    assert (first["a"], first["v"], first["s"]) == ("127.0.0.1", _VIEWER, 204)
    assert (second["u"], second["r"]) == (f"/playback/{_ID}/events", much)
    assert _TOKEN not in instance.media_log.read_text() + edge.log_path.read_text()


def test_reports_of_one_player_stand_in_their_order(instance: Instance, edge: Edge) -> None:
    """Each of nginx's workers would keep what came on its connections for a second."""
    bodies = [_EVENT.replace("sn=0", f"sn={number}") for number in range(40)]
    for body in bodies:
        assert httpx.post(edge.url + _EVENTS, content=body, timeout=HANG_S).status_code == 204

    assert [line["r"] for line in lines_of(instance, len(bodies))] == bodies


def test_pages_of_others_may_report(http: httpx.Client) -> None:
    for path in (_EVENTS, f"/playback/t/{_TOKEN}/{_ID}/events"):
        answer = http.options(path, headers=_HERE | {"Access-Control-Request-Method": "POST"})

        assert answer.status_code == 204
        assert answer.headers.get_list("Access-Control-Allow-Origin") == ["*"]
        # Of a method that forms have as well, nothing needs to be said.
        assert "Content-Type" in answer.headers["Access-Control-Allow-Headers"].split(", ")


def test_whoever_may_not_watch_reports_nothing(instance: Instance, edge: Edge, http: httpx.Client) -> None:
    edge.program.refuse()

    assert http.post(_EVENTS, content=_EVENT).status_code == 403
    assert not instance.media_log.exists() or not instance.media_log.read_bytes()


def test_of_what_is_no_text_nothing_is_written_but_that_it_came(instance: Instance, http: httpx.Client) -> None:
    bodies = [b"\x00\xff" * 100, 'e=t,sid="é"'.encode(), b"\x1b[31m", b"e=t\x00", b"e=t\x7f"]
    for body in bodies:
        assert http.post(_EVENTS, content=body).status_code == 204

    assert [line["r"] for line in lines_of(instance, len(bodies))] == [""] * len(bodies)


def test_the_longest_fits_and_a_longer_one_is_refused(instance: Instance, http: httpx.Client) -> None:
    longest = ('"' * 127 + "\n") * 128

    assert http.post(_EVENTS, content=longest).status_code == 204
    assert http.post(_EVENTS, content=longest + "x").status_code == 413
    assert http.post(_EVENTS, content=iter([longest.encode(), b"x"])).status_code == 413
    assert lines_of(instance, 1)[0]["r"] == longest


def test_of_pieces_of_unknown_number_all_is_read(instance: Instance, http: httpx.Client) -> None:
    assert http.post(_EVENTS, content=iter([_EVENT.encode(), b"\n", _EVENT.encode()])).status_code == 204

    assert lines_of(instance, 1)[0]["r"] == f"{_EVENT}\n{_EVENT}"


def test_nothing_else_is_taken(instance: Instance, http: httpx.Client) -> None:
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        assert http.request(method, _EVENTS).status_code == 403
    for path in (
        f"/playback/{_ID}/x/events",
        f"/playback/{_ID}/{_SESSION}/v0/events",
        f"{_EVENTS}/",
        "/internal/reported",
    ):
        assert http.post(path, content=_EVENT).status_code in {403, 404, 405}
    assert http.post(_EVENTS, content=_EVENT).status_code == 204
    assert len(lines_of(instance, 1)) == 1


def test_a_flood_of_one_household_is_cut_and_of_another_is_let_in(instance: Instance, edge: Edge) -> None:
    port = int(edge.url.rpartition(":")[2])
    each = f"POST {_EVENTS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(_EVENT)}\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=HANG_S) as flood:
        # One behind the other, not waiting for an answer: whoever floods is faster than any limit.
        flood.sendall(f"{each}\r\n{_EVENT}".encode() * 899 + f"{each}Connection: close\r\n\r\n{_EVENT}".encode())
        answers = re.findall(rb"^HTTP/1.1 (\d+)", b"".join(iter(lambda: flood.recv(65536), b"")), re.MULTILINE)
    elsewhere = httpx.HTTPTransport(local_address="127.0.0.2")
    with httpx.Client(base_url=edge.url, timeout=HANG_S, transport=elsewhere) as other:
        assert other.post(_EVENTS, content=_EVENT).status_code == 204

    assert (len(answers), set(answers)) == (900, {b"204", b"429"})
    assert answers[:500] == [b"204"] * 500
    taken = answers.count(b"204") + 1
    assert len(lines_of(instance, taken)) == taken


def test_who_goes_away_in_the_middle_is_no_line(instance: Instance, edge: Edge, http: httpx.Client) -> None:
    port = int(edge.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=HANG_S) as half:
        half.sendall(f"POST {_EVENTS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999\r\n\r\n{_EVENT}".encode())
    assert http.post(_EVENTS, content=_EVENT).status_code == 204

    assert len(lines_of(instance, 1)) == 1
