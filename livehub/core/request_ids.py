"""The id under which a request is known: to the client, in the edge's log and in ours."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import uuid4

# As nginx makes them.
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_current: ContextVar[str] = ContextVar("request_id", default="")


def current() -> str:
    """Return the id of the request that is being answered; empty where there is none."""
    return _current.get()


@contextmanager
def request_id(given: str) -> Iterator[str]:
    """Answer a request under the id that the edge has given it, or where no edge was in between, under a new one."""
    chosen = given if _ID.fullmatch(given) else uuid4().hex
    token = _current.set(chosen)
    try:
        yield chosen
    finally:
        _current.reset(token)


class LogLines(logging.Formatter):
    """Ends each line that was written for a request with its id."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's.
        line = super().formatMessage(record)
        known_as = current()
        return f"{line} request={known_as}" if known_as else line
