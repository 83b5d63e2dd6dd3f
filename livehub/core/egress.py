"""Asking the egress proxy (`livehub/egress.py`) for leave to go out, for a program or a client of ours.

Whatever opens sockets itself and is told by users where to goes through that proxy. Use it so:

    with open_permit(settings.EGRESS_SOCKET) as permit:
        # For a child: environment `http_proxy`, which ffmpeg, curl and most others read (for https as well).
        # For boto3: Config(proxies={"http": permit.proxy_url, "https": permit.proxy_url}); azure and requests alike.
        ...
        if refusal := permit.refusal():  # Asked as often as one likes; `permit` can be waited for like a file.
            ...

The credentials in `proxy_url` are made for this permit and end with it, together with every connection that goes by
them. What may not be gone to is told in the words of `refusal`; what failed otherwise, in those of `failure`. What
speaks no HTTP gets a `tunnel`, a port of this machine; UDP an address that was checked (`resolve`), to be gone to as it
is.
"""

import json
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from livehub.core.errors import DomainError

# To be answered; names are looked up meanwhile.
_ANSWER_S = 15.0
_READ_BYTES = 65536


class EgressUnavailableError(DomainError):
    """The egress proxy does not answer."""

    code = "egress_unavailable"
    http_status = 503
    retryable = True


class EgressRefusedError(DomainError):
    """What was asked for may not be gone to: the message says why, for people."""

    code = "address_refused"
    http_status = 422


class EgressUnreachableError(DomainError):
    """What was asked for cannot be reached: the message says why, for people."""

    code = "address_unreachable"
    http_status = 502
    retryable = True


class EgressPermit:
    """Leave to go out, for as long as the block of `open_permit` lasts; for one thread at a time."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._pending = b""
        self._refusal = self._failure = ""
        self._is_lost = False
        self.proxy_url = ""

    def fileno(self) -> int:
        """The descriptor that can be read when there is something to hear of."""
        return self._connection.fileno()

    def refusal(self) -> str:
        """Return why the first thing that was not let through was not, empty while there is none."""
        self._hear()
        return self._refusal

    def failure(self) -> str:
        """Return why the last thing that could not be reached could not, empty while there is none."""
        self._hear()
        return self._failure

    def is_lost(self) -> bool:
        """Tell whether the proxy has gone: nothing goes out by this permit any more."""
        self._hear()
        return self._is_lost

    def tunnel(self, host: str, port: int) -> int:
        """Return a port of the proxy's address that leads to this host, whatever is spoken there.

        An RTSP server that sends its client elsewhere is refused.

        :raises EgressRefusedError: when it may not be gone to.
        :raises EgressUnreachableError: when its name has no address.
        :raises EgressUnavailableError: when the proxy does not answer.
        """
        return int(str(self._ask("tunnel", host=host, port=port)))

    def resolve(self, host: str, port: int) -> str:
        """Return an address of the host that may be gone to; raises what `tunnel` does."""
        return str(self._ask("address", ask="resolve", host=host, port=port))

    def upgrade(self, host: str, port: int, *, is_secure: bool) -> None:
        """Have the proxy speak HTTPS for a program that speaks plain HTTP alone: to this server, and to what it names.

        `is_secure`: to this server as well. Addresses in redirects and playlists are plain when the program gets them,
        and it is to go to `http://host:port` itself; certificates are checked.

        :raises EgressUnavailableError: when the proxy does not answer.
        """
        self._ask("upgraded", ask="upgrade", host=host, port=port, is_secure=is_secure)

    def begin(self, ports: Sequence[int]) -> None:
        """Ask for the credentials.

        :raises EgressUnavailableError: when there are none.
        """
        self.proxy_url = str(self._ask("proxy", permit=list(ports)))

    def _ask(self, wanted: str, **asked: object) -> object:
        self._send({"ask": wanted, **asked})
        until = time.monotonic() + _ANSWER_S
        while (left_s := until - time.monotonic()) > 0:
            for said in self._read(timeout_s=left_s):
                if wanted in said:
                    return said[wanted]
                if "refused" in said:
                    raise EgressRefusedError(str(said["refused"]))
                if "failed" in said:
                    raise EgressUnreachableError(str(said["failed"]))
            if self._is_lost:
                break
        raise EgressUnavailableError("The egress proxy does not answer. Is the program `egress` running?")

    def _send(self, asked: dict[str, object]) -> None:
        self._connection.settimeout(_ANSWER_S)
        try:
            self._connection.sendall(json.dumps(asked).encode() + b"\n")
        except OSError:
            self._is_lost = True

    def _hear(self) -> None:
        for said in self._read(timeout_s=0.0):
            self._refusal = self._refusal or str(said.get("refused", ""))
            self._failure = str(said.get("failed", "")) or self._failure

    def _read(self, *, timeout_s: float) -> list[dict[str, object]]:
        """Return what has been said; wait that long for the first word."""
        self._connection.settimeout(timeout_s)
        piece = b""
        try:
            piece = self._connection.recv(_READ_BYTES)
            self._is_lost = not piece
        except (TimeoutError, BlockingIOError):
            return []
        except OSError:
            self._is_lost = True
        *lines, self._pending = (self._pending + piece).split(b"\n")
        return [json.loads(line) for line in lines]


@contextmanager
def open_permit(socket_path: Path, *, ports: Sequence[int] = ()) -> Iterator[EgressPermit]:
    """Yield leave to go out; it ends with the block, or with this process.

    :param ports: those beside the usual ones that are to be gone to, such as 22; which are not says
        `livehub.core.networks.REFUSED_PORTS`.
    :raises EgressUnavailableError: when the proxy does not answer.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_ANSWER_S)
        try:
            connection.connect(str(socket_path))
        except OSError as error:
            raise EgressUnavailableError(
                "The egress proxy does not answer. Is the program `egress` running?"
            ) from error
        permit = EgressPermit(connection)
        permit.begin(ports)
        yield permit
