"""An edge node's questions to its hub, each with the token of one of those who wait."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from streams.media.origin import relay as relay_module
from streams.media.origin import relayed_permissions
from streams.media.origin.answers import Reply
from streams.media.origin.hub import Hub
from streams.media.origin.relay import Relay, make_room
from streams.media.origin.relayed_permissions import RelayedPermissions
from streams.media.origin.requests import Request, parse_target
from streams.media.origin.rules import Viewer
from streams.media.origin.session import Group
from streams.media.viewer_tokens import ViewerToken
from tests.services import HANG_S

_SESSION = "/pb_1/0123456789abcdef"
_PLAYLIST, _SEGMENT = f"{_SESSION}/v0/index.m3u8", f"{_SESSION}/v0/1-7.m4s"


class Player:
    def __init__(self) -> None:
        self.group: Group | None = None
        self._answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    def send(self, answer: Reply) -> None:
        self._answer.set_result(answer)

    async def status(self) -> int:
        return int((await self._answer).head.split()[1])

    async def headers(self) -> dict[str, str]:
        _, *lines = (await self._answer).head.decode().rstrip().split("\r\n")
        return dict(line.split(": ", 1) for line in lines)

    async def body(self) -> bytes:
        return (await self._answer).body


class Machine:
    """Stands for the hub: refuses some tokens, and answers everything else when it is told to."""

    def __init__(self, *, refused: set[str] | None = None, waits: bool = True) -> None:
        self.refused = refused or set()
        self.asked: list[str] = []
        # With which headers.
        self.heads: list[str] = []
        self.goes_on = asyncio.Event()
        if not waits:
            self.goes_on.set()
        self.status = "200 OK"
        self.headers = "Content-Length: 0\r\n"
        self.body = b""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split()[1]
        self.asked.append(path)
        self.heads.append(head.lower())
        if any(f"/t/{token}/" in path for token in self.refused):
            status = "403 Forbidden"
        else:
            await self.goes_on.wait()
            status = self.status
        writer.write(f"HTTP/1.1 {status}\r\n{self.headers}Connection: close\r\n\r\n".encode() + self.body)
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


def relaying(tmp_path: Path, test: Callable[[Machine, Relay], Coroutine[None, None, None]]) -> None:
    """Run a test with a hub that answers at once."""

    async def run() -> None:
        machine = Machine(waits=False)
        async with asyncio.timeout(HANG_S), serving(machine) as hub:
            await test(machine, Relay(hub, tmp_path, bytes_at_most=1 << 20))

    asyncio.run(run())


def asked_for(relay: Relay, target: str, *, takes_gzip: bool = False) -> Player:
    player = Player()
    relay.ask(player, Request(parse_target(target), takes_gzip=takes_gzip))
    return player


class TestPassingOn:
    def test_changes_nothing_that_players_and_caches_go_by(self, tmp_path: Path) -> None:
        said = {
            "Content-Type": "application/vnd.apple.mpegurl",
            "Cache-Control": "public, max-age=4",
            "Content-Encoding": "gzip",
            "Vary": "Accept-Encoding",
        }

        async def test(machine: Machine, relay: Relay) -> None:
            machine.body = b"packed"
            machine.headers = "".join(f"{name}: {value}\r\n" for name, value in said.items()) + "Content-Length: 6\r\n"
            machine.headers += "Set-Cookie: a=b\r\nX-Playback-Holds: max-age=4\r\n"
            player = asked_for(relay, _PLAYLIST, takes_gzip=True)
            assert await player.headers() == {"Content-Length": "6", **said}
            assert await player.body() == b"packed"

        relaying(tmp_path, test)

    def test_asks_for_what_is_packed_for_those_who_take_it(self, tmp_path: Path) -> None:
        async def test(machine: Machine, relay: Relay) -> None:
            players = [asked_for(relay, _PLAYLIST, takes_gzip=takes_gzip) for takes_gzip in (True, False, True)]
            assert [await player.status() for player in players] == [200, 200, 200]
            assert sorted("accept-encoding: gzip" in head for head in machine.heads) == [False, True]
            assert sorted("accept-encoding: identity" in head for head in machine.heads) == [False, True]

        relaying(tmp_path, test)

    def test_asks_anew_for_who_comes_later(self, tmp_path: Path) -> None:
        async def test(machine: Machine, relay: Relay) -> None:
            for _ in range(2):
                assert await asked_for(relay, _PLAYLIST).status() == 200
            assert machine.asked == [_PLAYLIST] * 2

        relaying(tmp_path, test)

    @pytest.mark.parametrize("target", ["/pb_1/thumbnail.jpg", f"{_SESSION}/storyboard.vtt", _PLAYLIST])
    def test_keeps_nothing_that_is_replaced(self, tmp_path: Path, target: str) -> None:
        async def test(machine: Machine, relay: Relay) -> None:
            assert await asked_for(relay, target).status() == 200
            assert list(tmp_path.iterdir()) == []

        relaying(tmp_path, test)

    @pytest.mark.parametrize(
        ("status", "told"), [(400, 400), (404, 404), (503, 503), (500, 502), (302, 502), (429, 503)]
    )
    @pytest.mark.parametrize("target", [_PLAYLIST, _SEGMENT])
    def test_tells_what_is_about_the_question_alone(self, tmp_path: Path, target: str, status: int, told: int) -> None:
        async def test(machine: Machine, relay: Relay) -> None:
            machine.status = f"{status} Whatever"
            player = asked_for(relay, target)
            assert await player.status() == told
            assert (await player.headers())["Cache-Control"] == "no-store"

        relaying(tmp_path, test)

    @pytest.mark.parametrize("target", [_PLAYLIST, _SEGMENT])
    def test_takes_no_more_than_there_is_room_for(
        self, tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(relay_module, "_PLAYLIST_BYTES_AT_MOST", 10)
        monkeypatch.setattr(relay_module, "_FILE_BYTES_AT_MOST", 10)
        monkeypatch.setattr(relay_module, "_PIECE_BYTES", 4)

        async def test(machine: Machine, relay: Relay) -> None:
            for size, status in ((10, 200), (30, 502)):
                machine.headers, machine.body = f"Content-Length: {size}\r\n", b"x" * size
                assert await asked_for(relay, target).status() == status

        relaying(tmp_path, test)


class TestFiles:
    def test_are_there_as_a_whole_for_nginx(self, tmp_path: Path) -> None:
        async def test(machine: Machine, relay: Relay) -> None:
            machine.headers, machine.body = "Content-Length: 7\r\n", b"segment"
            headers = await asked_for(relay, _SEGMENT).headers()
            assert headers["X-Accel-Redirect"] == f"/playback-files{_SEGMENT}"
            assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["1-7.m4s"]
            assert (tmp_path / _SEGMENT[1:]).read_bytes() == b"segment"
            # As it is, and beside those that are there.
            assert "accept-encoding: identity" in machine.heads[0]
            another = asked_for(relay, _SEGMENT.replace("1-7", "1-8"), takes_gzip=True)
            assert await another.status() == 200
            assert machine.heads[1].startswith("get /")

        relaying(tmp_path, test)

    def test_are_fetched_once_for_all_who_want_them(self, tmp_path: Path) -> None:
        async def test(machine: Machine, relay: Relay) -> None:
            machine.headers, machine.body = "Content-Length: 7\r\n", b"segment"
            players = [asked_for(relay, _SEGMENT, takes_gzip=takes_gzip) for takes_gzip in (True, False)]
            assert [await player.status() for player in players] == [200, 200]
            assert len(machine.asked) == 1

        relaying(tmp_path, test)

    @pytest.mark.parametrize("headers", ["", "Content-Length: 700\r\n"], ids=["of unknown size", "torn off"])
    def test_are_never_kept_in_half(self, tmp_path: Path, headers: str) -> None:
        async def test(machine: Machine, relay: Relay) -> None:
            machine.headers, machine.body = headers, b"segm"
            assert await asked_for(relay, _SEGMENT).status() == 502
            assert not (tmp_path / _SEGMENT[1:]).exists()

        relaying(tmp_path, test)


class TestMakeRoom:
    def test_removes_what_is_old_with_its_folders_and_nothing_else(self, tmp_path: Path) -> None:
        old, new = tmp_path / "pb_1/0f/v0", tmp_path / "pb_2/0f/v0"
        for folder in (old, new):
            folder.mkdir(parents=True)
            (folder / "1-0.m4s").write_bytes(b"segment")
        an_hour_ago = time.time() - 3600
        for path in (old / "1-0.m4s", old, old.parent, old.parent.parent):
            os.utime(path, (an_hour_ago, an_hour_ago))

        make_room(tmp_path, 1 << 20)
        assert (new / "1-0.m4s").exists()
        assert not (old / "1-0.m4s").exists()

        for path in (old, old.parent, old.parent.parent, new, new.parent):
            os.utime(path, (an_hour_ago, an_hour_ago))
        make_room(tmp_path, 1 << 20)
        make_room(tmp_path, 1 << 20)
        assert new.exists()
        assert not old.exists()


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

    def test_are_what_the_hub_says_to_that_page(self) -> None:
        async def run() -> None:
            machine = Machine(waits=False)
            machine.headers = "X-Playback-Holds: max-age=4, stale-while-revalidate=2\r\nVary: Origin\r\n"
            machine.headers += "Cache-Control: no-store\r\nX-Playback: permitted\r\nContent-Length: 0\r\n"
            async with serving(machine) as hub:
                known = RelayedPermissions(hub)
                page, nobody = Player(), Player()
                known.ask(page, Viewer("pb_1", "ann", "https://shop.example"))
                assert await page.headers() == {
                    "Content-Length": "0",
                    "Cache-Control": "max-age=4, stale-while-revalidate=2",
                    "X-Playback": "permitted",
                    "Vary": "Origin",
                }
                machine.status, machine.headers = "401 No", "X-Playback: refused\r\nContent-Length: 0\r\n"
                known.ask(nobody, Viewer("pb_1", "ann"))
                assert await nobody.status() == 401
                assert await nobody.headers() == {
                    "Content-Length": "0",
                    "Cache-Control": "no-store",
                    "X-Playback": "refused",
                }
            assert ["origin: https://shop.example\r\n" in head for head in machine.heads] == [True, False]
            assert "origin:" not in machine.heads[1]

        asyncio.run(run())

    def test_of_nothing_that_can_be_are_refused_here(self) -> None:
        async def run() -> None:
            async with serving(Machine()) as hub:
                player = Player()
                RelayedPermissions(hub).ask(player, Viewer(""))
                assert await player.status() == 401
                assert (await player.headers())["X-Playback"] == "unknown"

        asyncio.run(run())

    @pytest.mark.parametrize("status_of_one", ["503 Service Unavailable", "429 Too Many Requests"])
    def test_of_others_are_asked_for_although_the_hub_does_not_tell_of_one(self, status_of_one: str) -> None:
        async def run() -> None:
            machine = Machine(waits=False)
            machine.status = status_of_one
            async with serving(machine) as hub:
                known = RelayedPermissions(hub)
                for token, status in (("ann", 503), ("bob", 200)):
                    player = Player()
                    known.ask(player, Viewer("pb_1", token))
                    assert await player.status() == status
                    machine.status = "200 OK"

        asyncio.run(run())

    def test_are_asked_for_again_by_one_and_then_by_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(relayed_permissions, "_PAUSE_S", 0.1)

        async def run() -> None:
            machine = Machine(waits=False)
            machine.status = "502 Bad Gateway"
            async with serving(machine) as hub:
                known = RelayedPermissions(hub)

                async def ask(token: str) -> int:
                    player = Player()
                    known.ask(player, Viewer("pb_1", token))
                    return await player.status()

                assert await ask("ann") == 503
                await asyncio.sleep(0.2)
                monkeypatch.setattr(relayed_permissions, "_PAUSE_S", 600)
                machine.goes_on.clear()
                finds_out = asyncio.create_task(ask("ann"))
                await asyncio.sleep(0.05)
                # It is not known yet.
                assert await ask("bob") == 503
                machine.status = "200 OK"
                machine.goes_on.set()
                assert await finds_out == 200
                assert [await ask(token) for token in ("bob", "bob", "cid")] == [200, 200, 200]
            assert [path.split("/")[2] for path in machine.asked] == ["ann", "ann", "bob", "bob", "cid"]

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
