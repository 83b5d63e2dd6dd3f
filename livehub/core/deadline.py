"""How long the present work may still wait: for the database, and for whatever else asks here.

A context variable, so that it holds in the thread that set it, in what asyncio runs from there, and in the threads
that asgiref starts for it, and nowhere else.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ends_at: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Let the block wait no longer than this in all; inside another deadline the earlier one holds."""
    ends_at, outer = time.monotonic() + seconds, _ends_at.get()
    token = _ends_at.set(ends_at if outer is None else min(ends_at, outer))
    try:
        yield
    finally:
        _ends_at.reset(token)


@contextmanager
def suspended_deadline() -> Iterator[None]:
    """Let the block wait for somebody else; what comes after it may still wait as long as it might have before."""
    outer = _ends_at.get()
    token, began_at = _ends_at.set(None), time.monotonic()
    try:
        yield
    finally:
        _ends_at.reset(token)
        if outer is not None:
            _ends_at.set(outer + time.monotonic() - began_at)


def remaining_s(*, at_most: float) -> float:
    """Return how long the next wait may take; 0 once the deadline has passed."""
    ends_at = _ends_at.get()
    return at_most if ends_at is None else max(0.0, min(at_most, ends_at - time.monotonic()))
