"""The egress proxy: who may go out by it, where to, and what is said of refusals."""

import socket
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest

from livehub.core.egress import (
    EgressPermit,
    EgressRefusedError,
    EgressUnavailableError,
    EgressUnreachableError,
    open_permit,
)
from tests.egress.proxies import Shelf, egress_proxy, shelf
from tests.services import HANG_S, running, wait_until
from tests.webhooks.test_outgoing import Names


@pytest.fixture
def store() -> Iterator[Shelf]:
    with shelf() as server:
        server.files["/picture"] = b"its bytes" * 100_000
        yield server


@pytest.fixture
def permit(tmp_path: Path) -> Iterator[EgressPermit]:
    with egress_proxy(tmp_path) as path, open_permit(path) as given:
        yield given


def get(permit: EgressPermit, url: str) -> httpx.Response:
    with httpx.Client(proxy=permit.proxy_url, timeout=HANG_S, trust_env=False) as client:
        return client.get(url)


def _proxy(permit: EgressPermit) -> socket.socket:
    url = httpx.URL(permit.proxy_url)
    connection = socket.create_connection((url.host, url.port or 0), timeout=HANG_S)
    connection.settimeout(HANG_S)
    return connection


def _read_all(connection: socket.socket) -> bytes:
    """Read what comes before the other side hangs up, in whichever way."""
    found = b""
    with suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            found += piece
    return found


def test_plain_http_goes_through_without_what_is_the_proxys(permit: EgressPermit, store: Shelf) -> None:
    answer = get(permit, f"http://127.0.0.1:{store.port}/picture?version=2")

    assert answer.content == b"its bytes" * 100_000
    assert "Proxy-Authorization" not in store.heads[0]
    assert store.heads[0]["Host"] == f"127.0.0.1:{store.port}"
    assert permit.refusal() == permit.failure() == ""


def test_what_is_sent_arrives(permit: EgressPermit, store: Shelf) -> None:
    with httpx.Client(proxy=permit.proxy_url, timeout=HANG_S, trust_env=False) as client:
        answer = client.put(f"http://127.0.0.1:{store.port}/part", content=bytes(3_000_000))

    assert answer.status_code == 204
    assert store.bodies == [bytes(3_000_000)]


def test_connect_passes_bytes_on_as_they_are(permit: EgressPermit) -> None:
    url = httpx.URL(permit.proxy_url)
    with socket.create_server(("127.0.0.1", 0)) as server, _proxy(permit) as client:
        port = server.getsockname()[1]
        client.sendall(
            f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\nProxy-Authorization: Basic {_basic(url)}\r\n\r\nhello".encode()
        )
        with closing(server.accept()[0]) as far:
            far.settimeout(HANG_S)
            assert far.recv(5) == b"hello"
            far.sendall(b"\0and back")
        assert _read_all(client) == b"HTTP/1.1 200 Connection established\r\n\r\n\0and back"


def _basic(url: httpx.URL) -> str:
    return httpx.BasicAuth(url.username, url.password)._auth_header.removeprefix("Basic ")


@pytest.mark.parametrize("user", ["", "somebody:else@"])
def test_nobody_goes_out_without_a_permits_credentials(permit: EgressPermit, store: Shelf, user: str) -> None:
    address = permit.proxy_url.partition("@")[2]

    with httpx.Client(proxy=f"http://{user}{address}", timeout=HANG_S, trust_env=False) as client:
        answer = client.get(f"http://127.0.0.1:{store.port}/picture")

    assert answer.status_code == 407
    assert not store.heads


def test_credentials_end_with_their_permit(tmp_path: Path, store: Shelf) -> None:
    with egress_proxy(tmp_path) as path:
        with open_permit(path) as first:
            assert get(first, f"http://127.0.0.1:{store.port}/picture").status_code == 200
            kept = socket.create_connection(("127.0.0.1", first.tunnel("127.0.0.1", store.port)), timeout=HANG_S)
            kept.sendall(b"GET /picture HTTP/1.1\r\n")
            # The server has it by now, and waits for more.
            wait_until(lambda: len(store.heads) == 1, what="the first request")
        # Cut, and told so in one way or the other.
        with closing(kept), suppress(ConnectionResetError):
            assert kept.recv(1) == b""
        assert get(first, f"http://127.0.0.1:{store.port}/picture").status_code == 407


_INSIDE = "whoever runs the server allows it by LIVEHUB_OUTGOING_ALLOWED_NETWORKS"


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("127.0.0.1", f"127.0.0.1 is inside this network; {_INSIDE}"),
        ("169.254.169.254", f"169.254.169.254 is inside this network; {_INSIDE}"),
        ("hidden.example", f"hidden.example stands for an address inside this network; {_INSIDE}"),
    ],
)
def test_addresses_inside_are_refused_and_named(tmp_path: Path, store: Shelf, host: str, reason: str) -> None:
    names = Names(hidden_example=[["10.1.2.3"]])
    with egress_proxy(tmp_path, allowed=(), names=names) as path, open_permit(path) as permit:
        answer = get(permit, f"http://{host}:{store.port}/picture")

        assert answer.status_code == 403
        assert permit.refusal() == reason
        assert not store.heads


@pytest.mark.parametrize("address", ["::1", "::ffff:127.0.0.1", "fe80::1%lo", "10.0.0.1"])
def test_other_ways_to_write_them_change_nothing(tmp_path: Path, address: str) -> None:
    refused = pytest.raises(EgressRefusedError, match="inside this network")
    with egress_proxy(tmp_path, allowed=()) as path, open_permit(path) as permit, refused:
        permit.resolve(address, 1935)


def test_a_name_that_leads_elsewhere_a_moment_later_is_looked_at_again(tmp_path: Path, store: Shelf) -> None:
    names = Names(moving_example=[["127.0.0.1"], ["10.1.2.3"]])
    with egress_proxy(tmp_path, names=names) as path, open_permit(path) as permit:
        assert get(permit, f"http://moving.example:{store.port}/picture").status_code == 200
        assert permit.refusal() == ""

        assert get(permit, f"http://moving.example:{store.port}/picture").status_code == 403
        assert "moving.example stands for an address inside this network" in permit.refusal()


def test_another_services_port_is_refused_unless_it_was_asked_for(tmp_path: Path) -> None:
    with egress_proxy(tmp_path) as path:
        with open_permit(path) as permit:
            assert get(permit, "http://127.0.0.1:6379/").status_code == 403
            assert permit.refusal() == "127.0.0.1 port 6379 is refused: something else than this is there"
        with open_permit(path, ports=(22,)) as permit:
            assert permit.resolve("127.0.0.1", 22) == "127.0.0.1"
            with pytest.raises(EgressRefusedError, match="port 6379"):
                permit.resolve("127.0.0.1", 6379)


def test_what_cannot_be_reached_is_told_apart(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with egress_proxy(tmp_path, names=Names()) as path, open_permit(path) as permit:
        assert get(permit, f"http://127.0.0.1:{port}/").status_code == 502
        assert permit.failure() == f"127.0.0.1 port {port} refuses connections"
        assert permit.refusal() == ""
        with pytest.raises(EgressUnreachableError, match=r"the host name nowhere\.example cannot be found"):
            permit.tunnel("nowhere.example", 1935)


def test_a_tunnel_leads_to_its_host(permit: EgressPermit, store: Shelf) -> None:
    port = permit.tunnel("127.0.0.1", store.port)

    assert httpx.get(f"http://127.0.0.1:{port}/picture", trust_env=False).content == b"its bytes" * 100_000


def test_an_rtsp_server_that_sends_its_client_elsewhere_is_refused(permit: EgressPermit) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = permit.tunnel("127.0.0.1", server.getsockname()[1])
        client = socket.create_connection(("127.0.0.1", port), timeout=HANG_S)
        with closing(client), closing(server.accept()[0]) as far:
            far.sendall(b"RTSP/1.0 200 OK\r\n\r\nRTSP/1.0 ")
            # In pieces, neither of which tells it.
            received = client.recv(1000)
            far.sendall(b"302 Found\r\nLocation: rtsp://10.0.0.1/\r\n\r\n")
            received += _read_all(client)
    wait_until(permit.refusal, what="the refusal")
    assert b"Location" not in received
    assert permit.refusal() == "the RTSP server sends us to another address, and is not followed"


@pytest.mark.parametrize(
    "request_bytes",
    [b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * 40_000, b"nonsense\r\n\r\n", b"GET ftp://a/ HTTP/1.1\r\n\r\n"],
)
def test_what_is_no_request_is_hung_up_on(permit: EgressPermit, request_bytes: bytes) -> None:
    with _proxy(permit) as client:
        client.sendall(request_bytes)

        assert _read_all(client) == b""


def test_without_the_proxy_nothing_goes_out(tmp_path: Path) -> None:
    with pytest.raises(EgressUnavailableError), open_permit(tmp_path / "egress.sock"):
        pass


def test_the_program_serves_and_its_end_is_noticed(tmp_path: Path, store: Shelf) -> None:
    path = tmp_path / "egress.sock"
    argv = [sys.executable, "-m", "livehub.egress", str(path), "127.0.0.1", "127.0.0.0/8,10.0.0.0/8"]
    with running(argv, log_path=tmp_path / "egress.log") as program:
        wait_until(path.exists, what="the proxy")
        with open_permit(path) as permit:
            assert get(permit, f"http://127.0.0.1:{store.port}/picture").status_code == 200
            assert path.stat().st_mode & 0o777 == 0o600
            assert not permit.is_lost()
            program.kill()
            wait_until(permit.is_lost, what="the end of the permit")


def test_a_server_that_begins_answers_without_end_keeps_nobody_waiting(permit: EgressPermit) -> None:
    """Each beginning once was looked at as far as the last: minutes for this one, in which nobody was let out."""
    sent = b"RTSP/" * 52_000
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = permit.tunnel("127.0.0.1", server.getsockname()[1])
        with socket.create_connection(("127.0.0.1", port), timeout=HANG_S) as client:
            with closing(server.accept()[0]) as far:
                far.sendall(sent)
            assert _read_all(client) == sent
    assert permit.refusal() == ""


@pytest.mark.parametrize("said", [b"RTSP/1.0 302 Moved\r\n", b"$\0\0\4abcdRTSP/x-RTSP/1.0\t +301 x\r\n"])
def test_a_server_that_sends_its_client_elsewhere_is_refused(permit: EgressPermit, said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = permit.tunnel("127.0.0.1", server.getsockname()[1])
        client = socket.create_connection(("127.0.0.1", port), timeout=HANG_S)
        with closing(client), closing(server.accept()[0]) as far:
            far.sendall(said)
            assert _read_all(client) == b""
    wait_until(lambda: "sends us to another address" in permit.refusal(), what="the refusal")
