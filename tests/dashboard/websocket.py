"""A page's websocket, without a server. (The one of `channels.testing` brings a whole server with it.)"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async
from django.test import Client

from livehub import asgi
from streams.models import User
from tests.services import HANG_S

SIGN_OF_LIFE = "{}"
Message = dict[str, object]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
application = cast(Application, asgi.application)


class PageSocket:
    """The browser's end."""

    def __init__(self, communicator: ApplicationCommunicator) -> None:
        self._communicator = communicator

    async def text(self) -> str:
        """Return the next message, fragments or a mere sign of life."""
        message = await self._communicator.receive_output(timeout=HANG_S)
        assert message["type"] == "websocket.send", message
        return str(message["text"])

    async def fragments(self) -> str:
        """Return the next message that holds any.

        :raises TimeoutError: when none comes, however many signs of life do.
        """
        async with asyncio.timeout(HANG_S):
            while (text := await self.text()) == SIGN_OF_LIFE:
                pass
            return text

    async def closing_code(self) -> int:
        """Return with which code the server closes.

        :raises TimeoutError: when it does not.
        """
        message: Message = {"text": SIGN_OF_LIFE}
        async with asyncio.timeout(HANG_S):
            while message.get("text") == SIGN_OF_LIFE:
                message = await self._communicator.receive_output(timeout=HANG_S)
        assert message["type"] == "websocket.close", message
        return cast(int, message["code"])

    async def say(self, text: str) -> None:
        await self._communicator.send_input({"type": "websocket.receive", "text": text})

    async def hears_nothing(self, *, for_s: float) -> bool:
        return bool(await self._communicator.receive_nothing(timeout=for_s))


def cookie_of(user: User) -> str:
    """Log somebody in, and return what the browser sends from then on."""
    browser = Client()
    browser.force_login(user)
    return f"sessionid={browser.cookies['sessionid'].value}"


def socket_scope(path: str, cookie: str = "", *, origin: str = "http://localhost", host: str = "localhost") -> Message:
    """Return what the server tells the application of a websocket that a page of `origin` opens."""
    path, _, query = path.partition("?")
    headers = {"host": host, "origin": origin, "cookie": cookie}
    return {
        "type": "websocket",
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items() if value],
        "client": ("192.0.2.1", 0),
    }


async def answer_to(scope: Message) -> str:
    """Return the type of the first message that a websocket is answered with."""
    communicator = ApplicationCommunicator(application, scope)
    await communicator.send_input({"type": "websocket.connect"})
    message = await communicator.receive_output(timeout=HANG_S)
    await communicator.send_input({"type": "websocket.disconnect", "code": 1006})
    await communicator.wait(timeout=HANG_S)
    return str(message["type"])


@asynccontextmanager
async def opened(path: str, user: User, *, application: Application = application) -> AsyncIterator[PageSocket]:
    """Open a websocket as a person who is logged in, for as long as the block lasts."""
    cookie = await database_sync_to_async(cookie_of)(user)
    async with opened_with(path, cookie, application=application) as socket:
        yield socket


@asynccontextmanager
async def opened_with(path: str, cookie: str, *, application: Application = application) -> AsyncIterator[PageSocket]:
    """Open a websocket with a browser's cookie, for as long as the block lasts."""
    communicator = ApplicationCommunicator(application, socket_scope(path, cookie))
    await communicator.send_input({"type": "websocket.connect"})
    assert (await communicator.receive_output(timeout=HANG_S))["type"] == "websocket.accept"
    yield PageSocket(communicator)
    await communicator.send_input({"type": "websocket.disconnect", "code": 1001})
    await communicator.wait(timeout=HANG_S)
