"""The backend as Django loads it."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base
from psycopg import Connection

from livehub.core.postgresql import bounds
from livehub.core.postgresql.pool import BoundedPool


class DatabaseWrapper(base.DatabaseWrapper):
    """Connections of a pool, all of them bounded; direct and unbounded ones where `bounds.lifted()` says so."""

    # Django's own, of which its type stubs know nothing.
    _connection_pools: ClassVar[dict[str, BoundedPool]]
    _configure_connection: Callable[[Connection[Any]], None]

    @property
    def pool(self) -> BoundedPool | None:
        if self.alias == NO_DB_ALIAS or bounds.are_lifted():
            return None
        if self.alias not in self._connection_pools:
            parameters = {**self.get_connection_params(), "autocommit": True}
            pool = BoundedPool(parameters=parameters, configure=self._configure_connection)
            # Of threads that come here together the first one's pool holds; the others' have not been opened.
            self._connection_pools.setdefault(self.alias, pool)
        return self._connection_pools[self.alias]

    def get_connection_params(self) -> dict[str, Any]:
        parameters = {"connect_timeout": bounds.CONNECT_TIMEOUT_S, **bounds.TCP, **super().get_connection_params()}
        if self.alias != NO_DB_ALIAS and not bounds.are_lifted():
            flags = [f"-c {name}={value}" for name, value in bounds.SERVER_SIDE.items()]
            # What the administrator's URL gives comes last, and wins.
            parameters["options"] = " ".join([*flags, parameters.get("options", "")]).strip()
        return parameters
