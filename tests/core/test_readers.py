"""Reads from asynchronous code: nobody has all the threads."""

import asyncio
import threading

import pytest

from livehub.core.readers import read

# A thread may still have the connection of an earlier read.
pytestmark = pytest.mark.django_db

# Far more than there are threads.
CROWD = 40


def test_one_readers_many_reads_keep_no_other_waiting() -> None:
    is_open = threading.Event()

    async def browse() -> tuple[str, list[bool]]:
        crowd = [asyncio.create_task(read(lambda: is_open.wait(10), reader="crowd")) for _ in range(CROWD)]
        await asyncio.sleep(0.1)
        answer = await read(lambda: "read", reader="another")
        is_open.set()
        return answer, await asyncio.gather(*crowd)

    assert asyncio.run(browse()) == ("read", [True] * CROWD)


def test_a_read_that_fails_gives_its_place_back() -> None:
    async def fail_often() -> int:
        found = await asyncio.gather(
            *(read(lambda: 1 // 0, reader="unlucky") for _ in range(CROWD)), return_exceptions=True
        )
        return sum(isinstance(each, ZeroDivisionError) for each in found)

    assert asyncio.run(fail_often()) == CROWD
