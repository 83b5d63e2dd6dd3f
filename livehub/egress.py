"""The egress proxy: the way out for programs that open sockets themselves, such as ffmpeg and clients of object stores.

They are given a URL by a user, and what they find there names others. So they go through here, where it is decided on
the resolved address, when it is connected to, whether it may be gone to (`livehub/core/networks.py`): a name that
resolves otherwise a moment later changes nothing. Whoever starts such a program asks for a permit on a Unix socket
(`livehub/core/egress.py`), gets credentials that are good for as long as that connection stays open, and hears there
of each refusal and each failure, in words.

Run by `python -m livehub.egress SOCKET ADDRESS NETWORK[,NETWORK]`; the networks are those inside that may be gone to.
"""

import asyncio
import json
import os
import socket
import ssl
import sys
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address, ip_network
from pathlib import Path
from secrets import token_hex
from typing import Any

import uvloop
from aiohttp.abc import AbstractResolver
from aiohttp.resolver import AsyncResolver

from livehub import open_files
from livehub.core.networks import REFUSED_PORTS, Address, Network, is_refused
from livehub.core.unanswered import UNANSWERED, UNKNOWN, describe_certificate, describe_system, describe_tls
from livehub.heartbeat import beat_in_loop
from livehub.proxying import LONGEST_HEAD_BYTES, BadProxyRequestError, ProxyRequest, read_request
from livehub.splicing import IDLE_S, PIECE_BYTES, RedirectedError, Redirects, Streams, splice
from livehub.upgrading import TooManyServersError, Upgrades, pass_beginning

# Of all programs together, and of one.
_PERMITS_MAX, _CONNECTIONS_MAX, _TUNNELS_MAX = 512, 64, 8
_REQUEST_BYTES = 4096
_HEAD_S = 10.0
_DNS_S, _DNS_TRIES = 2.0, 2
_CONNECT_S = 5.0
# Of the addresses of one name.
_ADDRESSES_MAX = 4
_SETTING = "LIVEHUB_OUTGOING_ALLOWED_NETWORKS"


class NotLetOutError(Exception):
    """It may not be gone to: the message says why, for people."""


class NotReachedError(Exception):
    """It may be gone to, and cannot be: the message says why, for people."""


@dataclass
class Permit:
    """One program's leave to go out, and its starter's connection, by which it ends."""

    name: str
    password: str
    ports: frozenset[int]
    control: asyncio.StreamWriter
    listeners: list[asyncio.Server] = field(default_factory=list)
    # None: its program speaks HTTPS itself, by CONNECT.
    upgrades: Upgrades | None = None
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def tell(self, **said: object) -> None:
        """Say something to the starter; one that does not read has lost it."""
        if not self.control.is_closing() and self.control.transport.get_write_buffer_size() < PIECE_BYTES:
            self.control.write(json.dumps(said).encode() + b"\n")

    def end(self) -> None:
        for listener in self.listeners:
            listener.close()
        for task in self.tasks:
            task.cancel()
        self.control.close()


class Egress:
    """All permits, and what goes out by them."""

    def __init__(self, *, address: str, allowed: Sequence[str], resolver: AbstractResolver | None = None) -> None:
        self._address = address
        self._allowed: tuple[Network, ...] = tuple(ip_network(text) for text in allowed if text)
        self._resolver = resolver
        self._permits: dict[str, Permit] = {}
        self._port = 0

    async def serve(self, socket_path: str) -> None:
        """Give permits, and let out who has one, for ever."""
        self._resolver = self._resolver or AsyncResolver(timeout=_DNS_S, tries=_DNS_TRIES)
        proxy = await asyncio.start_server(self._let_out, self._address, 0, limit=LONGEST_HEAD_BYTES)
        self._port = proxy.sockets[0].getsockname()[1]
        control = await asyncio.start_unix_server(self._give_permit, socket_path, limit=_REQUEST_BYTES)
        Path(socket_path).chmod(0o600)
        life = asyncio.get_running_loop().create_task(beat_in_loop())
        try:
            await control.serve_forever()
        finally:
            life.cancel()

    async def _give_permit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        permit = None
        try:
            async with asyncio.timeout(_HEAD_S):
                asked = json.loads(await reader.readline())
            if len(self._permits) >= _PERMITS_MAX:
                writer.write(json.dumps({"failed": "too many programs go out at once"}).encode() + b"\n")
                return
            permit = Permit(token_hex(8), token_hex(16), frozenset(map(int, asked["permit"])), writer)
            self._permits[permit.name] = permit
            permit.tell(proxy=f"http://{permit.name}:{permit.password}@{self._address}:{self._port}")
            while line := await reader.readline():
                await self._answer(permit, json.loads(line))
        except (ValueError, KeyError, TypeError, TimeoutError, ConnectionError):
            pass  # Only our own programs are here; one that says nothing that makes sense has gone wrong.
        finally:
            if permit is not None:
                del self._permits[permit.name]
                permit.end()
            writer.close()

    async def _answer(self, permit: Permit, asked: dict[str, object]) -> None:
        """Open a tunnel, or say where a name leads; what may not be gone to is told in place of the answer."""
        host, port = str(asked["host"]), int(str(asked["port"]))
        try:
            if asked["ask"] == "upgrade":
                permit.upgrades = permit.upgrades or Upgrades()
                if asked["is_secure"]:
                    permit.upgrades.add(host, port)
                permit.tell(upgraded=True)
            elif asked["ask"] == "resolve":
                permit.tell(address=str((await self._find(permit, host, port))[0]))
            elif len(permit.listeners) >= _TUNNELS_MAX:
                permit.tell(failed="too many tunnels")
            else:
                permit.tell(tunnel=await self._open_tunnel(permit, host, port))
        except NotLetOutError as error:
            permit.tell(refused=str(error))
        except NotReachedError as error:
            permit.tell(failed=str(error))

    async def _open_tunnel(self, permit: Permit, host: str, port: int) -> int:
        """Return a port whose connections lead to that host; whether it may be gone to is checked for each."""
        await self._find(permit, host, port)

        async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._keep(permit, (reader, writer), self._tunnel(permit, (reader, writer), host, port))

        listener = await asyncio.start_server(pass_on, self._address, 0)
        permit.listeners.append(listener)
        return int(listener.sockets[0].getsockname()[1])

    async def _tunnel(self, permit: Permit, client: Streams, host: str, port: int) -> None:
        try:
            server = await self._connect(permit, host, port)
        except NotLetOutError as error:
            permit.tell(refused=str(error))
        except NotReachedError as error:
            permit.tell(failed=str(error))
        else:
            try:
                await splice(client, server, check=Redirects().check)
            except RedirectedError:
                permit.tell(refused="the RTSP server sends us to another address, and is not followed")

    async def _let_out(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of a program: CONNECT, or one request of plain HTTP."""
        try:
            async with asyncio.timeout(_HEAD_S):
                request = await self._authorized(reader, writer)
        except (BadProxyRequestError, TimeoutError, ConnectionError):
            writer.close()
            return
        if request is None:
            writer.close()
            return
        permit = self._permits[request.user]
        if len(permit.tasks) >= _CONNECTIONS_MAX:
            permit.tell(failed=f"more than {_CONNECTIONS_MAX} connections at once")
            writer.close()
            return
        await self._keep(permit, (reader, writer), self._serve(permit, (reader, writer), request))

    async def _authorized(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> ProxyRequest | None:
        """Return the request of a client that has a permit's credentials; None of another, which is asked for them."""
        request = await read_request(reader)
        if request is None:
            return None
        permit = self._permits.get(request.user)
        if permit is not None and request.has_password(permit.password):
            return request
        # On a connection of its own: its body, if it has one, would be taken for the next request.
        _say(writer, 407, "Proxy Authentication Required", 'Proxy-Authenticate: Basic realm="egress"\r\n')
        return None

    async def _serve(self, permit: Permit, client: Streams, request: ProxyRequest) -> None:
        writer, upgrades = client[1], permit.upgrades
        is_secure = upgrades is not None and upgrades.means_https(request.host, request.port)
        try:
            server = await self._connect(permit, request.host, request.port, is_secure=is_secure)
        except NotLetOutError as error:
            permit.tell(refused=str(error))
            _say(writer, 403, "Forbidden", "")
        except NotReachedError as error:
            permit.tell(failed=str(error))
            _say(writer, 502, "Bad Gateway", "")
        else:
            if request.is_connect:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                server[1].write(request.sent(is_secure=is_secure))
                if upgrades is not None and not await self._pass_beginning(
                    permit, client, server, upgrades, is_secure=is_secure
                ):
                    server[1].transport.abort()
                    return
            await splice(client, server)

    async def _pass_beginning(
        self, permit: Permit, client: Streams, server: Streams, upgrades: Upgrades, *, is_secure: bool
    ) -> bool:
        """Pass an answer's beginning on; tell whether more is to be passed on."""
        try:
            async with asyncio.timeout(IDLE_S):
                return await pass_beginning(server[0], client[1], upgrades, is_secure=is_secure)
        except TooManyServersError:
            permit.tell(refused="the source names more servers than any playlist needs")
        except (TimeoutError, OSError):
            pass  # It hangs up, as where nothing comes later.
        return False

    async def _find(self, permit: Permit, host: str, port: int) -> list[Address]:
        """Return the addresses of a host that may be gone to.

        :raises NotLetOutError: when there are none, or the port is another service's.
        :raises NotReachedError: when the name has no address.
        """
        if port not in range(1, 65536) or (port in REFUSED_PORTS and port not in permit.ports):
            raise NotLetOutError(f"{host} port {port} is refused: something else than this is there")
        found = await self._resolve(host, port)
        addresses = [address for address in found if not is_refused(address, allowed=self._allowed)]
        if addresses:
            return addresses[:_ADDRESSES_MAX]
        if host in {str(address) for address in found}:
            raise NotLetOutError(f"{host} is inside this network; whoever runs the server allows it by {_SETTING}")
        # Whoever gave the name is not to learn the address.
        raise NotLetOutError(
            f"{host} stands for an address inside this network; whoever runs the server allows it by {_SETTING}"
        )

    async def _resolve(self, host: str, port: int) -> list[Address]:
        with suppress(ValueError):
            return [ip_address(host.partition("%")[0])]
        try:
            assert self._resolver is not None  # noqa: S101  # Since `serve`.
            found = await self._resolver.resolve(host, port, family=socket.AF_UNSPEC)
        except (OSError, ValueError) as error:
            raise NotReachedError(f"{UNKNOWN} {host} cannot be found") from error
        return [ip_address(each["host"].partition("%")[0]) for each in found]

    async def _connect(self, permit: Permit, host: str, port: int, *, is_secure: bool = False) -> Streams:
        """Connect to the first of its addresses that answers; `is_secure`: by TLS, with a certificate that is good.

        :raises NotLetOutError: when it may not be gone to.
        :raises NotReachedError: when nothing there can be connected to.
        """
        said = UNANSWERED
        for address in await self._find(permit, host, port):
            try:
                async with asyncio.timeout(_CONNECT_S):
                    return await asyncio.open_connection(
                        str(address),
                        port,
                        limit=PIECE_BYTES,
                        ssl=_tls_context() if is_secure else None,
                        server_hostname=host if is_secure else None,
                    )
            except TimeoutError:
                said = UNANSWERED
            except ssl.SSLCertVerificationError as error:
                raise NotReachedError(f"{host} port {port} is not trusted: {describe_certificate(error)}") from error
            except ssl.SSLError as error:
                said = f"cannot be spoken to: {describe_tls(error)}"
            except OSError as error:
                said = describe_system(error)
        raise NotReachedError(f"{host} port {port} {said}")

    async def _keep(self, permit: Permit, client: Streams, work: Coroutine[Any, Any, None]) -> None:
        """Do the work for as long as the permit lasts, and hang up."""
        if permit.name not in self._permits:
            # It ended while this connection was being taken.
            work.close()
            client[1].transport.abort()
            return
        task = asyncio.ensure_future(work)
        permit.tasks.add(task)
        try:
            await task
        except (asyncio.CancelledError, OSError):
            client[1].transport.abort()
        finally:
            permit.tasks.discard(task)
            client[1].close()


def _tls_context() -> ssl.SSLContext:
    """Return what servers' certificates are checked by: the system's authorities, and SSL_CERT_FILE's."""
    return _tls_context_of(os.environ.get("SSL_CERT_FILE", ""))


@lru_cache(maxsize=1)
def _tls_context_of(_: str) -> ssl.SSLContext:
    return ssl.create_default_context()


def _say(writer: asyncio.StreamWriter, status: int, words: str, more: str) -> None:
    head = f"HTTP/1.1 {status} {words}\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n"
    writer.write(head.encode())


def main(socket_path: str, address: str, allowed: str = "") -> None:
    """Serve until a signal ends the process."""
    open_files.allow_all()
    uvloop.run(Egress(address=address, allowed=allowed.split(",")).serve(socket_path))


if __name__ == "__main__":
    main(*sys.argv[1:])
