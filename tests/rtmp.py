"""An RTMP client that does no more than it is told to, down to half a message: encoders, and strangers."""

import os
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_HANDSHAKE = 1536
_SET_CHUNK_SIZE, _AUDIO, _VIDEO, _COMMAND = 1, 8, 9, 20
_CHUNK = 128
# Whoever says nothing for so long hangs.
_SILENCE_S = 60.0


@dataclass
class Peer:
    """One connection; what the server says is kept in `heard`."""

    connection: socket.socket
    heard: bytes = field(default=b"")

    def shake_hands(self, random: bytes = b"") -> None:
        """Shake hands; `random` is what to say in place of random bytes, and what the server repeats."""
        self.connection.sendall(b"\x03" + (random or os.urandom(_HANDSHAKE)).ljust(_HANDSHAKE, b"\0"))
        answer = self._read(2 * _HANDSHAKE + 1)
        self.connection.sendall(answer[1 : 1 + _HANDSHAKE])

    def connect(self) -> None:
        """Shake hands, and open the application."""
        self.shake_hands()
        self.connection.sendall(_connect_command())
        self.await_word(b"NetConnection.Connect.Success")

    def publish(self, key: str) -> None:
        """Ask to publish; the server's answer is yet to be waited for."""
        self._create_stream()
        self.command(b"publish", _number(3), _NULL, _string(key.encode()), _string(b"live"), stream=1)

    def play(self, name: str) -> None:
        """Ask to play; it begins when media comes."""
        self._create_stream()
        self.command(b"play", _number(3), _NULL, _string(name.encode()), stream=1)

    def _create_stream(self) -> None:
        self.command(b"createStream", _number(2), _NULL)
        self.await_word(b"_result", times=2)

    def command(self, name: bytes, *values: bytes, stream: int = 0) -> None:
        self.connection.sendall(_command(name, *values, stream=stream))

    def stop_publishing(self) -> None:
        self.command(b"deleteStream", _number(4), _NULL, _number(1))

    def send_video(self, size: int = 64, *, chunk: int = _CHUNK) -> None:
        """Send a key frame that nobody decodes, in chunks of the size that was agreed on."""
        self.message(b"\x17\x01" + bytes(size), kind=_VIDEO, stream=1, chunk=chunk)

    def message(self, body: bytes, *, kind: int, stream: int = 0, chunk: int = _CHUNK) -> None:
        self.connection.sendall(_message(body, kind=kind, stream=stream, chunk=chunk))

    def await_word(self, word: bytes, *, times: int = 1) -> None:
        """Read until the server has said a word.

        :raises ConnectionError: when it hangs up before.
        :raises TimeoutError: when it never does, whatever else it says.
        """
        ends_at = time.monotonic() + _SILENCE_S
        while self.heard.count(word) < times:
            self._hear(until=ends_at)

    def await_end(self, *, timeout_s: float = _SILENCE_S) -> None:
        """Read until the server hangs up.

        :raises TimeoutError: when it does not.
        """
        ends_at = time.monotonic() + timeout_s
        try:
            while True:
                self._hear(until=ends_at)
        except ConnectionError:
            return

    def is_cut(self) -> bool:
        """Tell whether the server has hung up."""
        try:
            while True:
                self._hear(until=0)
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except ConnectionError:
            return True
        finally:
            self.connection.settimeout(_SILENCE_S)

    def _read(self, count: int) -> bytes:
        start = len(self.heard)
        ends_at = time.monotonic() + _SILENCE_S
        while len(self.heard) < start + count:
            self._hear(until=ends_at)
        return self.heard[start : start + count]

    def _hear(self, *, until: float) -> None:
        left_s = until - time.monotonic()
        if until and left_s <= 0:
            raise TimeoutError("The server neither says what is waited for nor hangs up.")
        self.connection.settimeout(left_s if until else 0)
        found = self.connection.recv(65536)
        if not found:
            raise ConnectionResetError("The server has hung up.")
        self.heard += found


@contextmanager
def peer(port: int, *, source: str = "127.0.0.1", host: str = "127.0.0.1") -> Iterator[Peer]:
    """Connect to the RTMP server at that port, from that address of this machine's."""
    with socket.create_connection((host, port), timeout=_SILENCE_S, source_address=(source, 0)) as connection:
        yield Peer(connection)


@contextmanager
def peer_over_tls(port: int, *, source: str = "127.0.0.1") -> Iterator[Peer]:
    """Connect as encoders do over RTMPS; whose certificate it is does not matter here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with peer(port, source=source) as plain, context.wrap_socket(plain.connection) as connection:
        yield Peer(connection)


def handshake() -> bytes:
    """Return all that a client says in it, for one who does not wait for the answer."""
    return b"\x03" + os.urandom(2 * _HANDSHAKE)


def connecting() -> bytes:
    """Return all that a client says until it is connected to the application."""
    return handshake() + _connect_command()


def header(*, chunk_stream: int, kind: int, size: int, stream: int = 0) -> bytes:
    """Return a whole chunk header."""
    return bytes([chunk_stream]) + bytes(3) + size.to_bytes(3, "big") + bytes([kind]) + struct.pack("<I", stream)


def chunk_size(size: int) -> bytes:
    """Return the message that sets the size of the chunks to come."""
    return header(chunk_stream=2, kind=_SET_CHUNK_SIZE, size=4) + struct.pack(">I", size)


def half_messages(*, size: int, chunk_streams: range, bytes_each: int, chunk: int) -> bytes:
    """Return messages of `size` bytes that are begun, one on each chunk stream, in chunks of so many bytes."""
    begun = [chunk_size(chunk)]
    for number in chunk_streams:
        rest = (bytes([0xC0 | number]) + bytes(chunk)) * (bytes_each // chunk - 1)
        begun.append(header(chunk_stream=number, kind=_AUDIO, size=size) + bytes(chunk) + rest)
    return b"".join(begun)


_NULL = b"\x05"


def _connect_command() -> bytes:
    fields = _object(app=b"live", tcUrl=b"rtmp://localhost/live", flashVer=b"test")
    return _command(b"connect", _number(1), fields)


def _command(name: bytes, *values: bytes, stream: int = 0) -> bytes:
    return _message(b"".join((_string(name), *values)), kind=_COMMAND, stream=stream, chunk=_CHUNK)


def _message(body: bytes, *, kind: int, stream: int, chunk: int) -> bytes:
    pieces = [body[start : start + chunk] for start in range(0, len(body), chunk)]
    return header(chunk_stream=3, kind=kind, size=len(body), stream=stream) + b"\xc3".join(pieces)


def _number(value: float) -> bytes:
    return b"\x00" + struct.pack(">d", value)


def _text(value: bytes) -> bytes:
    return struct.pack(">H", len(value)) + value


def _string(value: bytes) -> bytes:
    return b"\x02" + _text(value)


def _object(**fields: bytes) -> bytes:
    pairs = b"".join(_text(name.encode()) + _string(value) for name, value in fields.items())
    return b"\x03" + pairs + b"\x00\x00\x09"
