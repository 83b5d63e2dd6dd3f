"""A process's connections; threads borrow one for as long as they work."""

from collections.abc import Callable
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool

from livehub.core.deadline import deadline, remaining_s
from livehub.core.postgresql import bounds
from livehub.core.postgresql.connection import BoundedConnection


class BoundedPool(ConnectionPool[BoundedConnection]):
    """Hands out connections that answer, and makes nobody wait longer than the present deadline allows."""

    def __init__(self, *, parameters: dict[str, Any], configure: Callable[[Connection[Any]], None]) -> None:
        super().__init__(
            kwargs=parameters,
            connection_class=BoundedConnection,
            configure=configure,
            # Else it hands out connections to a server that was restarted since, or hangs.
            check=_check,
            open=False,
            min_size=0,
            max_size=16,
            # After an outage it would wait as long again before it tries once more; a session's lease lasts 5 s.
            reconnect_timeout=1,
        )

    def getconn(self, timeout: float | None = None) -> BoundedConnection:
        return super().getconn(remaining_s(at_most=bounds.POOL_TIMEOUT_S if timeout is None else timeout))


def _check(connection: BoundedConnection) -> None:
    with deadline(bounds.CHECK_TIMEOUT_S):
        connection.execute("")
