"""Encoders take turns at the hook: of one network few are looked up at once, and its others wait.

Anybody can ask to publish, a hundred times in one connection, and each look-up costs milliseconds: without turns a
stranger's thousands stand before an encoder that has a key, until its patience or the gate's is over. Before Django,
whose request each of them would be.
"""

import asyncio
from contextlib import AsyncExitStack
from urllib.parse import parse_qs

from livehub.core.clients import network_of
from livehub.core.shares import Shares
from streams.ingest.hooks import PUBLISH, Application, Message, Receive, Send, again, read_body

# More than one, so that a livestream whose row is locked keeps few of its neighbours waiting.
_AT_ONCE = 6
# With the look-up, which is bounded itself, the 2 s within which an encoder is answered.
_WAIT_S = 0.7


def in_turns(inner: Application) -> Application:
    """Wrap the application that answers the hooks."""
    shares = Shares(at_once=_AT_ONCE)

    async def application(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PUBLISH:
            await inner(scope, receive, send)
            return
        body = await read_body(receive)
        async with AsyncExitStack() as turn:
            try:
                async with asyncio.timeout(_WAIT_S):
                    await turn.enter_async_context(shares.place_of(_network(body)))
            except TimeoutError:
                await _refuse(send)
                return
            await inner(scope, again(body, receive), send)

    return application


def _network(body: bytes) -> str:
    # nginx's own field, which comes before whatever an encoder says.
    return network_of(parse_qs(body.decode("latin-1")).get("addr", [""])[0])


async def _refuse(send: Send) -> None:
    """Have nginx cut the encoder, which may come again."""
    await send({"type": "http.response.start", "status": 503, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})
