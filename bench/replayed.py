"""Simulated viewers (tests/analytics/crowds.py) as real ones: what each line tells of is fetched in its time."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress

_PATIENCE_S = 30


def replay(lines: Iterable[tuple[float, bytes]], *, port_of: Callable[[str], int], shift_s: float) -> int:
    """Fetch what each line tells of, so much later than it says; return how many requests were answered.

    `port_of` says which edge a client's address goes to. Clients come from addresses of the loopback network, one for
    each that the lines name.
    """
    return asyncio.run(_replay(lines, port_of, shift_s))


async def _replay(lines: Iterable[tuple[float, bytes]], port_of: Callable[[str], int], shift_s: float) -> int:
    by_client: dict[tuple[str, str, str, str], list[tuple[float, str]]] = defaultdict(list)
    for at_s, raw in lines:
        told = json.loads(raw)
        by_client[told["a"], told["g"], told["k"], told["p"]].append((at_s + shift_s, told["u"]))
    clients = (_Client(*client, port=port_of(client[0])).fetch(sorted(told)) for client, told in by_client.items())
    return sum(await asyncio.gather(*clients))


class _Client:
    """All of one client's requests, over one connection as long as that lasts."""

    def __init__(self, address: str, agent: str, cmcd: str, apple: str, *, port: int) -> None:
        self._address, self._port = f"127.{address.partition('.')[2]}", port
        headers = {"User-Agent": agent, "CMCD-Session": cmcd, "X-Playback-Session-Id": apple, "Host": "localhost"}
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def fetch(self, told: list[tuple[float, str]]) -> int:
        for at_s, path in told:
            await asyncio.sleep(max(0.0, at_s - time.time()))
            async with asyncio.timeout(_PATIENCE_S):
                try:
                    await self._get(path)
                except (ConnectionError, asyncio.IncompleteReadError):
                    # It was closed for nobody had asked for long.
                    self._close()
                    await self._get(path)
        self._close()
        return len(told)

    async def _get(self, path: str) -> None:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port, local_addr=(self._address, 0))
        reader, writer = self._streams
        writer.write(f"GET {path} HTTP/1.1\r\n{self._headers}\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert head.startswith(b"http/1.1 200"), (path, head)
        await reader.readexactly(int(head.partition(b"content-length:")[2].partition(b"\r\n")[0]))

    def _close(self) -> None:
        if self._streams is not None:
            with suppress(OSError):
                self._streams[1].close()
        self._streams = None
