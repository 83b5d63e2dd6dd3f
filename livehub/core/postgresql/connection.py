"""A connection that is not waited for longer than allowed."""

import traceback
from typing import Any, Self, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.errors import _WaitTimeout

from livehub.core.deadline import remaining_s
from livehub.core.postgresql import bounds

_Result = TypeVar("_Result")
# How often psycopg looks for signals while it waits: its own default.
_INTERVAL_S = 0.1


class StalledError(psycopg.OperationalError):
    """The server has not answered in time; the connection is closed, since its state is unknown."""


class BoundedConnection(psycopg.Connection[Any]):
    """Waits for each answer no longer than `bounds.STATEMENT_TIMEOUT_S`, or than the present deadline allows."""

    @classmethod
    def connect(cls, conninfo: str = "", **parameters: Any) -> Self:
        try:
            return super().connect(conninfo, **parameters)
        except psycopg.Error as error:
            # What psycopg 3.3 has given up waiting for is referred to by this error and refers to it: without this
            # the socket stays open until Python looks for such circles.
            traceback.clear_frames(error.__traceback__)
            raise

    def wait(self, gen: PQGen[_Result], interval: float = _INTERVAL_S, timeout: float | None = None) -> _Result:
        bound_s = remaining_s(at_most=bounds.STATEMENT_TIMEOUT_S if timeout is None else timeout)
        try:
            return super().wait(gen, interval=interval, timeout=bound_s)
        except _WaitTimeout as error:
            self.pgconn.finish()
            raise StalledError(f"PostgreSQL has not answered within {bound_s:.1f} s.") from error
