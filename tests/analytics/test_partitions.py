"""Views stand in tables by day."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection

from analytics.models import View
from analytics.partitions import drop_days_before, list_days, make_partitions
from livehub.core import clock

pytestmark = pytest.mark.django_db

_DAY = date(2030, 5, 1)
_NOON = datetime(2030, 5, 1, 12, tzinfo=UTC)


def _view(began_at: datetime) -> UUID:
    view = View.objects.create(
        id=uuid4(),
        began_at=began_at,
        last_at=began_at,
        app_id=uuid4(),
        livestream_id=uuid4(),
        session_id=uuid4(),
        edge="main",
        viewer=b"v" * 16,
        identity="cmcd",
        device="desktop",
    )
    return view.id


def _table_of(view: UUID) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM analytics_view WHERE id = %s", [view])
        return str(cursor.fetchone()[0])


def test_today_and_tomorrow_are_made_once() -> None:
    make_partitions()
    make_partitions()

    today = clock.now().date()
    assert {today, today + timedelta(days=1)} <= set(list_days())
    assert _table_of(_view(clock.now())) == f"analytics_view_{today:%Y%m%d}"


def test_a_view_of_a_day_that_nobody_made_is_kept_and_moves_when_somebody_does() -> None:
    view = _view(_NOON)
    others = _view(_NOON + timedelta(days=1))
    assert _table_of(view) == "analytics_view_rest"

    make_partitions([_DAY])

    assert _table_of(view) == "analytics_view_20300501"
    assert _table_of(others) == "analytics_view_rest"


def test_days_go_with_all_their_views() -> None:
    make_partitions([_DAY, _DAY + timedelta(days=1)])
    # One that no day was made for goes as well.
    gone = [_view(_NOON), _view(_NOON - timedelta(days=1))]
    stays = _view(_NOON + timedelta(days=1))

    assert _DAY in drop_days_before(_DAY + timedelta(days=1))

    assert not View.objects.filter(id__in=gone).exists()
    assert View.objects.filter(id=stays).exists()
    assert _DAY not in list_days()
