"""Encoders take turns at the hook: of one network few are looked up at once, and its others wait.

Anybody can ask to publish, a hundred times in one connection, and each look-up costs milliseconds: without turns a
stranger's thousands stand before an encoder that has a key, until its patience or the gate's is over. Before Django,
whose request each of them would be.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import parse_qs

from livehub.core.clients import network_of
from livehub.core.shares import Shares

_Message = dict[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_Application = Callable[[_Message, _Receive, _Send], Awaitable[None]]

_PUBLISH = "/internal/ingest/publish"
# More than one, so that a livestream whose row is locked keeps few of its neighbours waiting.
_AT_ONCE = 6
# With the look-up, which is bounded itself, the 2 s within which an encoder is answered.
_WAIT_S = 0.7
# What nginx-rtmp says of an encoder is a few KB.
_BODY_BYTES = 64 * 1024


def in_turns(inner: Any) -> _Application:
    """Wrap the application that answers the hooks."""
    shares = Shares(at_once=_AT_ONCE)

    async def application(scope: _Message, receive: _Receive, send: _Send) -> None:
        if scope["type"] != "http" or scope["path"] != _PUBLISH:
            await inner(scope, receive, send)
            return
        body = await _read(receive)
        async with AsyncExitStack() as turn:
            try:
                async with asyncio.timeout(_WAIT_S):
                    await turn.enter_async_context(shares.place_of(_network(body)))
            except TimeoutError:
                await _refuse(send)
                return
            await inner(scope, _again(body, receive), send)

    return application


async def _read(receive: _Receive) -> bytes:
    body, is_more = b"", True
    while is_more and len(body) <= _BODY_BYTES:
        message = await receive()
        body += message.get("body", b"")
        is_more = message.get("more_body", False)
    return body


def _again(body: bytes, receive: _Receive) -> _Receive:
    """Return what hands a body that was read out once more, and then what comes after it."""
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def read() -> _Message:
        message = next(messages, None)
        return message if message is not None else await receive()

    return read


def _network(body: bytes) -> str:
    # nginx's own field, which comes before whatever an encoder says.
    return network_of(parse_qs(body.decode("latin-1")).get("addr", [""])[0])


async def _refuse(send: _Send) -> None:
    """Have nginx cut the encoder, which may come again."""
    await send({"type": "http.response.start", "status": 503, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})
