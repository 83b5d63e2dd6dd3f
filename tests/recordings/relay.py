"""Stands between a storage's client and its server, counts what passes, and strikes at given moments."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_READ_SIZE = 16 * 1024


@dataclass
class Relay:
    """`strike` is called once for each of `moments`, as soon as that many bytes have passed either way since then."""

    port: int
    server_port: int
    passed: int = 0
    # The first line of each request.
    requests: list[str] = field(default_factory=list)
    moments: list[int] = field(default_factory=list)
    strike: Callable[[], None] = lambda: None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, moments: list[int], strike: Callable[[], None]) -> None:
        """Count from here on."""
        with self._lock:
            self.passed, self.requests, self.moments, self.strike = 0, [], moments, strike

    def serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.server_port))
        except OSError:
            client.close()
            return
        back = threading.Thread(target=self._pass, args=(server, client, False), daemon=True)
        back.start()
        self._pass(client, server, True)
        back.join()
        for each in (client, server):
            each.close()

    def _pass(self, source: socket.socket, target: socket.socket, are_requests: bool) -> None:
        with suppress(OSError):
            while content := source.recv(_READ_SIZE):
                if are_requests and content[:5].split(b" ")[0] in {b"PUT", b"POST", b"GET", b"HEAD"}:
                    self.requests.append(content.split(b"\r\n")[0].decode())
                self._count(len(content))
                target.sendall(content)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def _count(self, size: int) -> None:
        with self._lock:
            self.passed += size
            if self.moments and self.passed >= self.moments[0]:
                self.moments.pop(0)
                self.strike()


@contextmanager
def relay(server_port: int) -> Iterator[Relay]:
    """Pass on whatever comes for as long as the block lasts."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Relay(listener.getsockname()[1], server_port)

        def run() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    threading.Thread(target=made.serve, args=(client,), daemon=True).start()

        threading.Thread(target=run, daemon=True).start()
        yield made
