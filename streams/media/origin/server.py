"""The origin's sockets: HTTP/1.1 for our own nginx, datagrams of packagers that have written something.

A protocol of its own instead of a web framework, since thousands wait for the same bytes at once.
"""

import asyncio
import logging
import socket
import time
from math import inf
from pathlib import Path
from typing import Protocol, cast

from streams.media.origin import answers
from streams.media.origin.answers import Reply
from streams.media.origin.permissions import Permissions
from streams.media.origin.requests import HEAD_BYTES_AT_MOST, PermissionRequest, RefusedError, Request, parse_request
from streams.media.origin.rules import Viewer
from streams.media.origin.session import Group
from streams.media.origin.sessions import Sessions
from streams.media.origin.web import Web

logger = logging.getLogger(__name__)

_END = b"\r\n\r\n"
# Longer than nginx keeps a connection that it does not need.
_IDLE_S = 75.0
# nginx sends a request in one piece.
_HEAD_S = 5.0
# nginx reads an answer as fast as its player does.
_READ_S = 60.0
_SWEEP_S = 1.0
_BACKLOG = 4096
_NUDGE_BYTES_AT_MOST = 512
# Of one turn of the loop: others have their turn, too.
_NUDGES_AT_ONCE = 256


class Asks(Protocol):
    """Whoever has clients answered: a node's own sessions, or another's."""

    def ask(self, client: "Asker", request: Request) -> None: ...


class Permits(Protocol):
    """Whoever knows who may play."""

    def ask(self, client: "Asker", viewer: Viewer) -> None: ...


class Asker(asyncio.Protocol):
    """One connection, which asks one thing after the other."""

    _transport: asyncio.Transport

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._unread = b""
        self._request: Request | PermissionRequest | None = None
        self.group: Group | None = None
        # When it is hung up on, unless something happens before.
        self.until = inf

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._server.clients.add(self)
        self.until = time.monotonic() + _IDLE_S

    def data_received(self, data: bytes) -> None:
        self._unread += data
        if self._request is None:
            self._read()
        elif len(self._unread) > HEAD_BYTES_AT_MOST:
            self._transport.abort()

    def _read(self) -> None:
        """Read the next request, if it is there as a whole."""
        head, end, rest = self._unread.partition(_END)
        if len(head) > HEAD_BYTES_AT_MOST:
            self._transport.abort()
        elif end:
            self._unread = rest
            self._ask(head)
        elif head:
            self.until = min(self.until, time.monotonic() + _HEAD_S)

    def _ask(self, head: bytes) -> None:
        # Who waits does so for as long as whoever answers says.
        self.until = inf
        try:
            self._request = parse_request(head)
        except RefusedError as error:
            self._transport.write(answers.failure(error.status).head)
            self._transport.close()
        else:
            self._server.ask(self, self._request)

    def send(self, answer: Reply) -> None:
        """Reply the one request that is open; nothing where the client has left."""
        request, self._request = self._request, None
        if request is None or self._transport.is_closing():
            return
        self._transport.write(answer.head if request.is_head else answer.head + answer.body)
        self.until = min(self.until, time.monotonic() + _IDLE_S)
        if request.closes:
            self._transport.close()
        elif self._unread:
            asyncio.get_running_loop().call_soon(self._read)

    def pause_writing(self) -> None:
        self.until = time.monotonic() + _READ_S

    def resume_writing(self) -> None:
        self.until = time.monotonic() + _IDLE_S

    def cut(self) -> None:
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._request = None
        self._server.clients.discard(self)
        if self.group is not None:
            self.group.leave(self)


class Server:
    """What all connections share."""

    def __init__(self, asks: Asks, permits: Permits) -> None:
        self._asks = asks
        self._permits = permits
        self.clients: set[Asker] = set()

    def ask(self, client: Asker, request: Request | PermissionRequest) -> None:
        """Have the client answered by whom it concerns."""
        if isinstance(request, PermissionRequest):
            self._permits.ask(client, request.viewer)
        else:
            self._asks.ask(client, request)

    async def listen(self, socket_path: str) -> asyncio.Server:
        """Accept connections from now on."""
        loop = asyncio.get_running_loop()
        return await loop.create_unix_server(lambda: Asker(self), socket_path, backlog=_BACKLOG)

    async def sweep(self) -> None:
        """Hang up on who asks nothing, or never ends; never returns."""
        while True:
            await asyncio.sleep(_SWEEP_S)
            now = time.monotonic()
            for client in [client for client in self.clients if client.until < now]:
                client.cut()


class Nudges:
    """Hears of what was written, as `<playback id>/<session>`; the socket goes with this."""

    def __init__(self, socket_path: str, sessions: Sessions) -> None:
        self._sessions = sessions
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(socket_path)

    def listen(self) -> None:
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._read)

    def _read(self) -> None:
        for _ in range(_NUDGES_AT_ONCE):
            try:
                nudge = self._socket.recv(_NUDGE_BYTES_AT_MOST)
            except BlockingIOError:
                return
            self._sessions.nudge(nudge.decode("latin-1"))

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()


async def serve(*, socket_path: str, nudge_socket_path: str, web_socket_path: str, root: Path) -> None:
    """Reply for the sessions below a folder until cancelled."""
    sessions, permissions = Sessions(root), Permissions(Web(web_socket_path))
    nudges = Nudges(nudge_socket_path, sessions)
    nudges.listen()
    server = Server(sessions, permissions)
    listener = await server.listen(socket_path)
    try:
        await asyncio.gather(listener.serve_forever(), sessions.look_after(), permissions.look_after(), server.sweep())
    finally:
        nudges.close()
