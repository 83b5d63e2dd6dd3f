"""Many encoders in one process, for what many broadcasts cost: all send the same clip at the same time.

Run by `python -m bench.crowd PORT CLIP SECONDS`, a stream key on each line of stdin; it says which are accepted.
"""

import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests import rtmp

_FLV_HEADER, _TAG_HEADER, _PREVIOUS_SIZE = 13, 11, 4
_CHUNK = 60_000
_AUDIO, _VIDEO = 8, 9
# By their kinds, so that sound goes in between pictures.
_CHUNK_STREAMS = {_AUDIO: 4, _VIDEO: 6}
# One after the other: a hundred encoders do not come in the same moment.
_BETWEEN_S = 0.1
_PER_ADDRESS = 10


@dataclass(frozen=True)
class _Tag:
    kind: int
    at_ms: int
    body: bytes

    @property
    def is_key_frame(self) -> bool:
        return self.kind == _VIDEO and self.body[:2] == b"\x17\x01"

    @property
    def announces(self) -> bool:
        return self.body[1] == 0

    def message(self, *, later_ms: int = 0) -> bytes:
        """Return it as encoders send it."""
        stream = _CHUNK_STREAMS[self.kind]
        at_ms = (self.at_ms + later_ms).to_bytes(3)
        pieces = [self.body[start : start + _CHUNK] for start in range(0, len(self.body), _CHUNK)]
        header = rtmp.header(chunk_stream=stream, kind=self.kind, size=len(self.body), stream=1)
        return header[:1] + at_ms + header[4:] + bytes([0xC0 | stream]).join(pieces)


@dataclass
class _Encoder:
    connection: socket.socket
    # What the server has not taken yet.
    pending: bytearray = field(default_factory=bytearray)
    is_on_air: bool = False

    def send(self, media: bytes) -> None:
        self.pending += media
        try:
            del self.pending[: self.connection.send(self.pending)]
        except BlockingIOError:
            return


def _tags(clip: bytes) -> Iterator[_Tag]:
    position = _FLV_HEADER
    while position < len(clip):
        kind, size = clip[position], int.from_bytes(clip[position + 1 : position + 4])
        at_ms = int.from_bytes(clip[position + 4 : position + 7]) | clip[position + 7] << 24
        body = clip[position + _TAG_HEADER : position + _TAG_HEADER + size]
        if kind in _CHUNK_STREAMS:
            yield _Tag(kind, at_ms, body)
        position += _TAG_HEADER + size + _PREVIOUS_SIZE


def _run(port: int, clip: bytes, length_ms: int, keys: list[str]) -> None:
    tags = list(_tags(clip))
    announcements = b"".join(tag.message() for tag in tags if tag.announces)
    ticks = list(_ticks([tag for tag in tags if not tag.announces and tag.at_ms < length_ms]))
    encoders: list[_Encoder] = []
    threading.Thread(target=_connect_all, args=(port, keys, encoders), daemon=True).start()
    began_at = time.monotonic()
    for later_ms in range(0, sys.maxsize, length_ms):
        for tick in ticks:
            time.sleep(max(0.0, began_at + (tick[0].at_ms + later_ms) / 1000 - time.monotonic()))
            _send(tick, encoders, announcements, later_ms=later_ms)


def _connect_all(port: int, keys: list[str], encoders: list[_Encoder]) -> None:
    """Let one after the other come: a hundred encoders do not in the same moment."""
    with ExitStack() as connections:
        for number, key in enumerate(keys):
            # Few are let in from one address.
            source = f"127.0.1.{1 + number // _PER_ADDRESS}"
            encoder = connections.enter_context(rtmp.peer(port, source=source))
            encoder.connect()
            encoder.connection.sendall(rtmp.chunk_size(_CHUNK))
            encoder.publish(key)
            encoder.await_word(b"NetStream.Publish.Start")
            encoder.connection.setblocking(False)
            encoders.append(_Encoder(encoder.connection))
            print(key, flush=True)
            time.sleep(_BETWEEN_S)
        threading.Event().wait()


def _ticks(media: list[_Tag]) -> Iterator[list[_Tag]]:
    """Yield what is sent at once: a picture with the sound that belongs to it; key frames are first."""
    tick: list[_Tag] = []
    for tag in media:
        if tick and tag.kind == _VIDEO:
            yield tick
            tick = []
        tick.append(tag)
    yield tick


def _send(tick: list[_Tag], encoders: list[_Encoder], announcements: bytes, *, later_ms: int) -> None:
    piece = b"".join(tag.message(later_ms=later_ms) for tag in tick)
    for encoder in encoders:
        if encoder.is_on_air:
            encoder.send(piece)
        elif tick[0].is_key_frame:
            encoder.is_on_air = True
            encoder.send(announcements + piece)


if __name__ == "__main__":
    _run(int(sys.argv[1]), Path(sys.argv[2]).read_bytes(), int(float(sys.argv[3]) * 1000), sys.stdin.read().split())
