"""The sessions that somebody asks for: loaded when they do, watched while they wait, forgotten when nobody comes."""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from streams.media.origin import answers
from streams.media.origin.requests import Request
from streams.media.origin.session import OriginSession, Waiter

logger = logging.getLogger(__name__)

# A nudge may get lost; then a playlist is late by that.
_LOOK_S = 1.0
_LOAD_BOUND_S = 10.0
_FORGET_AFTER_S = 60.0
# A few journals at a time: the loop needs the processor, too.
_LOADERS = 2


class Kept:
    """A session with when it was asked for, and read, the last time."""

    def __init__(self, session: OriginSession) -> None:
        self.session = session
        self.asked_at = self.read_at = time.monotonic()
        # Who came before it was loaded.
        self.early: list[tuple[Waiter, Request]] = []
        self.is_loading = True


class Sessions:
    """All of them, by their folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._kept: dict[str, Kept] = {}
        self._nudged: set[str] = set()
        self._loaders = ThreadPoolExecutor(_LOADERS, thread_name_prefix="load")
        self._loading: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._kept)

    def ask(self, client: Waiter, request: Request) -> None:
        """Have the client answered, now or later."""
        folder = request.wanted.folder
        kept = self._kept.get(folder)
        if kept is None and request.wanted.slot:
            kept = self._load(folder)
        if kept is None:
            client.send(answers.failure(404))
        elif kept.is_loading:
            kept.early.append((client, request))
        else:
            self._ask(kept, client, request)

    def _ask(self, kept: Kept, client: Waiter, request: Request) -> None:
        kept.asked_at = time.monotonic()
        if kept.asked_at - kept.read_at >= _LOOK_S and not kept.session.lost_with:
            self._refresh(kept)
        kept.session.ask(client, request)

    def nudge(self, folder: str) -> None:
        """Take note that something was written there; many such notes are read as one."""
        if folder in self._kept:
            if not self._nudged:
                asyncio.get_running_loop().call_soon(self._read_nudged)
            self._nudged.add(folder)

    def _read_nudged(self) -> None:
        nudged, self._nudged = self._nudged, set()
        for folder in nudged:
            kept = self._kept.get(folder)
            if kept is not None and not kept.is_loading and not kept.session.lost_with:
                self._refresh(kept)

    def _refresh(self, kept: Kept) -> None:
        kept.read_at = time.monotonic()
        kept.session.refresh()

    async def look_after(self) -> None:
        """Read what somebody waits for, and forget what nobody does; never returns."""
        while True:
            await asyncio.sleep(_LOOK_S)
            now = time.monotonic()
            for kept in list(self._kept.values()):
                if kept.is_loading:
                    continue
                if kept.session.has_waiters:
                    self._refresh(kept)
                elif kept.session.lost_with or now - kept.asked_at > _FORGET_AFTER_S:
                    self._kept.pop(kept.session.folder, None)

    def _load(self, folder: str) -> Kept | None:
        if not (self._root / folder).is_dir():
            return None
        kept = self._kept[folder] = Kept(OriginSession(self._root, folder))
        task = asyncio.get_running_loop().create_task(self._load_in_thread(kept))
        self._loading.add(task)
        task.add_done_callback(self._loading.discard)
        return kept

    async def _load_in_thread(self, kept: Kept) -> None:
        try:
            await asyncio.wait_for(self._in_thread(kept.session.load), _LOAD_BOUND_S)
        except FileNotFoundError:
            kept.session.lose(404)
        except Exception:  # Without an end to this all who ask for it would wait from now on.
            logger.exception("the journals cannot be read folder=%s", kept.session.folder)
            kept.session.lose(503)
        self._loaded(kept)

    async def _in_thread(self, work: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._loaders, work)

    def _loaded(self, kept: Kept) -> None:
        kept.is_loading = False
        for client, request in kept.early:
            self._ask(kept, client, request)
        kept.early.clear()
