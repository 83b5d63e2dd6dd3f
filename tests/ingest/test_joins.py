"""An encoder is told that it was admitted as soon as the worker asks to play, behind the server that is really used."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from streams.ingest.joins import after_the_worker
from tests.services import HANG_S

NAME = "0123456789abcdef0123456789abcdef"
# nginx's own fields come first; a player may say what it likes after them.
PLAYS = f"app=live&name={NAME}&call=play&name=another"
# For how long an encoder waits for a worker that does not come.
PATIENCE_S = 0.8


async def _admits(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """In place of Django."""
    location = (b"Location", NAME.encode())
    await send({"type": "http.response.start", "status": 302, "headers": [location, (b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def _nginx(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Yield what asks as nginx-rtmp does."""
    socket = str(folder / "asgi.sock")
    application = after_the_worker(_admits, token="secret")
    server = uvicorn.Server(uvicorn.Config(application, uds=socket, log_level="warning", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    transport = httpx.AsyncHTTPTransport(uds=socket)
    async with httpx.AsyncClient(transport=transport, base_url="http://hooks", timeout=HANG_S) as client:
        yield client
    server.should_exit = True
    await serving


async def _wait_of_the_encoder(folder: Path, *, played_with: str) -> tuple[float, int]:
    """Return how long an encoder is kept when the worker comes at once, and what the worker's player is told."""
    async with _nginx(folder) as nginx:
        publishing = asyncio.create_task(nginx.post("/internal/ingest/publish?token=secret", content="name=key"))
        await asyncio.sleep(0.1)
        played_at = time.monotonic()
        played = await nginx.post(f"/internal/ingest/play?token={played_with}", content=PLAYS)
        assert (await publishing).status_code == 302
        return time.monotonic() - played_at, played.status_code


def test_the_encoder_goes_on_as_soon_as_the_worker_is_there(tmp_path: Path) -> None:
    waited_s, status = asyncio.run(_wait_of_the_encoder(tmp_path, played_with="secret"))

    assert status == 204
    assert waited_s < PATIENCE_S / 2


@pytest.mark.parametrize("token", ["", "guessed"])
def test_nobody_else_makes_it_go_on(tmp_path: Path, token: str) -> None:
    waited_s, status = asyncio.run(_wait_of_the_encoder(tmp_path, played_with=token))

    assert status == 404
    assert waited_s > PATIENCE_S / 2
