"""The days that views are kept by: a table of its own for each, so that a day goes in one step."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from livehub.core import clock

_PREFIX = "analytics_view_"
# Two collectors may find at once that a day is missing.
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('analytics_view'))"
# Rows of a day that was not made in time are in the table of the rest, and would be in the way.
_MAKE = """
    CREATE TABLE {table} (LIKE analytics_view INCLUDING DEFAULTS INCLUDING CONSTRAINTS) WITH (fillfactor = 70);
    WITH moved AS (DELETE FROM analytics_view_rest WHERE began_at >= '{begin}' AND began_at < '{end}' RETURNING *)
    INSERT INTO {table} SELECT * FROM moved;
    ALTER TABLE analytics_view ATTACH PARTITION {table} FOR VALUES FROM ('{begin}') TO ('{end}');
"""
_LIST = """
    SELECT relname FROM pg_class JOIN pg_inherits ON inhrelid = pg_class.oid
    WHERE inhparent = 'analytics_view'::regclass AND relname ~ '[0-9]{8}$'
"""


def make_partitions(days: Iterable[date] | None = None) -> None:
    """Make the tables of these UTC days, else of today and tomorrow, where they are not there yet."""
    wanted = [today(), today() + timedelta(days=1)] if days is None else list(days)
    if not set(wanted) - set(list_days()):
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_LOCK)
        for day in sorted(set(wanted) - set(list_days())):
            begin, end = _midnight(day), _midnight(day + timedelta(days=1))
            cursor.execute(_MAKE.format(table=_table(day), begin=begin, end=end))


def list_days() -> list[date]:
    """Return the days that have a table of their own, in order."""
    with connection.cursor() as cursor:
        cursor.execute(_LIST)
        return sorted(datetime.strptime(name[-8:], "%Y%m%d").replace(tzinfo=UTC).date() for (name,) in cursor)


def drop_days_before(first: date) -> list[date]:
    """Remove the views of all days before this one, and return which days had any table."""
    old = [day for day in list_days() if day < first]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_LOCK)
        for day in old:
            cursor.execute(f"DROP TABLE IF EXISTS {_table(day)}")
        cursor.execute("DELETE FROM analytics_view_rest WHERE began_at < %s", [_midnight(first)])
    return old


def today() -> date:
    """Return the present UTC day."""
    return clock.now().date()


def first_kept_day() -> date:
    """Return the earliest UTC day whose views are kept."""
    return today() - timedelta(days=settings.VIEW_RETENTION_DAYS)


def _table(day: date) -> str:
    return f"{_PREFIX}{day:%Y%m%d}"


def _midnight(day: date) -> str:
    return f"{day.isoformat()}T00:00:00+00:00"
