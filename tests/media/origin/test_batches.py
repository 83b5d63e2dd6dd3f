"""Questions that go together, one after the other."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from streams.media.origin import batches
from streams.media.origin.batches import Batches, UnansweredError
from tests.services import HANG_S


class Slow:
    """Answers with twice the number, except for 0, as soon as it is let."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.goes_on = asyncio.Event()
        self.error: Exception | None = None

    async def ask(self, keys: list[int]) -> dict[int, int]:
        self.asked.append(keys)
        await self.goes_on.wait()
        if self.error is not None:
            raise self.error
        return {key: 2 * key for key in keys if key}


def _run(test: Callable[[Slow, Batches[int, int]], Awaitable[None]], *, at_most: int = 100) -> None:
    async def run() -> None:
        slow = Slow()
        async with asyncio.timeout(HANG_S):
            await test(slow, Batches(slow.ask, at_most=at_most))

    asyncio.run(run())


async def _outcome(future: "asyncio.Future[int | None]") -> object:
    try:
        return await asyncio.shield(future)
    except UnansweredError as error:
        return type(error)


def test_are_one_at_a_time_with_all_that_came_meanwhile() -> None:
    async def test(slow: Slow, asked: Batches[int, int]) -> None:
        first = asked.get(1)
        await asyncio.sleep(0)
        later = [asked.get(key) for key in (2, 3, 2, 0)]
        assert later[0] is later[2]
        await asyncio.sleep(0.1)
        assert slow.asked == [[1]]
        slow.goes_on.set()
        assert await first == 2
        assert [await each for each in later] == [4, 6, 4, None]
        assert slow.asked == [[1], [2, 3, 0]]
        # And anew for who comes later.
        assert await asked.get(2) == 4
        assert slow.asked[2:] == [[2]]

    _run(test)


def test_have_so_many_keys_at_most() -> None:
    async def test(slow: Slow, asked: Batches[int, int]) -> None:
        slow.goes_on.set()
        assert [await each for each in [asked.get(key) for key in range(1, 6)]] == [2, 4, 6, 8, 10]
        assert slow.asked == [[1, 2], [3, 4], [5]]

    _run(test, at_most=2)


@pytest.mark.parametrize("error", [UnansweredError("away"), ValueError("nonsense")])
def test_that_are_not_answered_are_not_asked_again_for_a_while(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "_PAUSE_S", 600)

    async def test(slow: Slow, asked: Batches[int, int]) -> None:
        slow.error = error
        first = asked.get(1)
        await asyncio.sleep(0)
        meanwhile = asked.get(2)
        slow.goes_on.set()
        assert [await _outcome(each) for each in (first, meanwhile)] == [UnansweredError] * 2
        assert asked.is_failing
        with pytest.raises(UnansweredError):
            asked.get(3)
        # Longer than questions are gathered.
        await asyncio.sleep(0.15)
        assert slow.asked == [[1]]

    _run(test)


def test_are_asked_again_after_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_PAUSE_S", 0.05)

    async def test(slow: Slow, asked: Batches[int, int]) -> None:
        slow.error = UnansweredError("away")
        slow.goes_on.set()
        assert await _outcome(asked.get(1)) is UnansweredError
        slow.error = None
        await asyncio.sleep(0.2)
        again = asked.get(1)
        # Until it is answered nobody knows.
        assert asked.is_failing
        assert await again == 2
        assert not asked.is_failing

    _run(test)
