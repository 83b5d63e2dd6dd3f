"""Days that were written for each country on each device in each rendition become days of each of these alone."""

from datetime import date
from importlib import import_module
from uuid import UUID

import pytest
from django.db import connection

from analytics.models import Day

_APP, _LIVESTREAM, _SESSION, _OTHER = (UUID(int=number) for number in range(1, 5))
# As the first migration made it.
_BEFORE = """
DROP TABLE analytics_day;
CREATE TABLE analytics_day (
    app_id uuid, livestream_id uuid, session_id uuid, day date, country varchar(2), device varchar(8),
    rendition varchar(8), viewer_ms bigint, views integer, PRIMARY KEY (session_id, day, country, device, rendition)
);
CREATE INDEX day_by_app ON analytics_day (app_id, day);
"""


@pytest.mark.django_db
def test_every_sum_stays_what_it_was() -> None:
    written = [
        (_SESSION, date(2026, 11, 23), "DE", "desktop", "v0", 1000, 2),
        (_SESSION, date(2026, 11, 23), "DE", "mobile", "v1", 300, 1),
        (_SESSION, date(2026, 11, 23), "", "mobile", "v1", 50, 1),
        (_SESSION, date(2026, 11, 24), "DE", "desktop", "v0", 7, 0),
        (_OTHER, date(2026, 11, 24), "FR", "tv", "a0", 9, 1),
    ]
    with connection.cursor() as cursor:
        cursor.execute(_BEFORE)
        insert = "INSERT INTO analytics_day VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
        cursor.executemany(insert, [(_APP, _LIVESTREAM, *row) for row in written])

        cursor.execute(import_module("analytics.migrations.0007_days_by_kind")._FORWARDS)

    assert set(Day.objects.values_list("app_id", "livestream_id")) == {(_APP, _LIVESTREAM)}
    first = Day.objects.filter(session_id=_SESSION, day=date(2026, 11, 23))
    assert set(first.values_list("kind", "key", "viewer_ms", "views")) == {
        ("all", "", 1350, 4),
        ("country", "DE", 1300, 3),
        ("country", "", 50, 1),
        ("device", "desktop", 1000, 2),
        ("device", "mobile", 350, 2),
        ("rendition", "v0", 1000, 2),
        ("rendition", "v1", 350, 2),
    }
    others = Day.objects.filter(day=date(2026, 11, 24), kind="country")
    assert set(others.values_list("session_id", "key", "viewer_ms")) == {(_SESSION, "DE", 7), (_OTHER, "FR", 9)}
