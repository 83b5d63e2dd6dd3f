"""HTTPS for a program that speaks plain HTTP alone, through the proxy that it goes out by.

A program that opened TLS by itself would check no certificate of what a playlist names, and would need a protocol that
a playlist can name as well, to go past the proxy. So it is given addresses of plain HTTP: those of its source, and
those in the playlists and redirects that come back. Which of them mean HTTPS is kept here, and the proxy speaks it.
"""

import asyncio
import re
from dataclasses import dataclass, field

# Servers that one source names; a longer list is somebody's game.
_SERVERS_MAX = 256
_PLAYLIST_BYTES = 4 * 1024 * 1024
_PLAYLIST = b"#EXTM3U"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_HTTPS = re.compile(
    rb"(?:https:|(?P<bare>(?m:^)|(?<=\")))//(?P<user>[^\s/\"@]*@)?(?P<host>[0-9A-Za-z._-]+|\[[0-9A-Fa-f:.]+\])"
    rb"(?::(?P<port>[0-9]{1,5}))?"
)
_LOCATION = re.compile(rb"(?im)^(location:[ \t]*)([^\r\n]*)")
_LENGTH = re.compile(rb"(?im)^content-length:[ \t]*([0-9]{1,15})[ \t]*\r?$")
_CHUNKED = re.compile(rb"(?im)^transfer-encoding:[^\r\n]*chunked")
_TYPE = re.compile(rb"(?im)^content-type:[^\r\n]*\r\n")


class TooManyServersError(Exception):
    """A source names more servers than any that means well."""


@dataclass
class Upgrades:
    """Which servers are spoken HTTPS to, for one program."""

    servers: set[tuple[str, int]] = field(default_factory=set)

    def add(self, host: str, port: int) -> None:
        """Have HTTPS spoken to a server.

        :raises TooManyServersError: when there are too many.
        """
        self.servers.add((host.lower(), port))
        if len(self.servers) > _SERVERS_MAX:
            raise TooManyServersError

    def means_https(self, host: str, port: int) -> bool:
        return (host.lower(), port) in self.servers

    def rewritten(self, text: bytes, *, is_secure: bool) -> bytes:
        """Return a text whose addresses of HTTPS are plain; `is_secure`: it came by HTTPS, as what has no scheme goes.

        :raises TooManyServersError: when it names too many servers.
        """

        def plain(found: re.Match[bytes]) -> bytes:
            if found["bare"] is not None and not is_secure:
                return found[0]
            host, port = found["host"], int(found["port"] or 443)
            self.add(host.decode().strip("[]"), port)
            return b"http://" + (found["user"] or b"") + host + b":" + str(port).encode()

        return _HTTPS.sub(plain, text)


async def pass_beginning(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, upgrades: Upgrades, *, is_secure: bool
) -> bool:
    """Pass an answer's beginning on, or all of it where it is a playlist; tell whether more is to be passed on.

    :raises TooManyServersError: when it names too many servers.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        writer.write(error.partial)
        return False
    except asyncio.LimitOverrunError:
        return True  # No HTTP, or a head that nobody reads.
    head = _LOCATION.sub(lambda found: found[1] + upgrades.rewritten(found[2], is_secure=is_secure), head)
    body = _Body(reader, head)
    beginning = await body.read(len(_BYTE_ORDER_MARK + _PLAYLIST))
    if not beginning.removeprefix(_BYTE_ORDER_MARK).startswith(_PLAYLIST):
        writer.write(head + body.raw)
        return True
    playlist = beginning + await body.read(_PLAYLIST_BYTES)
    plain = upgrades.rewritten(playlist, is_secure=is_secure)
    kind = found[0] if (found := _TYPE.search(head)) else b""
    length = b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(plain)
    writer.write(head.partition(b"\r\n")[0] + b"\r\n" + kind + length + plain)
    return False


class _Body:
    """Reads an answer's body; `raw` is what it has read, as it came."""

    def __init__(self, reader: asyncio.StreamReader, head: bytes) -> None:
        self._reader = reader
        self._is_chunked = bool(_CHUNKED.search(head))
        length = _LENGTH.search(head)
        # Of the body or the chunk; None: until the server hangs up.
        self._left = 0 if self._is_chunked else int(length[1]) if length else None
        self._has_begun = self._is_over = False
        # Of any number of pieces: each is put behind the others without moving them.
        self.raw = bytearray()

    async def read(self, count: int) -> bytes:
        """Return so many bytes, or all that there are."""
        found = bytearray()
        while len(found) < count and not self._is_over:
            if self._is_chunked and not self._left:
                await self._begin_chunk()
            wanted = count - len(found) if self._left is None else min(count - len(found), self._left)
            piece = await self._reader.read(wanted) if wanted else b""
            self._is_over = not piece
            self.raw += piece
            found += piece
            if self._left is not None:
                self._left -= len(piece)
        return bytes(found)

    async def _begin_chunk(self) -> None:
        # Whoever sends it in chunks of a byte has thousands of them read at once: others have their turn in between.
        await asyncio.sleep(0)
        try:
            ended = await self._reader.readexactly(2) if self._has_begun else b""
            line = await self._reader.readuntil(b"\r\n")
            self._left = int(line.partition(b";")[0], 16)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            self._left, self._is_over = 0, True
            return
        self._has_begun = True
        self.raw += ended + line
