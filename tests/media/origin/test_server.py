"""The origin's own sockets, without nginx: each question gets its one answer, and nobody stays who says nothing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from streams.media.origin import server, session, sessions
from streams.media.origin.permissions import Permissions
from streams.media.origin.requests import HEAD_BYTES_AT_MOST, Request, parse_target
from streams.media.origin.server import Asker, Nudges, Server, serve
from streams.media.origin.sessions import Sessions
from streams.media.origin.web import Web
from tests.media.packagers import SESSION, Packager
from tests.media.playlist_rules import check
from tests.services import HANG_S

_PLAYLIST = f"/{SESSION}/v0/index.m3u8"
_FOLDER = "pb_1/fedcba9876543210"


class Origin:
    """An origin in this process, and a packager beside it."""

    def __init__(self, root: Path) -> None:
        self.socket_path = root / "origin.sock"
        self.nudge_path = root / "nudge.sock"
        self.files = root / "files"
        self.files.mkdir()
        self.sessions = Sessions(self.files)
        # Nobody is asked who may play.
        self.server = Server(self.sessions, Permissions(Web(str(root / "web.sock"))))

    @property
    def has_waiters(self) -> bool:
        return any(kept.session.has_waiters for kept in self.sessions._kept.values())

    def packager(self, *, session: str = SESSION) -> Packager:
        return Packager(self.files, self.nudge_path, session=session)

    async def connected(self) -> "Client":
        return Client(*await asyncio.open_unix_connection(str(self.socket_path)))

    async def ask(self, target: str) -> tuple[int, str]:
        client = await self.connected()
        await client.say(target)
        return await client.answer()


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def say(self, target: str, *, method: str = "GET", headers: str = "") -> None:
        self._writer.write(f"{method} {target} HTTP/1.1\r\n{headers}\r\n".encode())
        await self._writer.drain()

    async def answer(self, *, has_body: bool = True) -> tuple[int, str]:
        """Return status and body of the next one."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        size = int(head.partition("Content-Length: ")[2].partition("\r")[0])
        body = await self._reader.readexactly(size) if has_body else b""
        return int(head.split()[1]), body.decode()

    async def is_hung_up_on(self) -> bool:
        try:
            return await self._reader.read(1) == b""
        except ConnectionResetError:
            return True

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    def leave(self) -> None:
        self._writer.transport.abort()


@asynccontextmanager
async def _running(root: Path) -> AsyncIterator[Origin]:
    origin = Origin(root)
    nudges = Nudges(str(origin.nudge_path), origin.sessions)
    nudges.listen()
    listener = await origin.server.listen(str(origin.socket_path))
    chores = asyncio.gather(origin.sessions.look_after(), origin.server.sweep())
    try:
        yield origin
    finally:
        chores.cancel()
        listener.close()
        nudges.close()


def _run(root: Path, test: Callable[[Origin], Awaitable[None]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(HANG_S), _running(root) as origin:
            await test(origin)

    asyncio.run(run())


async def _until(condition: Callable[[], bool]) -> None:
    """Return when something has come about; the test has a bound of its own."""
    while not condition():
        await asyncio.sleep(0.01)


@pytest.fixture
def _looks_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is found out but by a nudge."""
    monkeypatch.setattr(sessions, "_LOOK_S", 10 * HANG_S)


@pytest.fixture
def _sweeps_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_SWEEP_S", 0.02)


class TestAsker:
    def test_gets_one_answer_after_the_other_on_one_connection(self, tmp_path: Path) -> None:
        async def test(origin: Origin) -> None:
            origin.packager().add_segments(3)
            client = await origin.connected()
            # Both at once; and one more later.
            await client.say(_PLAYLIST, method="HEAD")
            await client.say(_PLAYLIST)
            assert await client.answer(has_body=False) == (200, "")
            status, text = await client.answer()
            assert (status, check(text).end) == (200, (2, 4))
            await client.say(f"/{SESSION}/v9/index.m3u8")
            assert await client.answer() == (404, "")

        _run(tmp_path, test)

    def test_that_says_it_leaves_is_let_go(self, tmp_path: Path) -> None:
        async def test(origin: Origin) -> None:
            origin.packager().add_segments(3)
            client = await origin.connected()
            await client.say(_PLAYLIST, headers="Connection: close\r\n")
            assert (await client.answer())[0] == 200
            assert await client.is_hung_up_on()

        _run(tmp_path, test)

    def test_that_asks_for_nothing_of_ours_is_told_and_hung_up_on(self, tmp_path: Path) -> None:
        async def test(origin: Origin) -> None:
            client = await origin.connected()
            await client.say("/etc/passwd")
            assert await client.answer() == (404, "")
            assert await client.is_hung_up_on()

        _run(tmp_path, test)

    def test_that_leaves_is_waited_for_by_nobody(self, tmp_path: Path) -> None:
        async def test(origin: Origin) -> None:
            origin.packager().add_segments(3)
            client = await origin.connected()
            await client.say(f"{_PLAYLIST}?_HLS_msn=3&_HLS_part=0")
            await _until(lambda: origin.has_waiters)
            client.leave()
            await _until(lambda: not origin.has_waiters)
            assert not origin.server.clients

        _run(tmp_path, test)

    @pytest.mark.parametrize(
        ("bound", "said"),
        [("_IDLE_S", ""), ("_HEAD_S", "GET / HT"), ("_IDLE_S", f"GET {_PLAYLIST} HTTP/1.1\r\n\r\n")],
        ids=["nothing", "half", "nothing more"],
    )
    def test_that_says_nothing_for_long_is_hung_up_on(
        self, tmp_path: Path, bound: str, said: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(server, bound, 0.05)
        monkeypatch.setattr(server, "_SWEEP_S", 0.05)

        async def test(origin: Origin) -> None:
            client = await origin.connected()
            client.write(said.encode())
            while not await client.is_hung_up_on():
                continue
            await _until(lambda: not origin.server.clients)

        _run(tmp_path, test)

    @pytest.mark.usefixtures("_sweeps_often")
    def test_that_takes_its_time_is_not_hung_up_on(self, tmp_path: Path) -> None:
        async def test(origin: Origin) -> None:
            origin.packager().add_segments(3)
            client = await origin.connected()
            for _ in range(2):
                await asyncio.sleep(0.1)
                client.write(f"GET {_PLAYLIST} HT".encode())
                await asyncio.sleep(0.1)
                client.write(b"TP/1.1\r\n\r\n")
                assert (await client.answer())[0] == 200

        _run(tmp_path, test)

    @pytest.mark.usefixtures("_sweeps_often")
    def test_that_reads_slowly_is_not_hung_up_on(self, tmp_path: Path) -> None:
        count = 300

        async def test(origin: Origin) -> None:
            origin.packager().add_segments(100)
            client = Client(*await asyncio.open_unix_connection(str(origin.socket_path), limit=1024))
            client.write(f"GET {_PLAYLIST} HTTP/1.1\r\n\r\n".encode() * count)
            await asyncio.sleep(0.2)
            assert [(await client.answer())[0] for _ in range(count)] == [200] * count
            await asyncio.sleep(0.1)
            assert origin.server.clients

        _run(tmp_path, test)

    @pytest.mark.parametrize("waits", [False, True])
    def test_that_says_too_much_is_hung_up_on(self, tmp_path: Path, waits: bool) -> None:
        async def test(origin: Origin) -> None:
            origin.packager().add_segments(3)
            client = await origin.connected()
            # As much as a question may be, and it is answered.
            head = f"GET {_PLAYLIST} HTTP/1.1\r\nX: "
            client.write((head + "x" * (HEAD_BYTES_AT_MOST - len(head)) + "\r\n\r\n").encode())
            assert (await client.answer())[0] == 200
            if waits:
                await client.say(f"{_PLAYLIST}?_HLS_msn=3&_HLS_part=0")
                await _until(lambda: origin.has_waiters)
            client.write(b"x" * (HEAD_BYTES_AT_MOST + 1))
            assert await client.is_hung_up_on()
            await _until(lambda: not origin.server.clients)

        _run(tmp_path, test)

    def test_that_waits_is_not_hung_up_on(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(server, "_IDLE_S", 0.05)
        monkeypatch.setattr(server, "_SWEEP_S", 0.02)

        async def test(origin: Origin) -> None:
            packager = origin.packager()
            packager.add_segments(3)
            client = await origin.connected()
            await client.say(f"{_PLAYLIST}?_HLS_msn=3&_HLS_part=0")
            await asyncio.sleep(0.3)
            packager.add_part()
            assert (await client.answer())[0] == 200

        _run(tmp_path, test)


@pytest.mark.usefixtures("_looks_seldom")
class TestNudges:
    def test_have_those_who_wait_answered_at_once(self, tmp_path: Path) -> None:
        async def test(origin: Origin) -> None:
            packager = origin.packager()
            packager.add_segments(3)
            assert (await origin.ask(_PLAYLIST))[0] == 200
            client = await origin.connected()
            for part in range(3):
                await client.say(f"{_PLAYLIST}?_HLS_msn=3&_HLS_part={part}")
                await asyncio.sleep(0.02)
                packager.add_part()
                status, text = await client.answer()
                assert (status, check(text).end) == (200, (3, part + 1))

        _run(tmp_path, test)

    def test_of_what_nobody_asks_for_are_no_work(self, tmp_path: Path) -> None:
        async def test(origin: Origin) -> None:
            packager = origin.packager()
            packager.add_segments(3)
            packager.nudge(b"\xff../../etc")
            assert (await origin.ask(_PLAYLIST))[0] == 200
            assert len(origin.sessions) == 1

        _run(tmp_path, test)


class TestSessions:
    def test_are_looked_at_without_a_nudge(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sessions, "_LOOK_S", 0.05)

        async def test(origin: Origin) -> None:
            packager = origin.packager()
            packager._nudge_socket = "/nowhere"  # It got lost.
            packager.add_segments(3)
            assert check((await origin.ask(_PLAYLIST))[1]).end == (2, 4)
            # By somebody who waits, and by somebody who asks later.
            client = await origin.connected()
            await client.say(f"{_PLAYLIST}?_HLS_msn=3&_HLS_part=0")
            await asyncio.sleep(0.1)
            packager.add_part()
            assert check((await client.answer())[1]).end == (3, 1)
            await asyncio.sleep(0.1)
            packager.add_part()
            assert check((await origin.ask(_PLAYLIST))[1]).end == (3, 2)

        _run(tmp_path, test)

    def test_that_nobody_asks_for_are_forgotten(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sessions, "_LOOK_S", 0.02)

        async def test(origin: Origin) -> None:
            for folder in (SESSION, _FOLDER):
                origin.packager(session=folder).add_segments(3)
                assert (await origin.ask(f"/{folder}/v0/index.m3u8"))[0] == 200
            await asyncio.sleep(0.1)
            assert len(origin.sessions) == 2
            kept = origin.sessions._kept[_FOLDER]
            for each in origin.sessions._kept.values():
                each.asked_at -= 3600
            origin.sessions.ask(Asker(origin.server), Request(parse_target(f"/{_FOLDER}/v0/index.m3u8")))
            await _until(lambda: SESSION not in origin.sessions._kept)
            await asyncio.sleep(0.1)
            assert origin.sessions._kept == {_FOLDER: kept}
            assert (await origin.ask(_PLAYLIST))[0] == 200

        _run(tmp_path, test)

    def test_that_are_not_there_are_no_memory(self, tmp_path: Path) -> None:
        async def test(origin: Origin) -> None:
            assert await origin.ask(f"/{_FOLDER}/v0/index.m3u8") == (404, "")
            # An origin's nginx has these.
            assert await origin.ask("/pb_1/index.m3u8") == (404, "")
            assert len(origin.sessions) == 0

        _run(tmp_path, test)

    def test_whose_journals_make_no_sense_are_tried_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sessions, "_LOOK_S", 0.05)

        async def test(origin: Origin) -> None:
            origin.packager().add_segments(3)
            journal = origin.files / SESSION / "1.journal"
            sound = journal.read_bytes()
            journal.write_bytes(b"S v0 nonsense ;\n")
            assert await origin.ask(_PLAYLIST) == (503, "")
            journal.write_bytes(sound)
            await _until(lambda: not len(origin.sessions))
            assert (await origin.ask(_PLAYLIST))[0] == 200

        _run(tmp_path, test)

    def test_that_are_removed_are_gone(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sessions, "_LOOK_S", 0.0)

        async def test(origin: Origin) -> None:
            origin.packager().add_segments(3)
            assert (await origin.ask(_PLAYLIST))[0] == 200
            (origin.files / SESSION / "1.journal").rename(tmp_path / "elsewhere")
            assert await origin.ask(_PLAYLIST) == (404, "")

        _run(tmp_path, test)

    def test_wait_no_longer_than_they_may(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(session, "_WAIT_TARGETS", 0.02)

        async def test(origin: Origin) -> None:
            origin.packager().add_segments(3)
            assert await origin.ask(f"{_PLAYLIST}?_HLS_msn=3&_HLS_part=0") == (503, "")
            assert await origin.ask(f"/{SESSION}/v0/1-3.0.m4s") == (404, "")
            # Whoever comes after that waits anew.
            assert await origin.ask(f"{_PLAYLIST}?_HLS_msn=3&_HLS_part=0") == (503, "")

        _run(tmp_path, test)


@pytest.mark.usefixtures("_looks_seldom")
def test_serves_until_it_is_stopped(tmp_path: Path) -> None:
    async def run() -> None:
        names = {name: str(tmp_path / name) for name in ("socket_path", "nudge_socket_path", "web_socket_path")}
        serving = asyncio.create_task(serve(**names, root=tmp_path))
        while not (tmp_path / "socket_path").exists():
            await asyncio.sleep(0.01)
        client = Client(*await asyncio.open_unix_connection(names["socket_path"]))
        await client.say("/permission", headers="X-Playback-Id: pb_1\r\n")
        # The web program is not there.
        assert await client.answer() == (503, "")
        packager = Packager(tmp_path, Path(names["nudge_socket_path"]))
        packager.add_segments(3)
        await client.say(_PLAYLIST)
        assert (await client.answer())[0] == 200
        await client.say(f"{_PLAYLIST}?_HLS_msn=3&_HLS_part=0")
        await asyncio.sleep(0.02)
        packager.add_part()
        assert (await client.answer())[0] == 200
        assert not serving.done()
        serving.cancel()
        await asyncio.wait([serving])

    asyncio.run(run())
