"""A delivery's request as a page shows it, and as it can be sent again by hand; nothing secret is in it."""

import json
import shlex
from collections.abc import Mapping, Sequence

from webhooks.models import Attempt, Delivery
from webhooks.payloads import Message, body_of, needs_stream_key

# In place of a livestream's key.
MASK = "•" * 8
# What curl writes itself, by the body that it sends.
_CURLS_OWN = frozenset({"host", "content-length", "accept-encoding", "transfer-encoding", "connection"})
_PLAIN_HEADERS = {"content-type": "application/json"}


def body_shown(delivery: Delivery) -> str:
    """Return what is sent, with a masked stream key if it carries one; endpoint and event must be loaded."""
    message = Message.of(delivery.event, name=delivery.name, format=delivery.endpoint.format)
    return body_of(message, stream_key=MASK if is_masked(delivery) else None).decode()


def is_masked(delivery: Delivery) -> bool:
    """Tell whether its body carries a stream key: then its signature does not fit the body that is shown."""
    return needs_stream_key(name=delivery.name, format=delivery.endpoint.format)


def pretty(body: str) -> str:
    """Return JSON as people read it, its keys in the order in which they are sent."""
    return json.dumps(json.loads(body), ensure_ascii=False, indent=2)


def header_lines(headers: Mapping[str, str]) -> str:
    """Return headers as they stand in a request or an answer, one a line."""
    return "\n".join(f"{name}: {value}" for name, value in headers.items())


def curl_line(delivery: Delivery, *, body: str, attempts: Sequence[Attempt]) -> str:
    """Return a command for a shell that sends the body with the headers of the last of the attempts."""
    headers = _headers_of(attempts[-1]) if attempts else _PLAIN_HEADERS
    parts = [
        "curl --request POST",
        f"--url {shlex.quote(delivery.endpoint.url)}",
        *(f"--header {shlex.quote(f'{name}: {value}')}" for name, value in headers.items()),
        f"--data-raw {shlex.quote(body)}",
    ]
    return " \\\n  ".join(parts)


def _headers_of(attempt: Attempt) -> Mapping[str, str]:
    kept = {name: value for name, value in attempt.headers.items() if name.lower() not in _CURLS_OWN}
    return kept or _PLAIN_HEADERS
