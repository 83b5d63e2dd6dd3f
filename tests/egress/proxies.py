"""An egress proxy beside a test, and servers that it leads to."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from aiohttp.abc import AbstractResolver

from livehub.egress import Egress
from tests.services import HANG_S, wait_until

LOOPBACK = ("127.0.0.0/8",)


@contextmanager
def egress_proxy(
    folder: Path, *, allowed: Sequence[str] = LOOPBACK, names: AbstractResolver | None = None
) -> Iterator[Path]:
    """Yield the socket on which permits are given."""
    path = folder / "egress.sock"
    ends: list[Callable[[], object]] = []

    async def serve() -> None:
        task = asyncio.ensure_future(Egress(address="127.0.0.1", allowed=allowed, resolver=names).serve(str(path)))
        loop = asyncio.get_running_loop()
        ends.append(lambda: loop.call_soon_threadsafe(task.cancel))
        with suppress(asyncio.CancelledError):
            await task

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        wait_until(lambda: _listens(path), what="the egress proxy")
        yield path
    finally:
        ends[0]()
        thread.join(HANG_S)
        path.unlink(missing_ok=True)


def _listens(path: Path) -> bool:
    # Its name is there a moment before anybody is let in.
    with closing(socket.socket(socket.AF_UNIX)) as connection:
        return connection.connect_ex(str(path)) == 0


class Shelf(ThreadingHTTPServer):
    """Answers with the bytes that lie under a path, and keeps what it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _ShelfHandler)
        self.files: dict[str, bytes] = {}
        self.redirects: dict[str, str] = {}
        # Where what is not in `files` is looked for.
        self.folder: Path | None = None
        self.heads: list[dict[str, str]] = []
        self.bodies: list[bytes] = []

    def find(self, path: str) -> bytes | None:
        if path in self.files or self.folder is None:
            return self.files.get(path)
        there = self.folder / path.strip("/")
        return there.read_bytes() if there.is_file() else None

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _ShelfHandler(BaseHTTPRequestHandler):
    server: Shelf
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.heads.append(dict(self.headers))
        target = self.server.redirects.get(self.path)
        body = self.server.find(self.path.partition("?")[0])
        self.send_response(302 if target else 404 if body is None else 200)
        if target:
            self.send_header("Location", target)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        # Whoever was cut by the test does not read it.
        with suppress(ConnectionError):
            self.wfile.write(body or b"")

    def do_PUT(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def shelf(tls: ssl.SSLContext | None = None) -> Iterator[Shelf]:
    """Yield an HTTP server on loopback."""
    with Shelf() as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(HANG_S)
