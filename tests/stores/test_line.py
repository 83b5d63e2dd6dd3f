"""What every storage's client sends over."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_network

import pytest

from streams.recordings.stores.base import StoreError, bound_s
from streams.recordings.stores.line import Line
from tests.services import HANG_S

_LOOPBACK = (ip_network("127.0.0.0/8"),)
_SOON_S = 0.5


@contextmanager
def _server(behave: Callable[[socket.socket], object]) -> Iterator[str]:
    """Yield the URL of a server that does with each connection what it is told to, until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, suppress(OSError):
                        behave(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
    thread.join(HANG_S)


def _trickle(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        connection.sendall(b".")
        time.sleep(0.05)


def _answer(text: bytes) -> Callable[[socket.socket], object]:
    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(text)

    return answer


def _say_nothing(connection: socket.socket) -> None:
    connection.recv(65536)
    time.sleep(2 * _SOON_S)


def _failure(url: str, *, seconds: float = HANG_S, answer_bytes: int = 1000, body: bytes | None = None) -> StoreError:
    with Line(allowed=_LOOPBACK, seconds=seconds) as line, pytest.raises(StoreError) as refusal:
        line.request("PUT", url, headers={}, body=body, answer_bytes=answer_bytes)
    return refusal.value


def test_cuts_a_server_that_trickles() -> None:
    with _server(_trickle) as url:
        error = _failure(url, seconds=_SOON_S, answer_bytes=2_000_000)

    assert (error.code, error.retryable) == ("timed_out", True)


def test_cuts_a_server_that_says_nothing() -> None:
    with _server(_say_nothing) as url:
        assert _failure(url, seconds=_SOON_S).code == "timed_out"


def test_cuts_a_server_that_takes_nothing() -> None:
    with _server(lambda _: time.sleep(2 * _SOON_S)) as url:
        assert _failure(url, seconds=_SOON_S, body=bytes(32 * 1024 * 1024)).code == "timed_out"


def test_follows_nobody_elsewhere() -> None:
    elsewhere = _answer(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
    with _server(elsewhere) as url, Line(allowed=_LOOPBACK, seconds=HANG_S) as line:
        answer = line.request("GET", url, headers={})

    assert (answer.status, answer.headers["location"]) == (302, "http://127.0.0.1:1/")


def test_reads_no_endless_answer() -> None:
    with _server(_answer(b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + b"." * 1001)) as url:
        assert _failure(url, answer_bytes=1000).code == "refused"


@pytest.mark.parametrize(
    ("words", "reason"), [(b"", "unavailable"), (b"220 mail.example.com ESMTP\r\n", "unavailable")]
)
def test_says_that_something_else_is_there(words: bytes, reason: str) -> None:
    with _server(_answer(words)) as url:
        assert _failure(url).code == reason


def test_goes_nowhere_inside_by_another_name() -> None:
    with (
        _server(_answer(b"")) as url,
        Line(allowed=(), seconds=HANG_S) as line,
        pytest.raises(StoreError) as refusal,
    ):
        line.request("GET", url.replace("127.0.0.1", "localhost"), headers={})

    assert refusal.value.code == "address_refused"
    assert "127.0.0.1" not in refusal.value.reason


def test_says_that_a_name_is_unknown() -> None:
    error = _failure("https://storage.invalid/")

    assert error.code == "unavailable"
    assert "storage.invalid cannot be found" in error.reason


def test_gives_a_part_the_time_that_a_slow_line_needs() -> None:
    assert bound_s(8 * 1024 * 1024) == 60 + 64
