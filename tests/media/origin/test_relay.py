"""An edge node's questions to its hub, each with the token of one of those who wait."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from streams.media.origin.answers import Reply
from streams.media.origin.hub import Hub
from streams.media.origin.relay import Relay
from streams.media.origin.relayed_permissions import RelayedPermissions
from streams.media.origin.requests import Request, parse_target
from streams.media.origin.rules import Viewer
from streams.media.origin.session import Group
from streams.media.viewer_tokens import ViewerToken
from tests.services import HANG_S

_PLAYLIST = "/pb_1/0123456789abcdef/v0/index.m3u8"


class Player:
    def __init__(self) -> None:
        self.group: Group | None = None
        self._answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    def send(self, answer: Reply) -> None:
        self._answer.set_result(answer)

    async def status(self) -> int:
        return int((await self._answer).head.split()[1])


class Machine:
    """Stands for the hub: refuses some tokens, and answers everything else when it is told to."""

    def __init__(self, *, refused: set[str]) -> None:
        self.refused = refused
        self.asked: list[str] = []
        self.goes_on = asyncio.Event()
        self.status = "200 OK"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        self.asked.append(path)
        if any(f"/t/{token}/" in path for token in self.refused):
            status = "403 Forbidden"
        else:
            await self.goes_on.wait()
            status = self.status
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        writer.close()


@asynccontextmanager
async def serving(machine: Machine) -> AsyncIterator[Hub]:
    async with await asyncio.start_server(machine.answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with Hub(f"http://127.0.0.1:{port}", connections=1000) as hub:
            yield hub


def asked_with(token: str, query: str = "") -> Request:
    return Request(parse_target(_PLAYLIST + query), token=token)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(HANG_S):
        while not condition():
            await asyncio.sleep(0.01)


class TestRelay:
    def test_refuses_whom_the_hub_refuses_and_nobody_else(self, tmp_path: Path) -> None:
        async def run() -> None:
            machine = Machine(refused={"ann", "cid"})
            async with serving(machine) as hub:
                relay = Relay(hub, tmp_path, bytes_at_most=1 << 20)
                players = {name: Player() for name in ("ann", "bob", "cid", "dan")}
                for name, player in players.items():
                    relay.ask(player, asked_with(name))
                assert await players["ann"].status() == 403
                machine.goes_on.set()
                assert [await players[name].status() for name in ("bob", "cid", "dan")] == [200, 200, 200]
            assert machine.asked == [f"/t/{name}{_PLAYLIST}" for name in ("ann", "bob")]

        asyncio.run(run())

    def test_refuses_all_when_the_hub_does(self, tmp_path: Path) -> None:
        async def run() -> None:
            async with serving(Machine(refused={"ann", "bob"})) as hub:
                relay = Relay(hub, tmp_path, bytes_at_most=1 << 20)
                players = [Player() for _ in range(3)]
                for player, token in zip(players, ("ann", "bob", "ann"), strict=True):
                    relay.ask(player, asked_with(token))
                assert [await player.status() for player in players] == [403, 403, 403]

        asyncio.run(run())

    def test_lets_nobody_make_up_so_many_questions_that_others_wait(self, tmp_path: Path) -> None:
        async def run() -> None:
            machine = Machine(refused=set())
            async with serving(machine) as hub:
                relay = Relay(hub, tmp_path, bytes_at_most=1 << 20)
                players = [Player() for _ in range(300)]
                for number, player in enumerate(players):
                    relay.ask(player, asked_with("ann", f"?_HLS_msn={number}"))
                other = Player()
                relay.ask(other, Request(parse_target(_PLAYLIST.replace("pb_1", "pb_2") + "?_HLS_msn=1")))
                await until(lambda: len(machine.asked) == 258)
                machine.goes_on.set()
                assert {await player.status() for player in (*players, other)} == {200}
                # What waited is over.
                later = Player()
                relay.ask(later, asked_with("ann", "?_HLS_msn=900"))
                assert await later.status() == 200
            waited = [path for path in machine.asked if "_HLS_msn" in path]
            assert len(waited) == 256 + 1 + 1
            assert [path for path in machine.asked if path not in waited] == [f"/t/ann{_PLAYLIST}"]

        asyncio.run(run())

    def test_takes_it_on_itself_that_it_asks_too_much(self, tmp_path: Path) -> None:
        async def run() -> None:
            machine = Machine(refused=set())
            machine.status = "429 Too Many Requests"
            machine.goes_on.set()
            async with serving(machine) as hub:
                player = Player()
                Relay(hub, tmp_path, bytes_at_most=1 << 20).ask(player, asked_with("ann"))
                assert await player.status() == 503

        asyncio.run(run())


class TestRelayedPermissions:
    def test_are_asked_for_once_by_all_who_want_the_same(self) -> None:
        async def run() -> None:
            machine = Machine(refused=set())
            machine.goes_on.set()
            async with serving(machine) as hub:
                known = RelayedPermissions(hub)
                players = [Player() for _ in range(100)]
                for number, player in enumerate(players):
                    known.ask(player, Viewer("pb_1", f"token-{number % 2}"))
                assert [await player.status() for player in players] == [200] * 100
            assert sorted(machine.asked) == [f"/t/token-{number}/pb_1/permission" for number in range(2)]

        asyncio.run(run())

    def test_are_not_asked_for_by_everybody_while_there_are_none(self) -> None:
        async def run() -> None:
            machine = Machine(refused=set())
            machine.status = "502 Bad Gateway"
            machine.goes_on.set()
            async with serving(machine) as hub:
                known = RelayedPermissions(hub)
                for token in ("ann", "bob", "cid"):
                    player = Player()
                    known.ask(player, Viewer("pb_1", token))
                    assert await player.status() == 503
            assert len(machine.asked) == 1

        asyncio.run(run())

    def test_of_others_are_asked_for_although_one_was_too_much(self) -> None:
        async def run() -> None:
            machine = Machine(refused=set())
            machine.status = "429 Too Many Requests"
            machine.goes_on.set()
            async with serving(machine) as hub:
                known = RelayedPermissions(hub)
                for token, status in (("ann", 503), ("bob", 200)):
                    player = Player()
                    known.ask(player, Viewer("pb_1", token))
                    assert await player.status() == status
                    machine.status = "200 OK"

        asyncio.run(run())

    def test_end_with_the_token_while_there_are_none(self) -> None:
        now = datetime.now(UTC)
        token = ViewerToken(playback_id="pb_1", viewer_id="ann", issued_at=now, expires_at=now - timedelta(seconds=1))

        async def run() -> None:
            machine = Machine(refused=set())
            machine.status = "502 Bad Gateway"
            machine.goes_on.set()
            async with serving(machine) as hub:
                known = RelayedPermissions(hub)
                for _ in range(2):
                    player = Player()
                    known.ask(player, Viewer("pb_1", token.signed("x" * 32, key_id="key")))
                    assert await player.status() == 401

        asyncio.run(run())
