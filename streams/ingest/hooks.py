"""What hooks are outside of Django: ASGI messages, and bodies that are read more than once."""

from collections.abc import Awaitable, Callable
from typing import Any

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

PUBLISH = "/internal/ingest/publish"
PLAY = "/internal/ingest/play"
# What nginx-rtmp says of a client is a few KB.
_BODY_BYTES = 64 * 1024


async def read_body(receive: Receive) -> bytes:
    """Return as much of a request's body as a hook may have."""
    body, is_more = b"", True
    while is_more and len(body) <= _BODY_BYTES:
        message = await receive()
        body += message.get("body", b"")
        is_more = message.get("more_body", False)
    return body


def again(body: bytes, receive: Receive) -> Receive:
    """Return what hands a body that was read out once more, and then what comes after it."""
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def read() -> Message:
        message = next(messages, None)
        return message if message is not None else await receive()

    return read
