"""HTTP over a Unix socket."""

import http.client
import socket
from pathlib import Path

_BODY_MAX_BYTES = 4 * 1024 * 1024


class _Connection(http.client.HTTPConnection):
    def __init__(self, socket_path: Path, *, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._socket_path = socket_path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._socket_path))


def get(socket_path: Path, path: str, *, timeout_s: float) -> tuple[int, bytes]:
    """Return the status and the body, cut at 4 MB.

    :raises OSError: when nothing listens or the answer does not come in time.
    :raises http.client.HTTPException: when the answer is not HTTP.
    """
    connection = _Connection(socket_path, timeout_s=timeout_s)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read(_BODY_MAX_BYTES)
    finally:
        connection.close()
