"""An encoder that was admitted is told so once the worker listens, so that viewers get its very first picture.

nginx-rtmp keeps nothing of a stream for who comes later: without this the worker would wait for the next key frame,
two seconds or more. It asks to play under the session's name before there is anything under it.
"""

import asyncio
import hmac
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from urllib.parse import parse_qs

from streams.ingest.hooks import PLAY, PUBLISH, Application, Message, Receive, Send, read_body

# A worker is there within 0.3 s, or is busy: then the encoder does not wait for it.
LONGEST_WAIT_S = 0.8
# nginx lets the player in after our answer.
_SETTLE_S = 0.01


def after_the_worker(inner: Application, *, token: str) -> Application:
    """Wrap the application that answers the hooks, and answer nginx itself when it asks whether somebody may play.

    Anybody can ask that, so it costs next to nothing; who may play is told by nginx's own configuration.
    """
    awaited: dict[str, asyncio.Event] = {}

    async def application(scope: Message, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        if path == PUBLISH:
            answer = await _answer(inner, scope, receive)
            with _awaiting(answer, awaited) as joined:
                if joined is not None:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(joined.wait(), LONGEST_WAIT_S)
                        await asyncio.sleep(_SETTLE_S)
            for message in answer:
                await send(message)
        elif path == PLAY:
            is_nginx = hmac.compare_digest(_field(scope["query_string"], "token"), token)
            # Read before it is answered: afterwards servers hand nothing on. nginx's own field comes before whatever a
            # player says.
            joined = awaited.get(_field(await read_body(receive), "name")) if is_nginx else None
            await _send_status(send, HTTPStatus.NO_CONTENT if is_nginx else HTTPStatus.NOT_FOUND)
            if joined is not None:
                joined.set()
        else:
            await inner(scope, receive, send)

    return application


def _field(form: bytes, name: str) -> str:
    return parse_qs(form.decode("latin-1")).get(name, [""])[0]


async def _send_status(send: Send, status: HTTPStatus) -> None:
    await send({"type": "http.response.start", "status": int(status), "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


async def _answer(inner: Application, scope: Message, receive: Receive) -> list[Message]:
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    await inner(scope, receive, keep)
    return messages


@contextmanager
def _awaiting(answer: list[Message], awaited: dict[str, asyncio.Event]) -> Iterator[asyncio.Event | None]:
    """Have the event of whoever was admitted stand where the worker's coming sets it."""
    first = next(iter(answer), {})
    name = dict(first.get("headers", [])).get(b"Location", b"").decode("latin-1")
    if first.get("status") != HTTPStatus.FOUND or not name:
        yield None
        return
    awaited[name] = joined = asyncio.Event()
    try:
        yield joined
    finally:
        awaited.pop(name, None)
