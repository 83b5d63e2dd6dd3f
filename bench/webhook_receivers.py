"""Receivers of webhooks that cost next to nothing: they write down what came when.

Run by `python -m bench.webhook_receivers FILE PORT [PORT...]`; one below 0 hangs at that port.
"""

import asyncio
import re
import sys
import time
from functools import partial
from pathlib import Path
from typing import TextIO, cast

import uvloop

_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_EVENT = re.compile(rb'"name":"([^"]*)"')


class Receiver(asyncio.Protocol):
    def __init__(self, log: TextIO, *, hangs: bool) -> None:
        self._log, self._hangs = log, hangs
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's are none of asyncio's by their class.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._buffer[:end])
            whole = end + 4 + int(length[1] if length else 0)
            if len(self._buffer) < whole:
                return
            request, self._buffer = self._buffer[:whole], self._buffer[whole:]
            if not self._hangs:
                self._answer(request)

    def _answer(self, request: bytes) -> None:
        found = _EVENT.search(request)
        self._log.write(f"{time.monotonic()} {found[1].decode() if found else '-'}\n")
        self._transport.write(_ANSWER)


async def _serve(path: Path, ports: list[int]) -> None:
    loop = asyncio.get_running_loop()
    with path.open("w", buffering=1) as log:
        for port in ports:
            await loop.create_server(partial(Receiver, log, hangs=port < 0), "127.0.0.1", abs(port))
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve(Path(sys.argv[1]), [int(port) for port in sys.argv[2:]]))
