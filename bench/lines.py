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


@dataclass(frozen=True)
class Line:
    """Steady: `kbps` at most, 0 for any; what comes waits for the next whole `held_s`, 0 for none."""

    kbps: int = 0
    held_s: float = 0.0

    def passes_at(self, size: int, *, after_s: float) -> float:
        """Return when a packet is through that follows one which was through at that time."""
        at_s = max(time.monotonic(), after_s)
        at_s += size * 8 / (self.kbps * 1000) if self.kbps else 0.0
        return math.ceil(at_s / self.held_s) * self.held_s if self.held_s else at_s


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
