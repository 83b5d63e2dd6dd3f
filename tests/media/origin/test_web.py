"""What the origin asks the web program, and what it takes for an answer."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from streams.media.origin import web
from streams.media.origin.batches import UnansweredError
from streams.media.origin.rules import Rules
from streams.media.origin.web import Web
from tests.services import HANG_S

_RULES = Rules(
    is_signed=True,
    allowed_origins=("https://shop.example",),
    own_origin="https://live.example",
    places=3,
    keys={"key": "psk_x"},
    revoked={"ann": 1.5},
)


class Program:
    """Says the same to every question."""

    def __init__(self, said: bytes) -> None:
        self._said = said
        self.heard = b""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(head.partition(b"Content-Length: ")[2].split()[0])
        self.heard = head + await reader.readexactly(size)
        writer.write(self._said)
        if self._said:
            writer.close()


def _asked(folder: Path, said: bytes, ask: Callable[[Web], Awaitable[object]]) -> tuple[bytes, object]:
    """Return what the program heard, and what was made of its answer."""

    async def run() -> tuple[bytes, object]:
        program, path = Program(said), str(folder / "web.sock")
        async with asyncio.timeout(HANG_S), await asyncio.start_unix_server(program.answer, path):
            answer = await ask(Web(path))
        return program.heard, answer

    return asyncio.run(run())


def _ok(answer: object) -> bytes:
    return b"HTTP/1.0 200 OK\r\nServer: any\r\n\r\n" + json.dumps(answer).encode()


def test_asks_for_the_rules_of_all_at_once(tmp_path: Path) -> None:
    heard, found = _asked(tmp_path, _ok({"pb_1": _RULES.as_json()}), lambda asked: asked.rules(["pb_1", "pb_2"]))

    assert heard == (
        b"GET /internal/playback/rules?playback_id=pb_1&playback_id=pb_2 HTTP/1.0\r\n"
        b"Host: localhost\r\nContent-Length: 0\r\n\r\n"
    )
    assert found == {"pb_1": _RULES}


def test_asks_for_the_places_of_all_at_once(tmp_path: Path) -> None:
    wanted = [("pb_1", 3, "ann"), ("pb_1", 3, "bob")]

    heard, found = _asked(tmp_path, _ok([True, False]), lambda asked: asked.places(wanted))

    head, _, body = heard.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /internal/playback/places HTTP/1.0\r\n")
    assert json.loads(body) == [list(place) for place in wanted]
    assert found == {wanted[0]: True, wanted[1]: False}


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.0 503 Service Unavailable\r\n\r\n{}",
        b"HTTP/1.0 302 Found\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\n\r\n" + b'{"pb_1": {',
        b"HTTP/1.0 200 OK",
        b"\r\n",
    ],
)
def test_takes_nothing_else_for_an_answer(tmp_path: Path, said: bytes) -> None:
    with pytest.raises(UnansweredError):
        _asked(tmp_path, said, lambda asked: asked.rules(["pb_1"]))


def test_waits_for_nobody_who_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "_BOUND_S", 0.05)

    with pytest.raises(UnansweredError):
        _asked(tmp_path, b"", lambda asked: asked.rules(["pb_1"]))


def test_is_not_answered_where_nobody_is(tmp_path: Path) -> None:
    with pytest.raises(UnansweredError):
        asyncio.run(Web(str(tmp_path / "nobody.sock")).rules(["pb_1"]))
