"""What is written every second costs PostgreSQL next to nothing: no index is touched (heap-only tuples)."""

from dataclasses import asdict

import pytest
from django.db import connection

from streams.livestreams import leases
from streams.livestreams.services import create_livestream
from streams.media.meter import Measured
from streams.models import Connection
from streams.organizations.services import SYSTEM, NewOrganization
from tests.services import wait_until
from tests.streams.races import prepare

pytestmark = pytest.mark.django_db(transaction=True)

# Enough to fill pages: where there is no room left in them, a new version of a row goes to another page.
_SESSIONS, _RENEWALS = 100, 2
_LEAST_HOT_SHARE = 0.95


def _updates(table: str) -> tuple[int, int]:
    """Return how many rows of a table were ever updated, and how many of them as heap-only tuples."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = %s", [table])
        (updates, hot) = cursor.fetchone()
    return updates, hot


def _write_statistics() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")


def _hot_share(table: str, *, since: tuple[int, int], updates: int) -> float:
    """Return which share of so many updates was heap-only, once they all are in the statistics."""
    wait_until(lambda: _updates(table)[0] - since[0] >= updates, what=f"statistics of {table}")
    now = _updates(table)
    return (now[1] - since[1]) / (now[0] - since[0])


def test_renewals_and_media_notes_are_heap_only(home: NewOrganization) -> None:
    template = create_livestream(app=home.app, name="", actor=SYSTEM)
    held = [round_.lease for round_ in prepare(template, "run", number=_SESSIONS) if round_.lease]
    stays = list(Connection.objects.filter(session__in=[lease.pk for lease in held]))
    _write_statistics()
    before = {table: _updates(table) for table in ("streams_lease", "streams_connection")}

    for number in range(_RENEWALS):
        for lease, stay in zip(held, stays, strict=True):
            leases.renew_lease(lease)
            measured = Measured(video_kbps=2_500 + number, audio_kbps=128, fps=29.97, gop_s=2.0)
            leases.note_media(stay, media_ms=1000 * (number + 1), measured=asdict(measured))
    _write_statistics()

    for table, since in before.items():
        assert _hot_share(table, since=since, updates=_SESSIONS * _RENEWALS) >= _LEAST_HOT_SHARE, table
