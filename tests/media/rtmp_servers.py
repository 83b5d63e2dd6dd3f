"""RTMP servers that do not do what they should: one that takes a broadcast slowly, badly, or not at all."""

import os
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from streams.media.rtmp import amf
from streams.media.rtmp.chunks import MessageType, render_message

_HANDSHAKE = 1536
_SILENCE_S = 60.0

Behaviour = Callable[[socket.socket], None]


@contextmanager
def listening(behave: Behaviour, *, buffer: int = 128 * 1024) -> Iterator[int]:
    """Behave so towards everybody who connects, for as long as the block lasts; yield the port.

    `buffer` bytes are on the way to it at most: a server that reads nothing is noticed only once that is full.
    """
    with socket.socket() as listener, ExitStack() as accepted:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        threading.Thread(target=_accept, args=(listener, behave, accepted), daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, behave: Behaviour, accepted: ExitStack) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            connection.settimeout(_SILENCE_S)
            accepted.callback(connection.close)
            threading.Thread(target=_behave, args=(connection, behave), daemon=True).start()


def _behave(connection: socket.socket, behave: Behaviour) -> None:
    with suppress(OSError):
        behave(connection)


def refused_port() -> int:
    """Return a port at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def say_nothing(connection: socket.socket) -> None:
    """Accept, and never answer."""
    while connection.recv(65536):
        pass


def take_nothing(connection: socket.socket) -> None:
    """Accept the broadcast, and read nothing of it."""
    accept_broadcast(connection)
    time.sleep(_SILENCE_S)


def take_slowly(connection: socket.socket) -> None:
    """Accept the broadcast, and read 50 kB/s of it."""
    accept_broadcast(connection)
    while connection.recv(5_000):
        time.sleep(0.1)


def reset(connection: socket.socket) -> None:
    """Accept the broadcast, and cut the connection after some of it."""
    accept_broadcast(connection)
    connection.recv(10_000)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def speak_http(connection: socket.socket) -> None:
    """Be another kind of server."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    while connection.recv(65536):
        pass


def accept_broadcast(connection: socket.socket) -> None:
    """Say what a server does until a client may publish."""
    heard = b""
    while len(heard) < 1 + _HANDSHAKE:
        heard += connection.recv(65536)
    connection.sendall(b"\x03" + os.urandom(_HANDSHAKE) + heard[1 : 1 + _HANDSHAKE])
    status = {"level": "status", "code": "NetStream.Publish.Start"}
    for word, answer in (
        (b"connect", amf.render("_result", 1.0, {"fmsVer": "test"}, {"code": "NetConnection.Connect.Success"})),
        (b"createStream", amf.render("_result", 4.0, None, 1.0)),
        (b"publish", amf.render("onStatus", 0.0, None, status)),
    ):
        while word not in heard:
            heard += connection.recv(65536)
        connection.sendall(b"".join(render_message(MessageType.COMMAND, answer, chunk_stream=3, chunk_size=65536)))


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """Return a self-signed certificate for that host, and its key."""
    files = (folder / f"{name}.crt", folder / f"{name}.key")
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    argv += ["-days", "1", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    subprocess.run([*argv, "-out", str(files[0]), "-keyout", str(files[1])], check=True, capture_output=True)
    return files


@contextmanager
def tls_in_front_of(port: int, files: tuple[Path, Path]) -> Iterator[tuple[int, list[str | None]]]:
    """End TLS in front of a server; yield the port, and the names that clients ask for."""
    asked: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    context.sni_callback = lambda _, name, __: asked.append(name)

    def forward(connection: socket.socket) -> None:
        with (
            context.wrap_socket(connection, server_side=True) as client,
            socket.create_connection(("127.0.0.1", port)) as server,
        ):
            back = threading.Thread(target=_copy, args=(server, client), daemon=True)
            back.start()
            _copy(client, server)

    with listening(forward) as own_port:
        yield own_port, asked


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
