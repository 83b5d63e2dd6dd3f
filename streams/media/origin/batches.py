"""Questions of many to somebody slow: those that come while one is under way go together into the next."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")
logger = logging.getLogger(__name__)

# Between two questions, so that few are asked for many.
_GATHERED_S = 0.05
# After a question that was not answered: nobody waits for the next one meanwhile.
_PAUSE_S = 2.0


class UnansweredError(Exception):
    """Nobody knows, for now."""


class Batches(Generic[Key, Answer]):
    """One question at a time, with all keys that somebody waits for; who waits for the same key waits together.

    `ask` returns the answers by their keys, and raises `UnansweredError` when there are none. It has its own bound.
    """

    def __init__(self, ask: Callable[[list[Key]], Awaitable[Mapping[Key, Answer]]], *, at_most: int) -> None:
        """`at_most` is how many keys go into one question."""
        self._ask = ask
        self._at_most = at_most
        self._waiting: dict[Key, asyncio.Future[Answer | None]] = {}
        self._asking: asyncio.Task[None] | None = None
        self._silent_until = 0.0
        # Whether the last question was not answered.
        self.is_failing = False

    def get(self, key: Key) -> "asyncio.Future[Answer | None]":
        """Return what will be the answer: None where there is none for this key.

        :raises UnansweredError: at once, shortly after a question that was not answered; the future does so later.
        """
        if time.monotonic() < self._silent_until:
            raise UnansweredError
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = asyncio.get_running_loop().create_future()
            # Nobody may have waited for it.
            waiting.add_done_callback(lambda future: future.exception())
        if self._asking is None:
            self._asking = asyncio.get_running_loop().create_task(self._ask_all())
        return waiting

    async def _ask_all(self) -> None:
        try:
            while self._waiting:
                keys = [*self._waiting][: self._at_most]
                waiting = {key: self._waiting.pop(key) for key in keys}
                await self._ask_for(waiting)
                await asyncio.sleep(_GATHERED_S)
        finally:
            self._asking = None

    async def _ask_for(self, waiting: dict[Key, "asyncio.Future[Answer | None]"]) -> None:
        try:
            answers = await self._ask([*waiting])
        except UnansweredError as error:
            logger.warning("not answered, and not asked again for %.0f s: %s", _PAUSE_S, error)
            self._fall_silent(waiting)
        except Exception:  # Whoever waits is told, whatever the answer was made of.
            logger.exception("an answer makes no sense, and nobody asks again for %.0f s", _PAUSE_S)
            self._fall_silent(waiting)
        else:
            self.is_failing = False
            for key, future in waiting.items():
                future.set_result(answers.get(key))

    def _fall_silent(self, waiting: dict[Key, "asyncio.Future[Answer | None]"]) -> None:
        self.is_failing, self._silent_until = True, time.monotonic() + _PAUSE_S
        for future in (*waiting.values(), *self._waiting.values()):
            future.set_exception(UnansweredError())
        self._waiting.clear()
