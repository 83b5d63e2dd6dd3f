"""Who opens a websocket, and what it is told while the database or Redis is away."""

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from channels.auth import get_user
from channels.sessions import CookieMiddleware, SessionMiddleware

from livehub.core.outage import DATABASE_OUTAGE, describe
from livehub.core.readers import read

logger = logging.getLogger(__name__)

# As ASGI has them, before anybody knows what is in them.
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

# "Try again later", which htmx does. Source: IANA WebSocket Close Code Number Registry.
TRY_AGAIN = 1013


async def turn_away(send: Send) -> None:
    """Accept a websocket only to close it: a browser hears of no code before it is accepted."""
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": TRY_AGAIN})


def with_user(inner: Any) -> Any:
    """Wrap an application that gets the user of the dashboard session as `scope["user"]`."""
    return CookieMiddleware(SessionMiddleware(partial(_with_user, inner)))


async def _with_user(inner: Application, scope: Message, receive: Receive, send: Send) -> None:
    """Do as `channels.auth.AuthMiddleware`, which reads in the one thread that all websockets would share."""
    try:
        user = await read(partial(get_user.func, scope))  # type: ignore[attr-defined]  # It is a `SyncToAsync`.
    except (*DATABASE_OUTAGE, TimeoutError) as error:
        logger.warning("websocket turned away %s", describe(error))
        await turn_away(send)
    else:
        await inner({**scope, "user": user}, receive, send)
