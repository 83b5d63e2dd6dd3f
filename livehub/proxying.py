"""Reading what a client asks of a proxy, and what is asked of the server in its place. Source: RFC 9110, RFC 9112."""

import asyncio
import base64
import hmac
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

LONGEST_HEAD_BYTES = 16 * 1024
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HOST = re.compile(r"[0-9A-Za-z._:%-]{1,255}")
# Between the client and us.
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "proxy-authorization", "proxy-connection", "upgrade", "host"})


class BadProxyRequestError(Exception):
    """It is no request to a proxy, or longer than one may be."""


@dataclass(frozen=True)
class ProxyRequest:
    """A request: where it goes, whose it is (both empty without credentials), and what the server is sent."""

    host: str
    port: int
    user: str
    password: str
    # Empty for CONNECT, whose client says everything itself.
    forwarded: bytes

    def sent(self, *, is_secure: bool) -> bytes:
        """What the server is sent: over HTTPS its usual port is not said, as signatures of addresses have it."""
        usual = f"\r\nHost: {self.host}:443\r\n".encode("latin-1")
        plain = usual.replace(b":443", b"")
        return self.forwarded.replace(usual, plain, 1) if is_secure and self.port == 443 else self.forwarded

    @property
    def is_connect(self) -> bool:
        return not self.forwarded

    def has_password(self, password: str) -> bool:
        return hmac.compare_digest(self.password.encode(), password.encode())


async def read_request(reader: asyncio.StreamReader) -> ProxyRequest | None:
    """Return the next request, None when there is none.

    :raises BadProxyRequestError: when it cannot be understood, or is too long.
    """
    try:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise BadProxyRequestError from error
        return None
    except asyncio.LimitOverrunError as error:
        raise BadProxyRequestError from error
    method, target, version = _request_line(lines[0])
    headers = [_header(line) for line in lines[1:] if line]
    user, password = _credentials({name.lower(): value for name, value in headers})
    if method == "CONNECT":
        host, port = _address(f"//{target}", default_port=443)
        return ProxyRequest(host, port, user, password, b"")
    host, port = _address(target, default_port=80)
    return ProxyRequest(host, port, user, password, _forwarded(method, target, version, headers))


def _request_line(line: str) -> tuple[str, str, str]:
    parts = line.split(" ")
    if len(parts) != 3 or not _TOKEN.fullmatch(parts[0]) or parts[2] not in {"HTTP/1.0", "HTTP/1.1"}:
        raise BadProxyRequestError
    return parts[0], parts[1], parts[2]


def _header(line: str) -> tuple[str, str]:
    name, found, value = line.partition(":")
    # A bare line end would begin a header of its own at the server.
    if not found or not _TOKEN.fullmatch(name) or any(character in value for character in "\r\n\0"):
        raise BadProxyRequestError
    return name, value.strip()


def _credentials(headers: dict[str, str]) -> tuple[str, str]:
    scheme, _, text = headers.get("proxy-authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(text, validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return user, password


def _address(url: str, *, default_port: int) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise BadProxyRequestError from error
    if parts.scheme not in {"", "http"} or not _HOST.fullmatch(host):
        raise BadProxyRequestError
    return host, default_port if port is None else port


def _forwarded(method: str, target: str, version: str, headers: list[tuple[str, str]]) -> bytes:
    """Return the request as the server gets it: one, after which it hangs up."""
    parts = urlsplit(target)
    path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
    host = parts.netloc.rpartition("@")[2]
    kept = [(name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP]
    lines = [f"{method} {path} {version}", f"Host: {host}", *(f"{name}: {value}" for name, value in kept)]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1")
