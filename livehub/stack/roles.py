"""Who may do what in the embedded PostgreSQL: the application owns its database, and is no superuser."""

from pathlib import Path
from typing import LiteralString

import psycopg

from livehub.stack.postgres import ADMINISTRATOR, DATABASE, ROLE

# Lives for a moment: nobody can rename the role that he is logged in with.
_RENAMER = "livehub_renamer"
# What the application's role had made as a superuser; indexes and the sequences of columns go with their tables.
_HAND_OVER = """
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN SELECT oid::regclass AS name FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
    LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO livehub', found.name);
    END LOOP;
    FOR found IN SELECT oid::regprocedure AS name FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    LOOP
        EXECUTE format('ALTER ROUTINE %s OWNER TO livehub', found.name);
    END LOOP;
END $$
"""


def create_database(*, socket_dir: Path) -> None:
    """Create the application's role and its database unless they are there.

    A cluster of an older version, whose superuser the application itself was, gets another one.

    :raises psycopg.OperationalError: when the server does not answer.
    """
    if not _has_administrator(socket_dir):
        _dethrone(socket_dir)
    with _connect(socket_dir, user=ADMINISTRATOR) as connection:
        connection.execute(f"DROP ROLE IF EXISTS {_RENAMER}")
        if not _exists(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", ROLE):
            connection.execute(f"CREATE ROLE {ROLE} LOGIN")
        if not _exists(connection, "SELECT 1 FROM pg_database WHERE datname = %s", DATABASE):
            connection.execute(f"CREATE DATABASE {DATABASE} OWNER {ROLE}")


def _has_administrator(socket_dir: Path) -> bool:
    try:
        _connect(socket_dir, user=ADMINISTRATOR).close()
    except psycopg.OperationalError as error:
        # A failed connection has no code, and the cluster speaks English whatever the machine does.
        if f'role "{ADMINISTRATOR}" does not exist' in str(error):
            return False
        raise
    return True


def _dethrone(socket_dir: Path) -> None:
    """Make an ordinary role of a superuser that cannot be one less: it keeps its number, and loses its name."""
    with _connect(socket_dir, user=ROLE) as connection:
        connection.execute(f"DROP ROLE IF EXISTS {_RENAMER}")
        connection.execute(f"CREATE ROLE {_RENAMER} LOGIN SUPERUSER")
        has_database = _exists(connection, "SELECT 1 FROM pg_database WHERE datname = %s", DATABASE)
    with (
        _connect(socket_dir, user=_RENAMER, database=DATABASE if has_database else "postgres") as connection,
        # In one step: an interrupted start finds the old state or the new one.
        connection.transaction(),
    ):
        connection.execute(f"ALTER ROLE {ROLE} RENAME TO {ADMINISTRATOR}")
        connection.execute(f"CREATE ROLE {ROLE} LOGIN")
        if has_database:
            connection.execute(f"ALTER DATABASE {DATABASE} OWNER TO {ROLE}")
            connection.execute(_HAND_OVER)


def _connect(socket_dir: Path, *, user: str, database: str = "postgres") -> psycopg.Connection:
    return psycopg.connect(host=str(socket_dir), user=user, dbname=database, autocommit=True, connect_timeout=5)


def _exists(connection: psycopg.Connection, query: LiteralString, name: str) -> bool:
    return connection.execute(query, (name,)).fetchone() is not None
