"""A camera beside a test: an RTSP server that hands ffmpeg's RTP packets on over the client's own connection.

Source: RFC 2326, 10 and 12.39 (interleaved).
"""

import re
import select
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.services import wait_until

_PUBLIC = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN"


@contextmanager
def camera(folder: Path, clip: Path, *, credentials: str = "") -> Iterator[int]:
    """Yield the port at which the clip is sent without end; `credentials`: what Basic authorization has to say."""
    with socket.create_server(("127.0.0.1", 0)) as listener, _rtp() as picture, _rtp() as sound:
        description = folder / "camera.sdp"
        argv = ["ffmpeg", "-nostdin", "-loglevel", "error", "-re", "-stream_loop", "-1", "-i", str(clip)]
        for kind, to in (("v", picture), ("a", sound)):
            argv += ["-map", f"0:{kind}", "-c", "copy", "-f", "rtp", f"rtp://127.0.0.1:{to.getsockname()[1]}"]
        with subprocess.Popen([*argv, "-sdp_file", str(description)], stdin=subprocess.DEVNULL) as sender:
            try:
                wait_until(lambda: description.exists() and description.read_text().count("m=") == 2, what="the SDP")
                server = _Camera(_offered(description.read_text()), (picture, sound), credentials)
                threading.Thread(target=server.serve, args=(listener,), daemon=True).start()
                yield listener.getsockname()[1]
            finally:
                sender.kill()
                listener.shutdown(socket.SHUT_RDWR)


def _rtp() -> socket.socket:
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 0))
    return receiver


def _offered(description: str) -> str:
    """Return the description with a track's name in place of each port."""
    tracks = iter(range(2))
    lines = []
    for line in description.replace("SDP:\n", "").splitlines():
        lines.append(re.sub(r"^(m=\w+) \d+", r"\1 0", line))
        if line.startswith("m="):
            lines.append(f"a=control:track{next(tracks)}")
    return "\r\n".join([*lines, ""])


class _Camera:
    def __init__(self, description: str, tracks: tuple[socket.socket, ...], credentials: str) -> None:
        self._description = description
        self._tracks = tracks
        self._credentials = credentials

    def serve(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, suppress(OSError):
                    self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        is_playing, pending = False, b""
        while True:
            readable, _, _ = select.select([connection, *(self._tracks if is_playing else ())], [], [])
            for number, track in enumerate(self._tracks):
                if track in readable:
                    packet = track.recv(65536)
                    connection.sendall(b"$" + bytes([2 * number]) + len(packet).to_bytes(2) + packet)
            if connection not in readable:
                continue
            if not (piece := connection.recv(65536)):
                return
            pending += piece
            # What it reports of what it has received is nobody's business here.
            while pending.startswith(b"$") and len(pending) >= 4 + int.from_bytes(pending[2:4]):
                pending = pending[4 + int.from_bytes(pending[2:4]) :]
            while not pending.startswith(b"$") and b"\r\n\r\n" in pending:
                head, _, pending = pending.partition(b"\r\n\r\n")
                is_playing = self._reply(connection, head.decode()) or is_playing

    def _reply(self, connection: socket.socket, head: str) -> bool:
        method, url, _ = head.split("\r\n")[0].split(" ")
        fields = {name.lower(): value.strip() for name, _, value in map(_parted, head.split("\r\n")[1:])}
        status, more, body = "200 OK", [f"CSeq: {fields['cseq']}", "Session: 1"], ""
        if self._credentials and fields.get("authorization") != f"Basic {self._credentials}":
            status, more = "401 Unauthorized", [*more, 'WWW-Authenticate: Basic realm="camera"']
        elif method == "OPTIONS":
            more.append(_PUBLIC)
        elif method == "DESCRIBE":
            body = self._description
            more += ["Content-Type: application/sdp", f"Content-Base: {url}/", f"Content-Length: {len(body)}"]
        elif method == "SETUP":
            first = 2 * int(url[-1])
            more.append(f"Transport: RTP/AVP/TCP;unicast;interleaved={first}-{first + 1}")
        connection.sendall("\r\n".join([f"RTSP/1.0 {status}", *more, "", body]).encode())
        return method == "PLAY" and status.startswith("200")


def _parted(line: str) -> tuple[str, str, str]:
    return line.partition(":")
