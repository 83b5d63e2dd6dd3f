"""A program on a Unix socket, in place of one of ours: its handler says what it answers."""

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path


class Quiet:
    """Has a handler write nothing down."""

    def address_string(self) -> str:
        return "local"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@contextmanager
def answering(path: Path, handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[None]:
    """Answer at a path for as long as the block lasts, each question in a thread of its own."""
    with _Server(str(path), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
