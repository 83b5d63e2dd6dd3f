"""Passing bytes on, both ways, between a program and the server that it was let out to."""

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
PIECE_BYTES = 256 * 1024
# Nothing in either direction: media and uploads never pause for so long.
IDLE_S = 120.0
# As ffmpeg reads it, which takes any version, and no line further than that. A second beginning within the first word
# begins anew: else who sends thousands of them has each looked at as far as the last.
_REDIRECT = re.compile(rb"RTSP/(?:(?!RTSP/)\S)*[ \t]+[+0]*3\d\d")
_LINE_BYTES = 4096


class RedirectedError(Exception):
    """An RTSP server sends its client elsewhere: it would go there past the proxy."""


class Redirects:
    """Looks at what an RTSP server says."""

    def __init__(self) -> None:
        self._tail = b""

    def check(self, piece: bytes) -> None:
        """Look at what comes next.

        :raises RedirectedError: when it sends its client elsewhere.
        """
        text = self._tail + piece
        if _REDIRECT.search(text):
            raise RedirectedError
        self._tail = text[text.rfind(b"\n") + 1 :][-_LINE_BYTES:]


async def splice(client: Streams, server: Streams, *, check: Callable[[bytes], None] | None = None) -> None:
    """Pass on both ways until both have ended, or the server has, or nothing comes for too long.

    `check` is shown each piece that the server sends before it is passed on, and ends it by what it raises, which is
    raised here.
    """
    moved = asyncio.Event()
    up = asyncio.create_task(_copy(client[0], server[1], moved))
    down = asyncio.create_task(_copy(server[0], client[1], moved, check=check))
    idle = asyncio.create_task(_until_idle(moved))
    try:
        # A client that has said all still gets its answer.
        await asyncio.wait({down, idle}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (up, down, idle):
            task.cancel()
        server[1].transport.abort()
        for task in (up, idle, down):
            with suppress(asyncio.CancelledError, OSError):
                await task


async def _copy(
    source: asyncio.StreamReader,
    target: asyncio.StreamWriter,
    moved: asyncio.Event,
    *,
    check: Callable[[bytes], None] | None = None,
) -> None:
    while piece := await source.read(PIECE_BYTES):
        moved.set()
        if check is not None:
            check(piece)
        target.write(piece)
        await target.drain()
        moved.set()
    if target.can_write_eof():
        target.write_eof()


async def _until_idle(moved: asyncio.Event) -> None:
    with suppress(TimeoutError):
        while True:
            async with asyncio.timeout(IDLE_S):
                await moved.wait()
            moved.clear()
