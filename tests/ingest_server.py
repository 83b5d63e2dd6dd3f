"""An ingest server as its control socket shows it: what nginx-rtmp's stat page says, or silence."""

import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_STAT = "<rtmp><server><application><name>live</name><live>{streams}</live></application></server></rtmp>"
_CLIENT = "<client><id>7</id><publishing/></client>"
_STREAM = f"<stream><name>{{name}}</name><bytes_in>1000</bytes_in>{_CLIENT}<publishing/></stream>"


@contextmanager
def ingest_server(*, publishing: tuple[str, ...] = (), is_silent: bool = False) -> Iterator[tuple[Path, list[str]]]:
    """Listen for as long as the block lasts; yield the socket's path and the paths that are asked for.

    A silent one accepts and never answers.
    """
    body = _STAT.format(streams="".join(_STREAM.format(name=name) for name in publishing)).encode()
    asked: list[str] = []
    with tempfile.TemporaryDirectory(prefix="lh-ingest-") as folder, socket.socket(socket.AF_UNIX) as listener:
        path = Path(folder) / "control.sock"
        listener.bind(str(path))
        listener.listen()
        held: list[socket.socket] = []
        threading.Thread(target=_serve, args=(listener, body, asked, held, is_silent), daemon=True).start()
        try:
            yield path, asked
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for connection in held:
                connection.close()


def _serve(listener: socket.socket, body: bytes, asked: list[str], held: list[socket.socket], is_silent: bool) -> None:
    with suppress(OSError):  # The listener is shut down.
        while True:
            connection, _ = listener.accept()
            held.append(connection)
            request = connection.recv(65536).decode()
            asked.append(request.split(" ")[1])
            if not is_silent:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
