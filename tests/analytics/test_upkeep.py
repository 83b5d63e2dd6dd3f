"""Rows of figures are kept up: again and again without harm, and what fails is seen."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from pytest_django import Settings

from analytics.models import DailySalt, SessionNow, UpkeepStep, View
from analytics.partitions import list_days, make_partitions, today
from analytics.tasks import keep_up
from analytics.upkeep import upkeep_component
from livehub.core import clock

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def view(*, hours_ago: int, state: bytes | None) -> View:
    at = clock.now() - timedelta(hours=hours_ago)
    return View.objects.create(
        id=uuid4(),
        began_at=at,
        last_at=at,
        app_id=uuid4(),
        livestream_id=uuid4(),
        session_id=uuid4(),
        edge="main",
        viewer=b"v" * 16,
        identity="cmcd",
        device="desktop",
        state=state,
    )


def test_makes_days_ahead_and_drops_those_whose_time_is_over(settings: Settings) -> None:
    settings.VIEW_RETENTION_DAYS = 5
    make_partitions([today() - 6 * DAY, today() - 5 * DAY])
    for hours_ago in (6 * 24, 5 * 24):
        view(hours_ago=hours_ago, state=None)

    for _ in range(2):
        keep_up()

        assert list_days() == [today() - 5 * DAY, *(today() + ahead * DAY for ahead in range(4))]
        assert [found.began_at.date() for found in View.objects.all()] == [today() - 5 * DAY]


def test_forgets_salts_after_two_days() -> None:
    for days_ago in range(5):
        DailySalt.objects.create(day=today() - days_ago * DAY, salt=b"s")

    keep_up()

    assert sorted(DailySalt.objects.values_list("day", flat=True)) == [today() - DAY, today()]


def test_closes_views_that_nobody_goes_on_with() -> None:
    left, going_on = view(hours_ago=13, state=b"s"), view(hours_ago=1, state=b"s")

    keep_up()

    assert View.objects.get(id=left.id).state is None
    assert bytes(View.objects.get(id=going_on.id).state or b"") == b"s"


def test_forgets_who_watched_then() -> None:
    for edge, hours_ago in (("gone", 2), ("main", 0)):
        at = clock.now() - timedelta(hours=hours_ago)
        SessionNow.objects.create(session_id=uuid4(), edge=edge, counted=1, estimated=0, at=at)

    keep_up()

    assert [row.edge for row in SessionNow.objects.all()] == ["main"]


class TestComponent:
    def test_runs_once_all_was_done(self) -> None:
        assert (upkeep_component().label, upkeep_component().tone) == ("Not due yet", "")

        keep_up()

        assert (upkeep_component().label, upkeep_component().trouble) == ("Runs", "")

    def test_is_silent_where_nobody_calls(self) -> None:
        keep_up()
        UpkeepStep.objects.filter(name="Salts").update(done_at=clock.now() - timedelta(hours=1))

        assert (upkeep_component().label, upkeep_component().tone) == ("Silent", "bad")

    @pytest.mark.django_db(transaction=True)
    def test_says_what_fails_and_since_when_until_it_is_done_again(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE analytics_dailysalt RENAME TO away")
        try:
            keep_up()
            first = upkeep_component()
            keep_up()
        finally:
            with connection.cursor() as cursor:
                cursor.execute("ALTER TABLE away RENAME TO analytics_dailysalt")

        assert (first.label, first.tone) == ("Fails", "bad")
        assert first.trouble.startswith("Salts: relation")
        # The others were done all the same.
        assert UpkeepStep.objects.filter(failing_since=None).count() == 4
        assert upkeep_component().since == first.since

        keep_up()
        assert upkeep_component().label == "Runs"
