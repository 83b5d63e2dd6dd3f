"""RTMP's chunks: cutting messages into them, and putting them together. Source: Adobe's RTMP specification 1.0, 5."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

# What we cut into: nearly every picture in one piece.
OUR_CHUNK_SIZE = 60_000
_FIRST_CHUNK_SIZE = 128
_LONGEST_TIME = 0xFFFFFF
# What servers say to a publisher takes some hundred bytes.
_LARGEST_MESSAGE = 64 * 1024
_MOST_STREAMS = 64
_HEADER_SIZES = (11, 7, 3, 0)


class MessageType(IntEnum):
    CHUNK_SIZE = 1
    ABORT = 2
    ACKNOWLEDGEMENT = 3
    CONTROL = 4
    WINDOW = 5
    BANDWIDTH = 6
    AUDIO = 8
    VIDEO = 9
    DATA = 18
    COMMAND = 20


class ChunkError(Exception):
    """The bytes are not RTMP, or more than a server has to say."""


@dataclass(frozen=True)
class RtmpMessage:
    """One message; `stream` is the message stream's id."""

    type: int
    body: bytes
    timestamp_ms: int = 0
    stream: int = 0


def render_message(
    type: int, body: bytes, *, chunk_stream: int, timestamp_ms: int = 0, stream: int = 0, chunk_size: int
) -> list[bytes]:
    """Return a message as pieces to send one behind the other; the body is not copied when it fits into one chunk."""
    time = timestamp_ms & 0xFFFFFFFF
    is_long = time >= _LONGEST_TIME
    extended = time.to_bytes(4) if is_long else b""
    first = bytes([chunk_stream]) + min(time, _LONGEST_TIME).to_bytes(3) + len(body).to_bytes(3)
    pieces = [first + bytes([type]) + stream.to_bytes(4, "little") + extended]
    if len(body) <= chunk_size:
        return [*pieces, body]
    # Where the time takes more room, every chunk says it again.
    following = bytes([0xC0 | chunk_stream]) + extended
    for start in range(0, len(body), chunk_size):
        if start:
            pieces.append(following)
        pieces.append(body[start : start + chunk_size])
    return pieces


@dataclass
class _Incoming:
    """What is known of one chunk stream; of a message that has begun, its bytes so far."""

    size: int = 0
    type: int = 0
    stream: int = 0
    is_long: bool = False
    body: bytearray = field(default_factory=bytearray)


class ChunkReader:
    """Finds messages in what a server sends, in pieces of any size."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._streams: dict[int, _Incoming] = {}
        self._chunk_size = _FIRST_CHUNK_SIZE

    def feed(self, piece: bytes) -> Iterator[RtmpMessage]:
        """Yield what is whole by now.

        :raises ChunkError: when it is not RTMP, or too large.
        """
        self._pending += piece
        while (taken := self._take_chunk()) is not None:
            if taken.size == len(taken.body):
                message = RtmpMessage(taken.type, bytes(taken.body), stream=taken.stream)
                taken.body.clear()
                if message.type == MessageType.CHUNK_SIZE:
                    # A message of its own kind is never larger than this, so this much is always enough.
                    self._chunk_size = max(1, int.from_bytes(message.body[:4]) & 0x7FFFFFFF)
                yield message

    def _take_chunk(self) -> _Incoming | None:
        """Take the next chunk away; return its stream, None while it is not all there."""
        data = self._pending
        if not data:
            return None
        kind, number, at = data[0] >> 6, data[0] & 0x3F, 1
        if number < 2:
            # 0 and 1: the number stands in one or two bytes more.
            at += number + 1
            number = 64 + int.from_bytes(data[1:at], "little")
        header = data[at : at + _HEADER_SIZES[kind]]
        at += _HEADER_SIZES[kind]
        if len(data) < at:
            return None
        incoming = self._stream(number)
        size, type_, stream, is_long = incoming.size, incoming.type, incoming.stream, incoming.is_long
        if kind < 3:
            is_long = header[:3] == b"\xff\xff\xff"
        if kind < 2:
            size, type_ = int.from_bytes(header[3:6]), header[6]
        if kind == 0:
            stream = int.from_bytes(header[7:11], "little")
        if size > _LARGEST_MESSAGE:
            raise ChunkError(f"A message of {size} bytes is nothing that a server says to a publisher.")
        at += 4 if is_long else 0
        count = min(self._chunk_size, size - len(incoming.body))
        if len(data) < at + count:
            return None
        if count < 0:
            raise ChunkError("A message got shorter while it was sent.")
        incoming.size, incoming.type, incoming.stream, incoming.is_long = size, type_, stream, is_long
        incoming.body += data[at : at + count]
        del data[: at + count]
        return incoming

    def _stream(self, number: int) -> _Incoming:
        if number not in self._streams and len(self._streams) >= _MOST_STREAMS:
            raise ChunkError("The server uses too many chunk streams.")
        return self._streams.setdefault(number, _Incoming())
