"""A page's websocket, without a server. (The one of `channels.testing` brings a whole server with it.)"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

from asgiref.testing import ApplicationCommunicator
from channels.routing import URLRouter
from django.contrib.auth.models import AnonymousUser

from streams.models import User
from streams.urls import websocket_urlpatterns

_TIMEOUT_S = 5
SIGN_OF_LIFE = "{}"
Message = dict[str, object]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


class PageSocket:
    """The browser's end."""

    def __init__(self, communicator: ApplicationCommunicator) -> None:
        self._communicator = communicator

    async def text(self) -> str:
        """Return the next message, fragments or a mere sign of life."""
        message = await self._communicator.receive_output(timeout=_TIMEOUT_S)
        assert message["type"] == "websocket.send", message
        return str(message["text"])

    async def fragments(self) -> str:
        """Return the next message that holds any."""
        while (text := await self.text()) == SIGN_OF_LIFE:
            pass
        return text

    async def closing_code(self) -> int:
        """Return with which code the server closes."""
        message: Message = {"text": SIGN_OF_LIFE}
        while message.get("text") == SIGN_OF_LIFE:
            message = await self._communicator.receive_output(timeout=_TIMEOUT_S)
        assert message["type"] == "websocket.close", message
        return cast(int, message["code"])

    async def hears_nothing(self, *, for_s: float) -> bool:
        return bool(await self._communicator.receive_nothing(timeout=for_s))


def socket_scope(path: str, user: User | AnonymousUser) -> Message:
    """Return what the server tells the application of a websocket."""
    path, _, query = path.partition("?")
    return {"type": "websocket", "path": path, "query_string": query.encode(), "headers": [], "user": user}


def page_sockets() -> Application:
    """Return what answers the dashboard's websockets."""
    return cast(Application, URLRouter(websocket_urlpatterns))  # type: ignore[arg-type]  # Django's own patterns.


@asynccontextmanager
async def opened(path: str, user: User | AnonymousUser) -> AsyncIterator[PageSocket]:
    """Open a websocket as a person who is logged in, or is not, for as long as the block lasts."""
    communicator = ApplicationCommunicator(page_sockets(), socket_scope(path, user))
    await communicator.send_input({"type": "websocket.connect"})
    assert (await communicator.receive_output(timeout=_TIMEOUT_S))["type"] == "websocket.accept"
    yield PageSocket(communicator)
    await communicator.send_input({"type": "websocket.disconnect", "code": 1001})
    await communicator.wait(timeout=_TIMEOUT_S)
