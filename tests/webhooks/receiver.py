"""Receivers of webhooks: real servers on loopback that answer as they are told to."""

import asyncio
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import ClassVar

from tests.services import HANG_S, wait_until

_STEP_S = 0.2


@dataclass(frozen=True)
class Received:
    path: str
    headers: Mapping[str, str]
    body: bytes
    at_s: float

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass(frozen=True)
class Reply:
    """What a receiver does; `end` says how an answer ends that is none."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    end: str = ""

    RESET: ClassVar["Reply"]
    HANG: ClassVar["Reply"]
    DRIP: ClassVar["Reply"]
    NOISE: ClassVar["Reply"]


Reply.RESET, Reply.HANG, Reply.DRIP, Reply.NOISE = (Reply(end=end) for end in ("reset", "hang", "drip", "noise"))

Behaviour = Callable[[Received], Reply]


class Receiver:
    """Keeps what it got, in the order in which it got it; answers 200 unless told otherwise."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.received: list[Received] = []
        # Those of them that it said yes to.
        self.taken: list[Received] = []
        self.connections = 0
        self.behave: Behaviour = lambda _: Reply()
        self.port = 0
        self._tls = tls
        self._loop = asyncio.new_event_loop()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/hook"

    @property
    def bodies(self) -> list[bytes]:
        return [received.body for received in self.received]

    def wait(self, count: int, *, timeout_s: float = HANG_S) -> list[Received]:
        """Return what came, once it is that much."""
        what = f"{count} deliveries (came: {len(self.received)})"
        wait_until(lambda: len(self.received) >= count, timeout_s=timeout_s, what=what)
        return self.received

    @contextmanager
    def open(self, port: int = 0) -> Iterator["Receiver"]:
        is_open = threading.Event()
        thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._serve(port, is_open)), daemon=True)
        thread.start()
        assert is_open.wait(10)
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._ends.set)
            thread.join(10)

    async def _serve(self, port: int, is_open: threading.Event) -> None:
        self._ends = asyncio.Event()
        self._tasks = set[asyncio.Task[None]]()
        server = await asyncio.start_server(self._talk, "127.0.0.1", port, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        is_open.set()
        await self._ends.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await self._answer(reader, writer):
                pass
        writer.close()
        self._tasks.discard(task)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Read one request and answer it; return whether another may follow."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = head.split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        received = Received(lines[0].split(" ")[1], headers, body, time.monotonic())
        reply = self.behave(received)
        self.received.append(received)
        if not reply.end and 200 <= reply.status < 300:
            self.taken.append(received)
        if reply.end:
            await self._break_off(writer, reply.end)
            return False
        extra = "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
        writer.write(f"HTTP/1.1 {reply.status} X\r\n{extra}content-length: {len(reply.body)}\r\n\r\n".encode())
        writer.write(reply.body)
        await writer.drain()
        return True

    async def _break_off(self, writer: asyncio.StreamWriter, end: str) -> None:
        if end == "reset":
            writer.transport.abort()
        elif end == "hang":
            await self._ends.wait()
        elif end == "noise":
            writer.write(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
        else:
            for piece in b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n" + b"x: y\r\n" * 1000:
                writer.write(bytes([piece]))
                await writer.drain()
                await asyncio.sleep(_STEP_S)
