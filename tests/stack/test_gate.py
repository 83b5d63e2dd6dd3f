"""The gate by itself, before an RTMP server that takes its time."""

import socket
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.services import HANG_S, running, wait_until

STARTED = b"NetStream.Publish.Start"
HANDSHAKE = bytes(3073)
# What lies in the kernel's buffers on the way, and some of the gate's own; a broadcast sends this within a minute.
_MOST_HELD = 16 * 1024 * 1024


@dataclass(frozen=True)
class Passage:
    """An encoder that publishes, and the server's side of its connection, which reads nothing by itself."""

    encoder: socket.socket
    server: socket.socket


@pytest.fixture
def passage(tmp_path: Path) -> Iterator[Passage]:
    path = tmp_path / "gate"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(HANG_S)
        argv = [sys.executable, "-m", "livehub.gate", str(path), f"127.0.0.1:{listener.getsockname()[1]}", "10"]
        with running(argv, log_path=tmp_path / "gate.log"), socket.socket(socket.AF_UNIX) as encoder:
            wait_until(lambda: encoder.connect_ex(str(path)) == 0, what="the gate")
            encoder.settimeout(HANG_S)
            encoder.sendall(b"\x03")
            with closing(listener.accept()[0]) as server:
                server.settimeout(HANG_S)
                server.sendall(HANDSHAKE + STARTED)
                _read(encoder, len(HANDSHAKE + STARTED))
                yield Passage(encoder, server)


def _read(connection: socket.socket, count: int) -> bytes:
    """Read so many bytes, or what there is until the other side hangs up."""
    found = bytearray()
    while len(found) < count and (piece := connection.recv(65536)):
        found += piece
    return bytes(found)


def _fill(encoder: socket.socket) -> int:
    """Send until nothing is taken any more, and return how many bytes were."""
    encoder.settimeout(2)
    sent = 0
    with suppress(TimeoutError):
        while sent <= 2 * _MOST_HELD:
            sent += encoder.send(bytes(65536))
    return sent


def test_an_encoder_has_to_wait_for_a_server_that_does_not_read(passage: Passage) -> None:
    sent = _fill(passage.encoder)

    assert sent <= _MOST_HELD
    # And it goes on once the server does; with what was said before the gate went there.
    assert len(_read(passage.server, 1 + sent)) == 1 + sent
