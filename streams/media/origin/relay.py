"""In front of an origin on another host: asks it once for all who want the same here.

It asks with the token of one of them. Where that one may not, he alone is refused, and another one's is tried.
Playlists are passed on and not kept, so none is ever stale. Files never change: they are fetched once, kept in a
folder that nginx serves from, and removed again when they are old or too many. Of recordings' media nginx asks for
ranges, and keeps them itself.
"""

import asyncio
import logging
import re
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import httpx

from streams.media.origin import answers
from streams.media.origin.answers import Reply
from streams.media.origin.hub import Hub
from streams.media.origin.requests import Request, Wanted, target_of
from streams.media.origin.session import Group, Waiter

logger = logging.getLogger(__name__)

# Longer than any answer of an origin takes.
_BOUND_S = 20.0
# Of one session, questions that wait for what comes next: a few for each rendition, unless somebody makes them up.
_WAITING_AT_MOST = 256
_PLAYLIST_BYTES_AT_MOST = 16 << 20
_PIECE_BYTES = 256 * 1024
_FILE_BYTES_AT_MOST = 256 << 20
_SWEEP_S = 10.0
# A broadcast that is removed at its origin is soon gone here, too.
_KEPT_S = 600
_PLACE = re.compile(r"[0-9a-f-]{36}/index\.m3u8")
_PASSED_ON = ("Content-Type", "Cache-Control", "Content-Encoding", "Vary")
# Of a range of what never changes: who may keep it, nginx says.
_PASSED_ON_OF_RANGE = ("Content-Type", "Content-Range", "ETag", "Last-Modified")


class _Crowd(Group):
    """All who wait for the same answer, with what they may have it for."""

    def __init__(self, request: Request) -> None:
        super().__init__(request)
        self._tokens: dict[Waiter, str] = {}

    @property
    def token(self) -> str:
        """The token of who has waited longest; of none where nobody waits any more, and it is fetched nevertheless."""
        return next(iter(self._tokens.values()), self.request.token)

    def join(self, client: Waiter, token: str) -> None:
        self.clients[client] = None
        self._tokens[client] = token
        client.group = self

    def leave(self, client: Waiter) -> None:
        super().leave(client)
        self._tokens.pop(client, None)

    def refuse(self, token: str) -> None:
        """Tell those who have that token that it opens nothing."""
        for client in [client for client, held in self._tokens.items() if held == token]:
            self.leave(client)
            client.group = None
            client.send(answers.failure(403))


class _RefusedError(Exception):
    """The origin does not let in who has this token."""


class Relay:
    """All questions that are open at the origin, each with who waits for its answer here."""

    def __init__(self, hub: Hub, root: Path, *, bytes_at_most: int) -> None:
        self._hub = hub
        self._root = root
        self._bytes_at_most = bytes_at_most
        self._crowds: dict[tuple[Wanted, bool], _Crowd] = {}
        # How many of each session's are open that wait.
        self._waiting = Counter[str]()
        self._asking: set[asyncio.Task[None]] = set()

    def ask(self, client: Waiter, request: Request) -> None:
        """Have the client answered as the origin answers; at once with what is there where too much is waited for."""
        key = (request.wanted, request.takes_gzip and not _is_kept(request.wanted))
        if key not in self._crowds and self._waiting[request.wanted.folder] >= _WAITING_AT_MOST:
            key = (replace(request.wanted, msn=None, part=None), key[1])
        crowd = self._crowds.get(key)
        if crowd is None:
            crowd = self._crowds[key] = _Crowd(request)
            self._waiting[key[0].folder] += _waits(key[0])
            task = asyncio.get_running_loop().create_task(self._ask_origin(key, crowd))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        crowd.join(client, request.token)

    async def _ask_origin(self, key: tuple[Wanted, bool], crowd: _Crowd) -> None:
        try:
            async with asyncio.timeout(_BOUND_S):
                answer = await self._answer(key, crowd)
        except (httpx.HTTPError, TimeoutError, OSError) as error:
            logger.warning("the origin does not answer path=%s: %r", target_of(key[0]), error)
            answer = answers.failure(502)
        except Exception:  # Without an answer all who ask for this would wait from now on.
            logger.exception("a question cannot be passed on path=%s", target_of(key[0]))
            answer = answers.failure(502)
        del self._crowds[key]
        self._waiting[key[0].folder] -= _waits(key[0])
        # Else it would hold the name of every session that there ever was.
        self._waiting += Counter()
        crowd.answer(answer)

    async def _answer(self, key: tuple[Wanted, bool], crowd: _Crowd) -> Reply:
        """Ask with one token after the other, for as long as there are some."""
        wanted, takes_gzip = key
        while True:
            token = crowd.token
            fetched = self._file(wanted, token) if _is_kept(wanted) else self._passed_on(wanted, token, takes_gzip)
            try:
                return await fetched
            except _RefusedError:
                crowd.refuse(token)
                if not crowd.clients:
                    return answers.failure(403)

    async def _passed_on(self, wanted: Wanted, token: str, takes_gzip: bool) -> Reply:
        headers = {"Accept-Encoding": "gzip" if takes_gzip else "identity"}
        if wanted.byte_range:
            headers = {"Accept-Encoding": "identity", "Range": wanted.byte_range}
        # What another machine has is one file of it; which recording is the newest, players have to know themselves.
        follows = _leads_elsewhere(wanted)
        async with self._hub.get(target_of(wanted), token=token, headers=headers, follows=follows) as response:
            if response.status_code == 302 and (there := _within(response)):
                return answers.answer(302, {"Location": there, "Cache-Control": "no-store"}, b"")
            if response.status_code != (206 if wanted.byte_range else 200):
                return _failure(response)
            body = bytearray()
            async for piece in response.aiter_raw(_PIECE_BYTES):
                body += piece
                if len(body) > _PLAYLIST_BYTES_AT_MOST:
                    return answers.failure(502)
            names = _PASSED_ON_OF_RANGE if wanted.byte_range else _PASSED_ON
            passed_on = {name: response.headers[name] for name in names if name in response.headers}
            return answers.answer(response.status_code, passed_on, bytes(body))

    async def _file(self, wanted: Wanted, token: str) -> Reply:
        folder = self._root / wanted.folder / wanted.slot
        path = folder / wanted.file_name
        headers = {"Accept-Encoding": "identity"}
        async with self._hub.get(target_of(wanted), token=token, headers=headers) as response:
            if response.status_code != 200:
                return _failure(response)
            folder.mkdir(parents=True, exist_ok=True)
            draft = folder / f".{wanted.file_name}"
            size = 0
            with draft.open("wb") as file:
                async for piece in response.aiter_raw(_PIECE_BYTES):
                    size += file.write(piece)
                    if size > _FILE_BYTES_AT_MOST:
                        break
            if str(size) != response.headers.get("Content-Length"):
                draft.unlink()
                return answers.failure(502)
            draft.replace(path)
        return answers.file(f"{wanted.folder}/{wanted.slot}/{wanted.file_name}")

    async def look_after(self) -> None:
        """Remove what is old or too much; never returns."""
        while True:
            await asyncio.get_running_loop().run_in_executor(None, make_room, self._root, self._bytes_at_most)
            await asyncio.sleep(_SWEEP_S)


def make_room(root: Path, bytes_at_most: int) -> None:
    """Remove files that are old, the oldest of those that are too many, and folders that nothing is in."""
    kept = sorted(
        ((path.stat(), path) for path in root.rglob("*") if path.is_file()), key=lambda found: found[0].st_mtime
    )
    excess = sum(stat.st_size for stat, _ in kept) - bytes_at_most
    before = time.time() - _KEPT_S
    for stat, path in kept:
        if stat.st_mtime >= before and excess <= 0:
            break
        path.unlink(missing_ok=True)
        excess -= stat.st_size
    for folder in sorted((path for path in root.rglob("*") if path.is_dir()), reverse=True):
        if folder.stat().st_mtime < before:
            # One with something in it stays.
            with suppress(OSError):
                folder.rmdir()


def _is_kept(wanted: Wanted) -> bool:
    """Tell what never changes."""
    return bool(wanted.slot and wanted.file_name)


def _leads_elsewhere(wanted: Wanted) -> bool:
    """Tell what may lie at another machine than the origin: what is played of one recording."""
    return "/recordings/" in wanted.folder


def _within(response: httpx.Response) -> str:
    """Return where else it lies in the same folder, empty where it lies anywhere else: others' tokens stand in that."""
    there = response.headers.get("Location", "")
    return there if _PLACE.fullmatch(there) else ""


def _waits(wanted: Wanted) -> bool:
    return wanted.msn is not None


def _failure(response: httpx.Response) -> Reply:
    """Return what is told here: what is wrong between the two of us is nobody's fault who asks.

    :raises _RefusedError: when another token may open it.
    """
    if response.status_code == 403:
        raise _RefusedError
    if response.status_code == 429:
        # We ask too much at once, not who asks here.
        return answers.failure(503)
    return answers.failure(response.status_code if response.status_code in {400, 404, 416, 503} else 502)
