"""How long anything may wait for PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# Whole seconds, of which libpq takes at least 2; for each of the server's addresses.
CONNECT_TIMEOUT_S = 2
# For a connection of the pool, and within that for the answer of one that lay idle.
POOL_TIMEOUT_S = 3.0
CHECK_TIMEOUT_S = 0.7
# For a statement's answer: past the server's own bounds, so that a server that works gets to say what was wrong.
STATEMENT_TIMEOUT_S = 4.5
# A request's waits in all: an API client is promised an answer within 5 s.
REQUEST_TIMEOUT_S = 4.5

# The order of the first two matters: a wait for a lock is to be called one.
SERVER_SIDE = {
    "lock_timeout": "3s",
    "statement_timeout": "4s",
    # A process that was stopped in the middle of a transaction must not keep its rows locked.
    "idle_in_transaction_session_timeout": "10s",
}
# Notice a remote server that is gone without a word. Units: s, s, probes, ms.
TCP = {"keepalives_idle": "10", "keepalives_interval": "3", "keepalives_count": "3", "tcp_user_timeout": "10000"}

_are_lifted: ContextVar[bool] = ContextVar("bounds_are_lifted", default=False)


@contextmanager
def lifted() -> Iterator[None]:
    """Let statements take as long as they need: for migrations and maintenance, on connections of their own.

    Holds for connections that are opened in the block, in this thread; only connecting stays bounded.
    """
    token = _are_lifted.set(True)
    try:
        yield
    finally:
        _are_lifted.reset(token)


def are_lifted() -> bool:
    return _are_lifted.get()
