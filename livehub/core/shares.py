"""Taking turns: what one has at once of something that many want."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass
class _Share:
    """One's own: there for as long as it is used or waited for."""

    places: asyncio.Semaphore
    users: int = 0


class Shares:
    """For one event loop: everybody has `at_once` places, so the others wait behind so many of each, not behind all."""

    def __init__(self, *, at_once: int) -> None:
        self._at_once = at_once
        self._shares: dict[Hashable, _Share] = {}

    @asynccontextmanager
    async def place_of(self, whose: Hashable) -> AsyncIterator[None]:
        """Wait for one of somebody's places, and keep it for the block; the caller bounds the wait."""
        share = self._shares.setdefault(whose, _Share(asyncio.Semaphore(self._at_once)))
        share.users += 1
        try:
            async with share.places:
                yield
        finally:
            share.users -= 1
            if not share.users:
                del self._shares[whose]
