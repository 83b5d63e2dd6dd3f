"""The real nginx-rtmp, and servers that do not behave."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from streams.media.nginx_rtmp import IngestServer, IngestUnavailableError
from tests.media.ingest import Ingest
from tests.services import wait_until


class TestIngestServer:
    def test_knows_who_publishes(self, ingest: Ingest, small_clip: Path) -> None:
        with ingest.publishing("known", small_clip):
            wait_until(lambda: _has_announced(ingest.server, "known"), what="the codecs")
            first = ingest.server.find_publisher("known")
            assert first is not None
            wait_until(lambda: _bytes_in(ingest.server, "known") > first.bytes_in, what="more media")

            assert list(ingest.server.list_publishers()) == ["known"]
            assert (first.video_codec, first.audio_codec) == ("H264", "AAC")
            assert first.client_id.isdigit()
            assert ingest.server.find_publisher("unknown") is None

    def test_cuts_a_publisher(self, ingest: Ingest, small_clip: Path) -> None:
        with ingest.publishing("cut", small_clip) as encoder:
            assert ingest.server.drop_publisher("cut")

            wait_until(lambda: encoder.poll() is not None, what="the encoder's end")
        assert not ingest.server.drop_publisher("cut")

    def test_says_where_to_pull_from(self, tmp_path: Path) -> None:
        assert IngestServer("rtmp://127.0.0.1/live/", tmp_path).pull_url("name") == "rtmp://127.0.0.1/live/name"


def _has_announced(server: IngestServer, name: str) -> bool:
    publisher = server.find_publisher(name)
    return publisher is not None and publisher.video_codec != "" and publisher.audio_codec != ""


def _bytes_in(server: IngestServer, name: str) -> int:
    publisher = server.find_publisher(name)
    return publisher.bytes_in if publisher is not None else 0


def _never_answer(connection: socket.socket, is_over: threading.Event) -> None:
    is_over.wait(30)


# 8 s of them: a client that waits for the end is found out.
_DRIPS = 80


def _drip(connection: socket.socket, is_over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nX-")
    for _ in range(_DRIPS):
        if is_over.wait(0.1):
            return
        connection.sendall(b"x")


def _drip_the_body(connection: socket.socket, is_over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(_DRIPS):
        if is_over.wait(0.1):
            return
        connection.sendall(b"x")


def _say_nonsense(connection: socket.socket, is_over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n<no")


def _fail(connection: socket.socket, is_over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 6\r\n\r\n<rtmp/")


@contextmanager
def _serving(behave: Callable[[socket.socket, threading.Event], None], path: Path) -> Iterator[IngestServer]:
    is_over = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.recv(4096)
            behave(connection, is_over)

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield IngestServer("rtmp://127.0.0.1/live/", path)
        is_over.set()
        thread.join(5)


class TestUnavailableServer:
    @pytest.mark.parametrize("behave", [_never_answer, _drip, _drip_the_body, _say_nonsense, _fail])
    def test_is_named_in_bounded_time(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        behave: Callable[[socket.socket, threading.Event], None],
    ) -> None:
        monkeypatch.setattr("streams.media.nginx_rtmp._TIMEOUT_S", 0.5)
        with _serving(behave, tmp_path / "control.sock") as server:
            began_at = time.monotonic()
            with pytest.raises(IngestUnavailableError):
                server.find_publisher("name")

            assert time.monotonic() - began_at < 4

    def test_is_named_when_nothing_listens(self, tmp_path: Path) -> None:
        with pytest.raises(IngestUnavailableError):
            IngestServer("rtmp://127.0.0.1/live/", tmp_path / "nothing").drop_publisher("name")
