"""Bodies of deliveries: functions of values, so that an event says the same whenever and by whomever it is sent."""

import json

from webhooks.payloads.message import JsonObject, Message
from webhooks.payloads.ours import entry
from webhooks.payloads.vendors import MEETING_BODIES, STATUS_UPDATE, livestream_status
from webhooks.states import PayloadFormat

__all__ = ["JsonObject", "Message", "body_of", "entry", "needs_stream_key"]


def body_of(message: Message, *, stream_key: str | None = None) -> bytes:
    """Return the bytes that are signed and sent.

    Compact, with nothing escaped that need not be: JavaScript's `JSON.stringify` makes the same bytes of it again, and
    Dyte's receivers check the signature over those.

    `stream_key` is that of the livestream, where `needs_stream_key` says so; None when there is none any more.
    """
    if message.name == STATUS_UPDATE:
        body = livestream_status(message, stream_key=stream_key)
    else:
        body = MEETING_BODIES.get(message.name, entry)(message)
    if "is_test" in message.facts:
        body = {**body, "test": True}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def needs_stream_key(*, name: str, format: str) -> bool:
    """Tell whether bodies of this name carry the stream key; events never do, so it is read when one is sent."""
    return name == STATUS_UPDATE and format == PayloadFormat.REALTIMEKIT
