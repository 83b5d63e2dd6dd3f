"""Players that all ask for the first time in one moment.

Run by `python -m bench.stampede PORT`, with their paths on standard input, one a line, one a player. Prints a line for
each: its status, 0 for none, and how many milliseconds it took.
"""

import asyncio
import sys
import time

import uvloop

from livehub import open_files

# As many connections come from one address.
_PER_ADDRESS = 1000
_AT_ONCE = 200
_BOUND_S = 30


class Player:
    """One connection, which is there before it is used: what is measured is the question."""

    def __init__(self, port: int, number: int, path: str) -> None:
        self._port = port
        self._source = (f"127.0.2.{1 + number // _PER_ADDRESS}", 0)
        self._question = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode()

    async def come(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, local_addr=self._source)

    async def ask(self) -> tuple[int, float]:
        """Return the status and milliseconds."""
        began = time.monotonic()
        self._writer.write(self._question)
        try:
            async with asyncio.timeout(_BOUND_S):
                line = await self._reader.readline()
        except (TimeoutError, OSError):
            line = b""
        self._writer.close()
        return int(line.split()[1]) if line else 0, (time.monotonic() - began) * 1000


async def _run(port: int, paths: list[str]) -> list[tuple[int, float]]:
    players = [Player(port, number, path) for number, path in enumerate(paths)]
    for begin in range(0, len(players), _AT_ONCE):
        await asyncio.gather(*(player.come() for player in players[begin : begin + _AT_ONCE]))
    return await asyncio.gather(*(player.ask() for player in players))


def main(port: str) -> None:
    open_files.allow_all()
    for status, took_ms in uvloop.run(_run(int(port), sys.stdin.read().split())):
        print(status, round(took_ms, 1))


if __name__ == "__main__":
    main(*sys.argv[1:])
