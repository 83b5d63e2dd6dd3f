"""Who opens a websocket, from which page, and what it is told while the database or Redis is away."""

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from channels.auth import get_user
from channels.sessions import CookieMiddleware, SessionMiddleware
from django.conf import settings
from django.http.request import split_domain_port, validate_host

from livehub.core.clients import network_of
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


async def refuse(send: Send) -> None:
    """Answer 403 in place of opening a websocket, and be done with the connection."""
    await send({"type": "websocket.close"})


def for_our_pages(inner: Any) -> Any:
    """Wrap an application that only pages of this site may open a websocket to: browsers send cookies from any page."""
    return partial(_for_our_pages, inner)


def with_user(inner: Any) -> Any:
    """Wrap an application that gets the user of the dashboard session as `scope["user"]`; nobody else gets in."""
    with_session: Any = SessionMiddleware(partial(_with_user, inner))
    return CookieMiddleware(partial(_with_cookie, with_session))


async def _for_our_pages(inner: Application, scope: Message, receive: Receive, send: Send) -> None:
    if _is_from_our_page(scope):
        await inner(scope, receive, send)
    else:
        await refuse(send)


def _is_from_our_page(scope: Message) -> bool:
    """Tell whether scheme, host and port of the page are those that it asks; as Django does for forms."""
    headers = dict(scope["headers"])
    origin, host = (headers.get(name, b"").decode("latin-1").lower() for name in (b"origin", b"host"))
    if not validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS):
        return False
    scheme = "https" if scope.get("scheme") == "wss" else "http"
    return origin == f"{scheme}://{host}" or origin in settings.CSRF_TRUSTED_ORIGINS


async def _with_cookie(inner: Application, scope: Message, receive: Receive, send: Send) -> None:
    """Spare the database whoever shows nothing."""
    if scope["cookies"].get(settings.SESSION_COOKIE_NAME):
        await inner(scope, receive, send)
    else:
        await refuse(send)


async def _with_user(inner: Application, scope: Message, receive: Receive, send: Send) -> None:
    """Do as `channels.auth.AuthMiddleware`, which reads in the one thread that all websockets would share."""
    find_user = partial(get_user.func, scope)  # type: ignore[attr-defined]  # It is a `SyncToAsync`.
    try:
        user = await read(find_user, reader=network_of((scope.get("client") or [None])[0]))
    except (*DATABASE_OUTAGE, TimeoutError) as error:
        logger.warning("websocket turned away %s", describe(error))
        await turn_away(send)
        return
    if user.is_authenticated:
        await inner({**scope, "user": user}, receive, send)
    else:
        await refuse(send)
