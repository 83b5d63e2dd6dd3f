"""The one way out to URLs that users give: webhooks now, and whatever else goes where somebody tells it to.

Which addresses may be gone to is checked on the socket itself, when it is made: a name that resolves otherwise a
moment later changes nothing. No redirects, no proxies from the environment, no cookies, no credentials; an answer is
read as far as it is kept.
"""

import asyncio
import errno
import re
import socket
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any, cast
from urllib.parse import urlsplit
from weakref import WeakSet

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import HttpProcessingError
from aiohttp.resolver import AsyncResolver
from yarl import URL

from livehub.core.errors import DomainError
from livehub.core.networks import REFUSED_PORTS, Address, Network, is_refused
from livehub.core.unanswered import UNANSWERED, UNKNOWN, describe_certificate, describe_system, describe_tls

# Of an answer; the rest is not read.
ANSWER_BYTES = 4096
# What says why and how comes in its first lines; a long list is somebody's game, and is kept for every attempt.
_HEADERS_MAX, _HEADER_CHARS, _HEADERS_CHARS = 64, 512, 4096
# The status says whether it was taken: what comes behind it is only to be looked at.
_BODY_S = 1.0
# Before an answer, such as 103 Early Hints: each costs us more than its sender.
_INTERIM_MAX = 16
# For each of two tries with each name server.
_DNS_S = 2.0
_DNS_TRIES = 2
# Less than servers keep an unused connection for, as a rule.
_IDLE_S = 4.0
# Twice this is buffered for each answer, whoever sends how much.
_BUFFER_BYTES = 4096
_SETTING = "LIVEHUB_OUTGOING_ALLOWED_NETWORKS"
_INSIDE = re.compile(r"address is inside this network: (\S+); (allow it by \w+)")


class NoAnswerError(DomainError):
    """Nothing came back, or nothing that is HTTP: the message says why, for people."""

    code = "no_answer"
    http_status = 502
    retryable = True


class AddressRefusedError(OSError):
    """The name stands for an address that nobody may be sent to."""

    def __init__(self, address: Address) -> None:
        super().__init__(errno.EACCES, f"address is inside this network: {address}; allow it by {_SETTING}")


class PortRefusedError(ValueError):
    """Something else than the web is there."""

    def __init__(self, port: int) -> None:
        super().__init__(f"nothing is sent to port {port}, which is not for the web")


@dataclass(frozen=True)
class Received:
    """What came back; `text` and `headers` as far as they are worth keeping."""

    status: int
    headers: Mapping[str, str]
    text: str


class OutgoingClient:
    """Sends requests from one event loop; see `open_client`."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Received:
        """Send one request and return the answer, whatever its status.

        :raises NoAnswerError: when there is none within `timeout_s`, all in all, or the address may not be gone to.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await self._post_afresh(_url(url), body=body, headers=headers)
        except TimeoutError as error:
            raise NoAnswerError(f"{UNANSWERED} within {timeout_s:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NoAnswerError(_hide_address(url, describe(error))) from error

    async def _post_afresh(self, url: URL, *, body: bytes, headers: Mapping[str, str]) -> Received:
        """Try again at once where a connection that had been kept was being closed just then: nobody read it."""
        while True:
            with suppress(_StaleConnectionError):
                return await self._post(url, body=body, headers=headers)

    async def _post(self, url: URL, *, body: bytes, headers: Mapping[str, str]) -> Received:
        response = await self._session.post(url, data=body, headers=headers, allow_redirects=False)
        try:
            text = await _read(response)
        finally:
            # Whole, it has given its connection back by now, and this does nothing.
            response.close()
        return Received(response.status, _kept(response.headers), text)


@asynccontextmanager
async def open_client(
    *, allowed: Sequence[str], user_agent: str, resolver: AbstractResolver | None = None
) -> AsyncIterator[OutgoingClient]:
    """Yield a client for as long as the block lasts; it goes inside to the `allowed` networks only."""
    networks = tuple(ip_network(text) for text in allowed)
    connector = aiohttp.TCPConnector(
        resolver=resolver or AsyncResolver(timeout=_DNS_S, tries=_DNS_TRIES),
        socket_factory=lambda info: _make_socket(info, allowed=networks),
        ssl=tls_context(),
        # Whoever sends says how much at a time.
        limit=0,
        keepalive_timeout=_IDLE_S,
    )
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        # `post` has one for all of it.
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        headers={"User-Agent": user_agent, "Accept": "*/*", "Accept-Encoding": "identity"},
        auto_decompress=False,
        read_bufsize=_BUFFER_BYTES,
        response_class=_Response,
    ) as session:
        yield OutgoingClient(session)


class _StaleConnectionError(aiohttp.ServerDisconnectedError):
    """A connection on which answers had come before was closed instead of the next one."""


# Those on which a request was sent.
_used = WeakSet[ResponseHandler]()


class _Response(aiohttp.ClientResponse):
    """One before which only a few interim ones may come: an endless row of them would keep the whole loop busy.

    What is wrong with a connection that had been kept is told apart.
    """

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        protocol = cast(ResponseHandler, connection.protocol)
        is_reused = protocol in _used
        _used.add(protocol)
        read, left = protocol.read, _INTERIM_MAX + 1

        async def read_few() -> Any:
            nonlocal left
            if left == 0:
                raise HttpProcessingError(message="too many interim responses")
            left -= 1
            return await read()

        protocol.read = read_few  # type: ignore[method-assign]
        try:
            return await super().start(connection)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            if is_reused:
                raise _StaleConnectionError from error
            raise
        finally:
            del protocol.read


@lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """Return what servers' certificates are checked by: the system's authorities, read once, and SSL_CERT_FILE's."""
    return ssl.create_default_context()


def describe(error: Exception) -> str:
    """Return why nothing came back, in the words of whoever has to mend it."""
    if inside := _INSIDE.search(str(error)):
        return inside[0]
    if isinstance(error, PortRefusedError):
        return str(error)
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return describe_certificate(error.certificate_error)
    if isinstance(error, aiohttp.ClientSSLError):
        return describe_tls(error.os_error)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"{UNKNOWN} {error.host} cannot be found"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "closes the connection without an answer"
    if isinstance(error, OSError):
        return describe_system(error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error)
    if isinstance(error, aiohttp.ClientResponseError):
        return "answers something that is not HTTP"
    return f"cannot be sent to: {type(error).__name__}"


def _hide_address(url: str, words: str) -> str:
    """Return the words without the address inside that a name stands for: whoever gave the name is not to learn it."""
    inside = _INSIDE.search(words)
    if inside is None or inside[1] == urlsplit(url).hostname:
        return words
    return f"{UNKNOWN} stands for an address inside this network; {inside[2]}"


# A new socket for every connection, whose address is checked and then connected to.
def _make_socket(info: tuple[Any, ...], *, allowed: Sequence[Network]) -> socket.socket:
    family, kind, protocol, _, (host, *_rest) = info
    address = ip_address(host.partition("%")[0])
    if is_refused(address, allowed=allowed):
        raise AddressRefusedError(address)
    return socket.socket(family, kind, protocol)


@lru_cache(maxsize=4096)
def _url(text: str) -> URL:
    """Return the URL as the client takes it.

    :raises ValueError: when it is none of HTTP, or has a user name: it would be sent along.
    :raises PortRefusedError: when its port is another service's.
    """
    url = URL(text)
    if url.scheme not in {"http", "https"} or not url.host or url.user is not None or url.password is not None:
        raise ValueError("not an address of HTTP")
    if url.port in REFUSED_PORTS:
        raise PortRefusedError(url.port)
    return url


async def _read(response: aiohttp.ClientResponse) -> str:
    found = bytearray()
    try:
        if response.content.is_eof():
            # A short answer is there as soon as its status is: no need of a timer.
            return _clean(response.content.read_nowait(ANSWER_BYTES).decode("utf-8", errors="replace"))
        async with asyncio.timeout(_BODY_S):
            while len(found) < ANSWER_BYTES:
                chunk = await response.content.read(ANSWER_BYTES - len(found))
                if not chunk:
                    break
                found += chunk
    except (aiohttp.ClientError, OSError, ValueError):
        pass  # The status has come; so much for the rest. A timeout is an OSError, too.
    return _clean(found.decode("utf-8", errors="replace"))


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    kept: dict[str, str] = {}
    left = _HEADERS_CHARS
    for name, value in list(headers.items())[:_HEADERS_MAX]:
        name, value = _clean(name)[:_HEADER_CHARS], _clean(value)[:_HEADER_CHARS]
        if len(name) + len(value) <= left:
            left -= len(name) + len(value)
            kept[name] = value
    return kept


def _clean(text: str) -> str:
    """Return what PostgreSQL can keep: no NUL, and no halves of characters."""
    return text.replace("\0", "\ufffd").encode("utf-8", errors="replace").decode()
