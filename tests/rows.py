"""Empty tables for the next test, where one commits."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import pytest
from django.db import connection, transaction
from django.test import TransactionTestCase

# What the migrations leave, and nothing ever changes.
_LASTING = frozenset({"auth_permission", "django_content_type", "django_migrations"})
# What has held many rows is made small again, or PostgreSQL would plan for many.
_GROWN_BYTES = 1 << 20
_GROWN = """
    SELECT relname FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > %s
"""


@contextmanager
def emptied_quickly() -> Iterator[None]:
    """Have Django delete rows in place of truncating tables.

    A thread that reads meanwhile, such as the one that looks whose log-in is over, is neither waited for nor met in a
    deadlock; and no permissions have to be made anew.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _: empty_tables())
        yield


def empty_tables() -> None:
    """Delete every row, whatever refers to it or is never to be deleted (the role of tests may)."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(_deletion())
        cursor.execute(_GROWN, [_GROWN_BYTES])
        if grown := ", ".join(connection.ops.quote_name(table) for (table,) in cursor.fetchall()):
            cursor.execute(f"TRUNCATE {grown} CASCADE")


@cache
def _deletion() -> str:
    tables = set(connection.introspection.django_table_names(only_existing=True)) - _LASTING
    return "; ".join(f"DELETE FROM {connection.ops.quote_name(table)}" for table in sorted(tables))  # noqa: S608
