"""One connection to an RTMP server, on which a broadcast is published."""

import asyncio
import fcntl
import os
import socket
import ssl
import struct
import termios
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from streams.media.rtmp import amf, failures
from streams.media.rtmp.addresses import TargetAddress
from streams.media.rtmp.amf import AmfError, Value
from streams.media.rtmp.chunks import OUR_CHUNK_SIZE, ChunkError, ChunkReader, MessageType, RtmpMessage, render_message
from streams.media.rtmp.failures import PushError, PushReason

Address = IPv4Address | IPv6Address

# For each answer that a server owes.
ANSWER_S = 8.0
# A resolver's own patience may be longer; of each address of a host a part.
_CONNECT_S = 8.0
# Of a goodbye that nobody reads.
_GOODBYE_S = 0.5
_SEND_BUFFER = 128 * 1024
# Media that waits is less than a picture more than the buffer.
_REPLIES_WAITING = 8 * _SEND_BUFFER
_USER_TIMEOUT_MS = 12_000
_VERSION = 3
_HANDSHAKE_SIZE = 1536
_READ_SIZE = 4096
_CONTROL_STREAM, _COMMAND_STREAM, _AUDIO_STREAM, _VIDEO_STREAM = 2, 3, 4, 6
_CHUNK_STREAMS = {MessageType.AUDIO: _AUDIO_STREAM, MessageType.VIDEO: _VIDEO_STREAM, MessageType.DATA: _AUDIO_STREAM}
_PING, _PONG = 6, 7
_PUBLISH_STARTED = "NetStream.Publish.Start"
# Answers by the number of what was asked.
_CONNECT, _CREATE_STREAM = 1.0, 4.0


@dataclass(frozen=True)
class Ways:
    """What LiveHub's rules say of ways out: `is_refused` tells which addresses are not gone to.

    `describe_certificate` says why one is refused, in words that go on after "The server: ".
    """

    is_refused: Callable[[Address], bool]
    refused_ports: frozenset[int]
    tls: ssl.SSLContext
    describe_certificate: Callable[[Exception], str]


class RtmpConnection:
    """A connection to a server; made by `connected`."""

    def __init__(self, address: TargetAddress, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._address = address
        self._reader = reader
        self._writer = writer
        self._chunks = ChunkReader()
        self._arrived: list[RtmpMessage] = []
        self._written = 0
        self._heard = self._acknowledged = 0
        self._window = 0
        self._taken = 0
        self._stream = 0

    @property
    def taken_bytes(self) -> int:
        """How many bytes the server's machine has really taken; never fewer than the last time."""
        transport = self._writer.transport
        waiting = transport.get_write_buffer_size()
        connected = transport.get_extra_info("socket")
        descriptor = connected.fileno() if connected is not None and not transport.is_closing() else -1
        if descriptor >= 0:
            with suppress(OSError):
                waiting += struct.unpack("i", fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(4)))[0]
                self._taken = max(self._taken, self._written - waiting)
        return self._taken

    @property
    def has_unsent(self) -> bool:
        """Something was written that the server has not taken yet."""
        return self._written > self.taken_bytes

    async def publish(self) -> None:
        """Shake hands and publish.

        :raises PushError: when the server does not let us.
        """
        await self._shake_hands()
        address = self._address
        self._write(MessageType.CHUNK_SIZE, OUR_CHUNK_SIZE.to_bytes(4), chunk_size=128)
        fields: dict[str, Value] = {
            "app": address.application,
            "type": "nonprivate",
            "flashVer": "FMLE/3.0 (compatible; LiveHub)",
            "tcUrl": address.url,
        }
        self._command("connect", _CONNECT, fields)
        await self._await_answer(_CONNECT)
        self._command("releaseStream", 2.0, None, address.name)
        self._command("FCPublish", 3.0, None, address.name)
        self._command("createStream", _CREATE_STREAM, None)
        answer = await self._await_answer(_CREATE_STREAM)
        number = answer[3] if len(answer) > 3 else None
        if not isinstance(number, float) or not 0 < number < 1 << 32:
            raise PushError(PushReason.NOT_RTMP)
        self._stream = int(number)
        self._command("publish", 5.0, None, address.name, "live", stream=self._stream)
        await self._await_start()

    def send(self, type: MessageType, body: bytes, *, timestamp_ms: int) -> None:
        """Send media; `drain` waits until there is room for more."""
        self._write(type, body, timestamp_ms=timestamp_ms, stream=self._stream)

    async def drain(self) -> None:
        """Return when the server has taken most of what was sent.

        :raises PushError: when the connection has broken.
        """
        with _named():
            await self._writer.drain()

    async def listen(self) -> None:
        """Answer what the server asks; returns never.

        :raises PushError: when it hangs up, or wants no more.
        """
        while True:
            command = await self._next_command()
            if command[:1] == ["onStatus"]:
                code, is_error = _status(command)
                if is_error or code.startswith("NetStream.Unpublish"):
                    raise failures.of_answer(code)
            elif command[:1] == ["_error"] and command[1:2] not in ([2.0], [3.0]):
                raise failures.of_answer(_status(command)[0])

    async def say_goodbye(self) -> None:
        """Tell the server that the broadcast is over, if it still listens."""
        with suppress(PushError, TimeoutError):
            self._command("FCUnpublish", 6.0, None, self._address.name)
            self._command("deleteStream", 7.0, None, float(self._stream))
            async with asyncio.timeout(_GOODBYE_S):
                while self._writer.transport.get_write_buffer_size():
                    await asyncio.sleep(0.01)

    async def _shake_hands(self) -> None:
        ours = bytes(8) + os.urandom(_HANDSHAKE_SIZE - 8)
        self._write_raw([bytes([_VERSION]), ours])
        with _named():
            async with asyncio.timeout(ANSWER_S):
                if await self._reader.readexactly(1) != bytes([_VERSION]):
                    raise PushError(PushReason.NOT_RTMP)
                self._write_raw([await self._reader.readexactly(_HANDSHAKE_SIZE)])
                await self._reader.readexactly(_HANDSHAKE_SIZE)

    async def _await_answer(self, number: float) -> list[Value]:
        """Return the answer to that question."""
        async with _patience():
            while True:
                command = await self._next_command()
                if command[:2] == ["_result", number]:
                    return command
                if command[:2] == ["_error", number]:
                    raise failures.of_answer(_status(command)[0])

    async def _await_start(self) -> None:
        async with _patience():
            while True:
                command = await self._next_command()
                code, is_error = _status(command) if command[:1] == ["onStatus"] else ("", False)
                if is_error:
                    raise failures.of_answer(code)
                if code == _PUBLISH_STARTED:
                    return

    async def _next_command(self) -> list[Value]:
        while True:
            message = await self._next_message()
            if message.type == MessageType.COMMAND:
                try:
                    return amf.parse(message.body)
                except AmfError:
                    raise PushError(PushReason.NOT_RTMP) from None
            self._answer(message)

    def _answer(self, message: RtmpMessage) -> None:
        if message.type == MessageType.WINDOW:
            self._window = int.from_bytes(message.body[:4])
        elif message.type == MessageType.CONTROL and int.from_bytes(message.body[:2]) == _PING:
            self._reply(MessageType.CONTROL, _PONG.to_bytes(2) + message.body[2:6])

    def _reply(self, type: MessageType, body: bytes) -> None:
        """Answer a server that takes what it is sent; one that only asks would have us keep its answers without end."""
        if self._writer.transport.get_write_buffer_size() < _REPLIES_WAITING:
            self._write(type, body)

    async def _next_message(self) -> RtmpMessage:
        while not self._arrived:
            with _named():
                piece = await self._reader.read(_READ_SIZE)
            if not piece:
                raise PushError(PushReason.CLOSED)
            self._heard += len(piece)
            try:
                self._arrived += self._chunks.feed(piece)
            except ChunkError:
                raise PushError(PushReason.NOT_RTMP) from None
            if self._window and self._heard - self._acknowledged >= self._window:
                self._acknowledged = self._heard
                self._reply(MessageType.ACKNOWLEDGEMENT, (self._heard & 0xFFFFFFFF).to_bytes(4))
        return self._arrived.pop(0)

    def _command(self, name: str, number: float, *values: Value, stream: int = 0) -> None:
        self._write(MessageType.COMMAND, amf.render(name, number, *values), stream=stream)

    def _write(
        self,
        type: MessageType,
        body: bytes,
        *,
        timestamp_ms: int = 0,
        stream: int = 0,
        chunk_size: int = OUR_CHUNK_SIZE,
    ) -> None:
        chunk_stream = _COMMAND_STREAM if type == MessageType.COMMAND else _CHUNK_STREAMS.get(type, _CONTROL_STREAM)
        pieces = render_message(
            type, body, chunk_stream=chunk_stream, timestamp_ms=timestamp_ms, stream=stream, chunk_size=chunk_size
        )
        self._write_raw(pieces)

    def _write_raw(self, pieces: Sequence[bytes]) -> None:
        if self._writer.transport.is_closing():
            raise PushError(PushReason.RESET)
        self._written += sum(map(len, pieces))
        self._writer.writelines(pieces)


@asynccontextmanager
async def connected(address: TargetAddress, ways: Ways) -> AsyncIterator[RtmpConnection]:
    """Yield a connection for as long as the block lasts; it is cut then.

    :raises PushError: when there is none to be had.
    """
    if address.port in ways.refused_ports:
        raise PushError(
            PushReason.INVALID_ADDRESS, f"Nothing is sent to port {address.port}, which is another service's."
        )
    with _named(describe_certificate=ways.describe_certificate):
        async with asyncio.timeout(_CONNECT_S):
            connection = await _connect(address, ways)
    try:
        yield connection
    finally:
        # Whatever is waiting is of no use any more.
        connection._writer.transport.abort()


async def _connect(address: TargetAddress, ways: Ways) -> RtmpConnection:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    failure: OSError | PushError = PushError(PushReason.UNKNOWN_HOST)
    for family, kind, protocol, _, place in found:
        # On the address that is connected to: a name that means another one a moment later changes nothing.
        if ways.is_refused(ip_address(str(place[0]).partition("%")[0])):
            failure = PushError(PushReason.INSIDE)
            continue
        plain = socket.socket(family, kind, protocol)
        try:
            plain.setblocking(False)
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _USER_TIMEOUT_MS)
            async with asyncio.timeout(_CONNECT_S / len(found)):
                await loop.sock_connect(plain, place)
            reader, writer = await asyncio.open_connection(
                sock=plain,
                limit=2 * _READ_SIZE,
                ssl=ways.tls if address.is_tls else None,
                server_hostname=address.host if address.is_tls else None,
            )
        except ssl.SSLError:
            plain.close()
            raise
        except OSError as error:
            plain.close()
            failure = error
        except BaseException:
            plain.close()
            raise
        else:
            writer.transport.set_write_buffer_limits(high=_SEND_BUFFER)
            return RtmpConnection(address, reader, writer)
    raise failure


class _named:  # noqa: N801  # Used as a function.
    """Let what goes wrong in the block be a `PushError`."""

    def __init__(self, *, describe_certificate: Callable[[Exception], str] = str) -> None:
        self._describe_certificate = describe_certificate

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ssl.SSLCertVerificationError):
            words = self._describe_certificate(error)
            raise PushError(PushReason.CERTIFICATE, f"The server cannot be trusted: {words}.") from None
        if isinstance(error, asyncio.IncompleteReadError):
            raise PushError(PushReason.CLOSED if not error.partial else PushReason.NOT_RTMP) from None
        if isinstance(error, OSError):
            raise failures.of_system(error) from None


@asynccontextmanager
async def _patience() -> AsyncIterator[None]:
    """Bound how long a server may take for an answer, whatever else it says meanwhile."""
    try:
        async with asyncio.timeout(ANSWER_S):
            yield
    except TimeoutError:
        raise PushError(PushReason.SILENT) from None


def _status(command: Sequence[Value]) -> tuple[str, bool]:
    """Return the code that an answer has, and whether it is an error."""
    fields = next((value for value in command[2:] if isinstance(value, dict) and "code" in value), {})
    return str(fields.get("code", "")), fields.get("level") == "error"
