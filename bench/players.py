"""Players that do nothing but wait for a playlist's next state, thousands in one process.

Run by `python -m bench.players PORT PLAYERS PARTS_PER_SEGMENT FIRST_MSN PATH`. Prints a line once all wait; ends when
its input does, and prints when each answer had come: lines of segment, part and seconds of the monotonic clock.
"""

import asyncio
import sys
import time
from typing import cast

import uvloop

from livehub import open_files

# As many connections come from one address.
_PER_ADDRESS = 1000
_AT_ONCE = 200


class Player(asyncio.Protocol):
    """Asks for the state with a part, then for the one with the next."""

    _transport: asyncio.Transport

    def __init__(self, crowd: "Crowd") -> None:
        self._crowd = crowd
        self._msn, self._part = crowd.first_msn, 0
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def _ask(self) -> None:
        self._transport.write(self._crowd.question(self._msn, self._part))

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, end, body = self._read.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            return
        self._crowd.answers.append((self._msn, self._part, time.monotonic()))
        if not head.startswith(b"HTTP/1.1 200"):
            self._crowd.failures += 1
            self._transport.close()
            return
        self._read = b""
        self._part += 1
        if self._part == self._crowd.parts:
            self._msn, self._part = self._msn + 1, 0
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        self._crowd.left += 1


class Crowd:
    """All of them."""

    def __init__(self, port: int, *, parts: int, first_msn: int, path: str) -> None:
        self._port = port
        self._path = path
        self.parts = parts
        self.first_msn = first_msn
        self.answers: list[tuple[int, int, float]] = []
        self.failures = 0
        self.left = 0

    def question(self, msn: int, part: int) -> bytes:
        query = f"_HLS_msn={msn}&_HLS_part={part}"
        head = f"GET {self._path}?{query} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nAccept-Encoding: gzip\r\n\r\n"
        return head.encode()

    async def come(self, count: int) -> None:
        for begin in range(0, count, _AT_ONCE):
            await asyncio.gather(*map(self._join, range(begin, min(begin + _AT_ONCE, count))))

    async def _join(self, number: int) -> None:
        source = (f"127.0.1.{1 + number // _PER_ADDRESS}", 0)
        await asyncio.get_running_loop().create_connection(
            lambda: Player(self), "127.0.0.1", self._port, local_addr=source
        )


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])


async def _run(crowd: Crowd, *, count: int) -> None:
    await crowd.come(count)
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def main(port: str, count: str, parts: str, first_msn: str, path: str) -> None:
    open_files.allow_all()
    crowd = Crowd(int(port), parts=int(parts), first_msn=int(first_msn), path=path)
    uvloop.run(_run(crowd, count=int(count)))
    # Those that are cut off by our own end do not count.
    print(crowd.failures)
    for msn, part, at_s in crowd.answers:
        print(msn, part, at_s)


if __name__ == "__main__":
    main(*sys.argv[1:])
