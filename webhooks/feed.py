"""What happened in an app, for programs that ask instead of being told: in an order into which nothing comes late.

Ids are given out while transactions run, and one that began earlier may commit later: a reader who went by them would
go past what it never saw. So events stand in the order of their transactions, and are told as soon as no earlier
transaction is running: whatever commits from then on belongs behind them. Within one subject the order is that of its
sequence.

After its rows were restored into another cluster of PostgreSQL, whose transactions are numbered anew, cursors are
refused, and `adopt_restored` puts what came from there before everything that happens from then on.
"""

import struct
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from livehub.core import crypto
from livehub.core.errors import DomainError
from streams.models import App
from webhooks.models import Event

EVENTS_MAX = 100
# What one statement moves well within its bound.
_BATCH = 5000
_CURSOR = struct.Struct(">QQQ")
# Sealed, since it tells how much all of LiveHub's database writes.
_SEALED = "feed cursor"

_CLUSTER = """
SELECT system_identifier, pg_snapshot_xmin(snapshot)::text::bigint, pg_snapshot_xmax(snapshot)::text::bigint
FROM pg_control_system(), pg_current_snapshot() AS snapshot
"""
# Not those that nobody can listen for: tests, which say what never happened.
_PAGE = """
SELECT * FROM webhooks_event
WHERE app_id = %s AND (transaction, id) > (%s::text::xid8, %s) AND transaction < %s::text::xid8 AND names <> '{}'
ORDER BY transaction, id
LIMIT %s
"""
_RESTORED_APPS = """
SELECT app.id FROM streams_app AS app
WHERE EXISTS (
    SELECT FROM webhooks_event AS event
    WHERE event.app_id = app.id AND event.transaction >= pg_snapshot_xmax(pg_current_snapshot())
)
"""
_ADOPT_SUBJECTS = """
UPDATE webhooks_subject SET transaction = pg_current_xact_id()
WHERE id IN (
    SELECT id FROM webhooks_subject WHERE transaction >= pg_snapshot_xmax(pg_current_snapshot()) LIMIT %s
)
"""
_ADOPT_EVENTS = """
UPDATE webhooks_event SET transaction = pg_current_xact_id()
WHERE id IN (
    SELECT id FROM webhooks_event
    WHERE app_id = %s AND transaction >= pg_snapshot_xmax(pg_current_snapshot())
    ORDER BY transaction, id
    LIMIT %s
)
"""


class CursorUnknownError(DomainError):
    """Not one of ours, or from before the database was restored from a backup."""

    code = "cursor_unknown"
    http_status = 400


@dataclass(frozen=True)
class FeedPage:
    """Events in the feed's order; `cursor` leads on from there, also while there is nothing more."""

    events: list[Event]
    cursor: str
    has_more: bool


@dataclass(frozen=True)
class _Cluster:
    """PostgreSQL's name for its own files, and its transactions: all before `first_running` are over."""

    identifier: int
    first_running: int
    next: int


def list_events(app: App, *, after: str = "", limit: int = EVENTS_MAX) -> FeedPage:
    """Return the app's events after a cursor, or from the oldest that is kept.

    :raises CursorUnknownError: when the cursor leads nowhere.
    """
    cluster = _read_cluster()
    transaction, event_id = _read_cursor(after, cluster) if after else (0, 0)
    values = [app.pk, str(transaction), event_id, str(cluster.first_running), limit + 1]
    found = list(Event.objects.raw(_PAGE, values))
    events = found[:limit]
    if events:
        transaction, event_id = int(events[-1].transaction), events[-1].pk
    return FeedPage(events, _write_cursor(cluster, transaction, event_id), has_more=len(found) > limit)


def adopt_restored() -> None:
    """Number anew what came out of another cluster and would only be told when this one has come as far.

    In its order, and after what this one has told already: a reader hears some of it twice, and misses nothing.
    """
    with connection.cursor() as cursor:
        cursor.execute(_RESTORED_APPS)
        app_ids = [app_id for (app_id,) in cursor.fetchall()]
    if app_ids:
        # First, since what happens to them goes by it.
        _adopt(_ADOPT_SUBJECTS)
    for app_id in app_ids:
        _adopt(_ADOPT_EVENTS, app_id)


def _adopt(statement: str, *values: UUID) -> None:
    """Run the statement until it moves nothing more, each time in a transaction of its own."""
    is_more = True
    while is_more:
        with connection.cursor() as cursor:
            cursor.execute(statement, [*values, _BATCH])
            is_more = cursor.rowcount == _BATCH


def _read_cluster() -> _Cluster:
    with connection.cursor() as cursor:
        cursor.execute(_CLUSTER)
        # Beyond 2^63 it is told as a negative number.
        identifier, first_running, following = cursor.fetchone()
    return _Cluster(identifier % 2**64, first_running, following)


def _write_cursor(cluster: _Cluster, transaction: int, event_id: int) -> str:
    return crypto.seal(_CURSOR.pack(cluster.identifier, transaction, event_id), purpose=_SEALED)


def _read_cursor(text: str, cluster: _Cluster) -> tuple[int, int]:
    try:
        identifier, transaction, event_id = _CURSOR.unpack(crypto.unseal(text, purpose=_SEALED))
    except crypto.UnknownSealError as error:
        raise _unknown() from error
    if identifier != cluster.identifier or transaction >= cluster.next:
        raise _unknown()
    return transaction, event_id


def _unknown() -> CursorUnknownError:
    return CursorUnknownError(
        "This cursor is not known: it is incomplete, or the database has been restored since. Leave it out, and read "
        "from the oldest event that is kept; an event's id tells whether you have seen it."
    )
