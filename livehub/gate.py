"""The gate before the RTMP server: strangers get a little time and a few bytes, encoders that publish all they want.

nginx-rtmp by itself bounds neither: it waits for ever for whoever sends a byte now and then, and chunks of one byte
cost it a hundred each. Every connection comes here first, behind nginx's PROXY line, and goes on to it byte for byte.
What the server answers tells whether the client publishes: it says so once the hook has admitted it.

Run by `python -m livehub.gate SOCKET SERVER_ADDRESS:PORT STRANGERS`, without Django: every broadcast passes here.
"""

import asyncio
import sys
from typing import cast

import uvloop

from livehub import open_files
from livehub.heartbeat import beat_in_loop

# Another 5 s are a TLS handshake's: together the 15 s that are promised.
PATIENCE_S = 10.0
# An encoder says what it has to in 5 KB, the handshake's 3 KB included. In nginx-rtmp they become 1 MB at worst.
STRANGER_BYTES = 16 * 1024
_BUFFER_BYTES = 64 * 1024
# Of a Unix socket: those who come while we are busy. More than the kernel's own limit does no harm.
_BACKLOG = 4096
# S0, S1 and S2: random, and what the client has sent.
_HANDSHAKE_BYTES = 3073
_PUBLISHES, _PUBLISHES_NO_MORE = b"NetStream.Publish.Start", b"NetStream.Unpublish.Success"
# A word that is cut by the end of one read goes on in the next.
_OVERLAP_BYTES = len(_PUBLISHES_NO_MORE) - 1


class Answers:
    """What the server has told one client: does it publish?"""

    def __init__(self) -> None:
        self.is_publishing = False
        self._handshake_left = _HANDSHAKE_BYTES
        self._tail = b""

    def read(self, data: bytes) -> None:
        """Take note of what the server sends next."""
        skipped = min(len(data), self._handshake_left)
        self._handshake_left -= skipped
        text = self._tail + data[skipped:]
        started, ended = text.rfind(_PUBLISHES), text.rfind(_PUBLISHES_NO_MORE)
        if started != ended:
            self.is_publishing = started > ended
        self._tail = text[-_OVERLAP_BYTES:]


class Strangers:
    """Who has not published yet, longest waiting first; when there are too many, that one has to go.

    So a flood shortens a stranger's time, and an encoder, which needs a second of it, still gets in.
    """

    def __init__(self, *, at_most: int) -> None:
        self._at_most = at_most
        self._waiting: dict[Client, asyncio.TimerHandle] = {}

    def add(self, client: "Client") -> None:
        if len(self._waiting) >= self._at_most:
            next(iter(self._waiting)).cut()
        loop = asyncio.get_running_loop()
        self._waiting[client] = loop.call_later(PATIENCE_S, client.cut)

    def discard(self, client: "Client") -> None:
        timer = self._waiting.pop(client, None)
        if timer is not None:
            timer.cancel()


class Client(asyncio.BufferedProtocol):
    """One connection, from the side of the encoder."""

    _transport: asyncio.Transport

    def __init__(self, gate: "Gate") -> None:
        self._gate = gate
        self._server: asyncio.Transport | None = None
        self._connecting: asyncio.Task[None] | None = None
        # What came before the server was reached.
        self._early = bytearray()
        self._is_server_full = False
        self._bytes_left = STRANGER_BYTES
        self._answers = Answers()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._gate.strangers.add(self)

    async def _connect(self) -> None:
        try:
            self._server = await self._gate.connect(self)
        except OSError:
            self.cut()
        else:
            self._server.write(bytes(self._early))
            self._early.clear()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._gate.buffer if self._answers.is_publishing else self._gate.buffer[: self._bytes_left]

    def buffer_updated(self, nbytes: int) -> None:
        self._pass_on(self._gate.buffer[:nbytes])
        if not self._answers.is_publishing:
            self._bytes_left -= nbytes
            self._read_on()

    def _pass_on(self, piece: memoryview) -> None:
        if self._server is not None:
            self._server.write(bytes(piece))
            return
        self._early += piece
        # Not for those who say nothing, such as whoever asks whether we are here.
        if self._connecting is None:
            self._connecting = asyncio.get_running_loop().create_task(self._connect())

    def _read_on(self) -> None:
        """Read, unless the server cannot take it or a stranger has said enough; that one waits for its answer."""
        if self._is_server_full or not (self._answers.is_publishing or self._bytes_left):
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def answered(self, data: bytes) -> None:
        """Pass on what the server says."""
        self._transport.write(data)
        was_publishing = self._answers.is_publishing
        self._answers.read(data)
        if self._answers.is_publishing is not was_publishing:
            self._turn()

    def _turn(self) -> None:
        if self._answers.is_publishing:
            self._gate.strangers.discard(self)
        else:
            self._bytes_left = STRANGER_BYTES
            self._gate.strangers.add(self)
        self._read_on()

    def server_is_full(self, *, is_full: bool) -> None:
        self._is_server_full = is_full
        self._read_on()

    def server_left(self) -> None:
        self._transport.close()

    def cut(self) -> None:
        """Hang up at once, on both sides."""
        self._gate.strangers.discard(self)
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._gate.strangers.discard(self)
        if self._connecting is not None:
            self._connecting.cancel()
        if self._server is not None:
            # What an encoder has sent before it left still belongs to its broadcast.
            self._server.close()


class _Server(asyncio.Protocol):
    """One connection, from the side of the RTMP server."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def data_received(self, data: bytes) -> None:
        self._client.answered(data)

    def pause_writing(self) -> None:
        self._client.server_is_full(is_full=True)

    def resume_writing(self) -> None:
        self._client.server_is_full(is_full=False)

    def connection_lost(self, exc: Exception | None) -> None:
        self._client.server_left()


class Gate:
    """What all connections share: who waits, the server, and a buffer, since each read is passed on at once."""

    def __init__(self, *, server: tuple[str, int], strangers: int) -> None:
        self.strangers = Strangers(at_most=strangers)
        self.buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._server = server

    async def connect(self, client: Client) -> asyncio.Transport:
        """Return a connection to the RTMP server; bounded by the client's own time.

        :raises OSError: when it accepts none.
        """
        address, port = self._server
        transport, _ = await asyncio.get_running_loop().create_connection(lambda: _Server(client), address, port)
        return transport

    async def serve(self, socket_path: str) -> None:
        """Accept connections for ever."""
        loop = asyncio.get_running_loop()
        listener = await loop.create_unix_server(lambda: Client(self), socket_path, backlog=_BACKLOG)
        life = loop.create_task(beat_in_loop())
        try:
            await listener.serve_forever()
        finally:
            life.cancel()


def main(socket_path: str, server: str, strangers: str) -> None:
    """Serve until a signal ends the process."""
    open_files.allow_all()
    address, _, port = server.rpartition(":")
    gate = Gate(server=(address, int(port)), strangers=int(strangers))
    uvloop.run(gate.serve(socket_path))


if __name__ == "__main__":
    main(*sys.argv[1:])
