"""The way to a storage's server: to addresses of the Internet only, for a bounded time, with bounded answers.

All clients of storages send through a `Line` of ours, whatever they bring themselves: the address is checked on the
very socket that is then used, no redirect is followed and no proxy of the environment taken.
"""

import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from ipaddress import ip_address
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from livehub.core.deadline import remaining_s
from livehub.core.networks import REFUSED_PORTS, Network, is_refused
from livehub.core.unanswered import describe_certificate, describe_system
from streams.recordings.stores.base import StoreError
from streams.recordings.stores.faults import store_error

# For each of a name's addresses.
_CONNECT_S = 10.0
# Lists of parts are the longest that storages say of themselves.
_ANSWER_BYTES = 4 * 1024 * 1024
_SSH_PORT = 22


@dataclass(frozen=True)
class ServerAnswer:
    """What came back, whole; `headers` by any case of their names."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Line:
    """What one call to a storage goes over: after `seconds` in all, or at the deadline, its connections are cut."""

    def __init__(self, *, allowed: Sequence[Network], seconds: float) -> None:
        self._allowed = allowed
        seconds = remaining_s(at_most=seconds)
        self._ends_at = time.monotonic() + seconds
        self._handles: list[socket.socket] = []
        self._is_late = False
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._pools = _pools_over(self)

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._timer.cancel()
        self._pools.clear()
        for handle in self._handles:
            handle.close()

    @property
    def remaining_s(self) -> float:
        """Return how long it may still take."""
        return max(0.001, self._ends_at - time.monotonic())

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        answer_bytes: int = _ANSWER_BYTES,
    ) -> ServerAnswer:
        """Send a request and return its answer, whatever its status.

        :raises StoreError: when none comes in time, it is longer than `answer_bytes`, or the address is refused.
        """
        check_url(url)
        try:
            raw = self._pools.urlopen(
                method,
                url,
                body=body,
                headers=dict(headers),
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
                timeout=self.remaining_s,
            )
            content = _read(raw, at_most=answer_bytes + 1)
        except StoreError:
            raise
        except (OSError, urllib3.exceptions.HTTPError, ValueError) as error:
            raise self._describe(error) from error
        if self._is_late:
            raise store_error("timed_out")
        if len(content) > answer_bytes:
            raise store_error("refused", "its answer is longer than it can be")
        return ServerAnswer(raw.status, raw.headers, content)

    def open(self, host: str, port: int) -> socket.socket:
        """Return a connection to the first of the host's addresses that takes one.

        :raises StoreError: when none does, or none may be gone to.
        """
        failure = store_error("unavailable", f"no address is known of {host}")
        for family, kind, protocol, _, address in _resolve(host, port):
            if is_refused(ip_address(str(address[0]).partition("%")[0]), allowed=self._allowed):
                failure = store_error("address_refused")
                continue
            connection = socket.socket(family, kind, protocol)
            try:
                connection.settimeout(min(_CONNECT_S, self.remaining_s))
                connection.connect(address)
            except OSError as error:
                connection.close()
                failure = self._describe(error)
                continue
            connection.settimeout(self.remaining_s)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # Of its own, as what is connected changes hands: TLS takes it over.
            self._handles.append(connection.dup())
            return connection
        raise failure

    def _cut(self) -> None:
        self._is_late = True
        for handle in list(self._handles):
            with suppress(OSError):
                handle.shutdown(socket.SHUT_RDWR)

    def _describe(self, error: Exception) -> StoreError:
        chain = list(_causes(error))
        for cause in chain:
            if isinstance(cause, StoreError):
                return cause
            if isinstance(cause, ssl.SSLCertVerificationError):
                return store_error("unavailable", describe_certificate(cause))
        if self._is_late or any(isinstance(cause, TimeoutError) for cause in chain):
            return store_error("timed_out")
        for cause in chain:
            if isinstance(cause, ssl.SSLError):
                return store_error("unavailable", "TLS fails")
            if isinstance(cause, OSError) and not isinstance(cause, urllib3.exceptions.HTTPError):
                return store_error("unavailable", describe_system(cause))
        return store_error("unavailable", type(error).__name__)


class Whole(BytesIO):
    """An answer that is there already, as clients read one that comes."""

    def stream(self, amount: int = 2**16, **_: object) -> Iterator[bytes]:
        """Yield what is left of it."""
        while chunk := self.read(amount):
            yield chunk


def body_bytes(body: object) -> bytes | None:
    """Return what a client is about to send."""
    if isinstance(body, str):
        return body.encode()
    if body is None or isinstance(body, bytes):
        return body
    return bytes(body.read()) if hasattr(body, "read") else bytes(cast(bytearray, body))


def header_text(value: str | bytes) -> str:
    """Return a header as text; clients make them of either."""
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


@lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """Return what servers' certificates are checked by: the system's authorities, read once, and SSL_CERT_FILE's."""
    return ssl.create_default_context()


def _read(raw: urllib3.BaseHTTPResponse, *, at_most: int) -> bytes:
    """Read an answer; a single call may give less than there is, without a word."""
    content = bytearray()
    while len(content) < at_most and (chunk := raw.read(at_most - len(content), decode_content=False)):
        content += chunk
    return bytes(content)


def check_url(url: str) -> None:
    """Refuse what is no address of the web.

    :raises StoreError: when it is none.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        raise store_error("misconfigured", "the address is none of HTTP")
    if parts.port in REFUSED_PORTS:
        raise store_error("misconfigured", f"port {parts.port} is not for the web")


def check_ssh_port(port: int) -> None:
    """Refuse ports on which something else than SSH is.

    :raises StoreError: when it is one of those.
    """
    if port in REFUSED_PORTS and port != _SSH_PORT:
        raise store_error("misconfigured", f"port {port} is not for SFTP")


def _resolve(host: str, port: int) -> list[tuple[Any, ...]]:
    try:
        return list(socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError) as error:
        raise store_error("unavailable", f"the host name {host} cannot be found") from error


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it came of; urllib3 also puts that into its arguments."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        cause = waiting.pop(0)
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [cause.__cause__, cause.__context__, *(arg for arg in cause.args if isinstance(arg, BaseException))]


def _pools_over(line: Line) -> urllib3.PoolManager:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return line.open(self._dns_host, self.port)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return line.open(self._dns_host, self.port)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    pools = urllib3.PoolManager(num_pools=4, ssl_context=tls_context())
    pools.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
    return pools
