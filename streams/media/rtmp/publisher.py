"""A broadcast's targets: which there are is said line by line, and what becomes of them is told in the same way.

Lines are JSON. Commands: `{"do": "put", "id", "url", "key", "most_lines"}` adds a target, or changes it; `remove` and
`retry` name one; `alive` says that somebody is there; `finish` ends all of them once everything was sent. When nobody
says anything for long, all end at once: whoever hangs is followed by another one, with a publisher of its own.
Told is a line for each target about once a second, and at once when its state changes; `{"alive": true}` after them.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from streams.media.rtmp.connection import Ways
from streams.media.rtmp.feed import Feed
from streams.media.rtmp.target import SimulcastTarget, WantedTarget

_READ_S = 0.1
_TELL_S = 1.0
# Of the end: what a slow target has not taken by then, it does not get.
FINISH_S = 5.0
# Without a command. A worker whose broadcast another one takes over has been silent for about as long.
LEASH_S = 6.0


class SimulcastPublisher:
    """Sends the broadcast whose files are in that folder; `tell` takes lines."""

    def __init__(self, folder: Path, ways: Ways, tell: Callable[[str], None]) -> None:
        self._feed = Feed(folder)
        self._ways = ways
        self._tell = tell
        self._targets: dict[str, tuple[SimulcastTarget, asyncio.Task[None]]] = {}
        # They say goodbye.
        self._leaving: set[asyncio.Task[None]] = set()

    async def run(self, commands: asyncio.StreamReader) -> None:
        """Do as is said until the broadcast is over, or nobody is left to say anything.

        Whatever goes wrong with all of it is raised: who runs the broadcast starts another publisher.
        """
        deeds = [asyncio.ensure_future(deed) for deed in (self._obey(commands), self._read_on(), self._tell_on())]
        try:
            done, _ = await asyncio.wait(deeds, return_when=asyncio.FIRST_COMPLETED)
            for deed in done:
                deed.result()
        finally:
            for deed in deeds:
                deed.cancel()

    async def _obey(self, commands: asyncio.StreamReader) -> None:
        while line := await _next_line(commands):
            command = json.loads(line)
            if command["do"] == "finish":
                await self._finish()
                return
            if command["do"] != "alive":
                self._do(command)

    def _do(self, command: dict[str, str]) -> None:
        target_id = command["id"]
        target, task = self._targets.get(target_id, (None, None))
        if command["do"] == "retry":
            if target is not None:
                target.retry()
            return
        wanted = None
        if command["do"] == "put":
            wanted = WantedTarget(command["url"], command["key"], int(command["most_lines"]))
        if target is not None and task is not None and target.wanted != wanted:
            self._let_go(target_id, task)
            target = None
        if target is None and wanted is not None:
            self._begin(target_id, wanted)

    def _begin(self, target_id: str, wanted: WantedTarget) -> None:
        target = SimulcastTarget(
            wanted,
            self._ways,
            find_rendition=lambda most_lines: self._feed.rendition(most_lines=most_lines),
            changed=lambda: self._tell_of(target_id, target),
        )
        task = asyncio.ensure_future(target.run())
        self._targets[target_id] = (target, task)
        self._tell_of(target_id, target)

    def _let_go(self, target_id: str, task: asyncio.Task[None]) -> None:
        del self._targets[target_id]
        task.cancel()
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _finish(self) -> None:
        self._feed.read()
        for target, _ in self._targets.values():
            target.finish()
        tasks = [task for _, task in self._targets.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=FINISH_S)
        for task in tasks:
            task.cancel()
        if tasks or self._leaving:
            await asyncio.wait([*tasks, *self._leaving], timeout=FINISH_S)

    async def _read_on(self) -> None:
        while True:
            if self._targets:
                self._feed.read()
            await asyncio.sleep(_READ_S)

    async def _tell_on(self) -> None:
        while True:
            for target_id, (target, _) in self._targets.items():
                self._tell_of(target_id, target)
            self._tell(json.dumps({"alive": True}))
            await asyncio.sleep(_TELL_S)

    def _tell_of(self, target_id: str, target: SimulcastTarget) -> None:
        self._tell(json.dumps({"id": target_id, **asdict(target.standing)}))


async def _next_line(commands: asyncio.StreamReader) -> bytes:
    """Return what is said next; nothing when nobody is there any more."""
    try:
        async with asyncio.timeout(LEASH_S):
            return await commands.readline()
    except TimeoutError:
        return b""
