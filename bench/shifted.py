"""An encoder whose sound or picture says other times than it should, which ffmpeg itself never sends.

Its FLV comes on standard input: `ffmpeg ... -f flv - | python -m bench.shifted URL TYPE BY_MS FROM_MS UNTIL_MS`. Tags
of that type (8 is sound, 9 is picture) and of those times say `BY_MS` more, all else is sent as it is.
"""

import asyncio
import ssl
import sys
from dataclasses import astuple, dataclass

from streams.media.flv import TagReader, TagType
from streams.media.rtmp.addresses import parse_target
from streams.media.rtmp.chunks import MessageType
from streams.media.rtmp.connection import Ways, connected

_PIECE = 64 << 10
_WAYS = Ways(
    is_refused=lambda _: False, refused_ports=frozenset(), tls=ssl.create_default_context(), describe_certificate=str
)


@dataclass(frozen=True)
class Shift:
    """`until_ms` is none of them."""

    type: TagType
    by_ms: int
    from_ms: int = 0
    until_ms: int = 1 << 31

    def argv(self, url: str) -> list[str]:
        """Return the command that sends."""
        return [sys.executable, "-m", "bench.shifted", url, *(str(int(value)) for value in astuple(self))]

    def of(self, type: int, at_ms: int) -> int:
        """Return the time that a tag says instead."""
        return at_ms + self.by_ms if type == self.type and self.from_ms <= at_ms < self.until_ms else at_ms


async def _send(url: str, shift: Shift) -> None:
    reader, source = TagReader(), asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(source), sys.stdin)
    async with connected(parse_target(url, ""), _WAYS) as connection:
        await connection.publish()
        listening = asyncio.create_task(connection.listen())
        while not listening.done() and (piece := await source.read(_PIECE)):
            for tag in reader.feed(piece):
                if tag.type != TagType.SCRIPT:
                    at_ms = shift.of(tag.type, tag.timestamp_ms)
                    connection.send(MessageType(tag.type), tag.body, timestamp_ms=at_ms)
            await connection.drain()
        listening.cancel()


if __name__ == "__main__":
    url, type, *times_ms = sys.argv[1:]
    asyncio.run(_send(url, Shift(TagType(int(type)), *map(int, times_ms))))
