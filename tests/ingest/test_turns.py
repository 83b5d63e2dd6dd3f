"""Encoders of one network take turns, so that a stranger's many keep no other waiting."""

import asyncio
from typing import Any
from urllib.parse import quote

from streams.ingest.turns import in_turns

HOOK = "/internal/ingest/publish"
# Of one address, each with many asks.
CROWD = 500
AT_ONCE = 6


class Hooks:
    """In place of Django: answers when it is let, and remembers who is being looked up."""

    def __init__(self) -> None:
        self.is_open = asyncio.Event()
        self.bodies: list[bytes] = []

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        message = await receive()
        self.bodies.append(message["body"])
        if b"203.0.113" in message["body"] or b"2001%3A" in message["body"]:
            await self.is_open.wait()
        await send({"type": "http.response.start", "status": 302, "headers": []})


async def ask(application: Any, *, address: str, path: str = HOOK) -> int:
    # What an encoder appends to its key (`key?addr=...`) comes last.
    body = f"app=live&addr={quote(address)}&name=key&addr=192.0.2.{len(address)}".encode()
    # In pieces, as they may come.
    pieces = [body[:7], body[7:]]
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async def send(message: dict[str, Any]) -> None:
        statuses.extend([message["status"]] if "status" in message else [])

    await application({"type": "http", "path": path}, receive, send)
    return statuses[0]


def test_a_crowd_of_one_network_keeps_no_other_waiting_and_is_turned_away_in_time() -> None:
    async def flood() -> tuple[int, int, list[int]]:
        hooks = Hooks()
        application = in_turns(hooks)
        crowd = [asyncio.create_task(ask(application, address="203.0.113.9")) for _ in range(CROWD)]
        await asyncio.sleep(0.05)
        being_looked_up = len(hooks.bodies)
        another = await asyncio.wait_for(ask(application, address="198.51.100.7"), timeout=5)
        while not all(task.done() for task in crowd[AT_ONCE:]):
            await asyncio.sleep(0.05)
        hooks.is_open.set()
        return being_looked_up, another, await asyncio.gather(*crowd)

    being_looked_up, another, answers = asyncio.run(asyncio.wait_for(flood(), timeout=20))

    assert (being_looked_up, another) == (AT_ONCE, 302)
    assert answers == [302] * AT_ONCE + [503] * (CROWD - AT_ONCE)


def test_one_network_is_a_64_of_ipv6() -> None:
    async def looked_up(addresses: list[str]) -> int:
        hooks = Hooks()
        application = in_turns(hooks)
        crowd = [asyncio.create_task(ask(application, address=address)) for address in addresses]
        await asyncio.sleep(0.05)
        found = len(hooks.bodies)
        hooks.is_open.set()
        await asyncio.gather(*crowd)
        return found

    assert asyncio.run(looked_up([f"2001:db8:1:2::{number}" for number in range(9)])) == AT_ONCE
    assert asyncio.run(looked_up([f"2001:db8:1:{number}::1" for number in range(9)])) == 9


def test_many_with_keys_get_in_one_after_the_other() -> None:
    async def arrive() -> set[int]:
        application = in_turns(Hooks())
        return set(await asyncio.gather(*(ask(application, address="198.51.100.7") for _ in range(50))))

    assert asyncio.run(arrive()) == {302}
