"""The line between an encoder and the ingest server: one that carries little, or holds up what it carries."""

import math
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

# As much as goes in one packet.
_PACKET = 1_400
_BUFFER = 16 << 10
_OPEN_S = _LATE_S = 0.2


@dataclass(frozen=True)
class Line:
    """Steady: `kbps` at most, 0 for any; it is open for a moment every `held_s`, and always for 0."""

    kbps: int = 0
    held_s: float = 0.0

    def passes_at(self, size: int, *, after_s: float) -> float:
        """Return when a packet is through that follows one which was through at that time."""
        at_s = time.monotonic()
        if self.kbps:
            # A machine that wakes us late is not the line's fault.
            at_s = max(at_s - _LATE_S, after_s) + size * 8 / (self.kbps * 1000)
        is_open = not self.held_s or at_s % self.held_s < _OPEN_S
        return at_s if is_open else math.ceil(at_s / self.held_s) * self.held_s


@contextmanager
def drawn(line: Line, *, to_port: int) -> Iterator[int]:
    """Yield the port of this machine from which such a line goes to that one."""

    class End(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", to_port)) as far:
                answers = threading.Thread(target=_carry, args=(far, self.request, Line()), daemon=True)
                answers.start()
                _carry(self.request, far, line)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), End) as server:
        server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def _carry(source: socket.socket, sink: socket.socket, line: Line) -> None:
    passed_s = 0.0
    with suppress(OSError):
        while packet := source.recv(_PACKET):
            passed_s = line.passes_at(len(packet), after_s=passed_s)
            time.sleep(max(0.0, passed_s - time.monotonic()))
            sink.sendall(packet)
        sink.shutdown(socket.SHUT_WR)
