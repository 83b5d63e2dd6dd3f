"""The system page says which edges are not heard of."""

from datetime import timedelta

import pytest

from analytics.heard import counting_component
from analytics.models import LogCursor
from livehub.core import clock

pytestmark = pytest.mark.django_db


def _heard(edge: str, ago: timedelta) -> LogCursor:
    return LogCursor.objects.create(edge=edge, file_id="", offset=0, heard_at=clock.now() - ago)


def test_nobody_was_heard_of_yet() -> None:
    assert (counting_component().label, counting_component().tone) == ("Not heard yet", "warn")


def test_all_are_heard_of() -> None:
    main = _heard("main", timedelta(seconds=1))
    _heard("far", timedelta(seconds=3))
    # It was taken away.
    _heard("old", timedelta(days=2))

    component = counting_component()

    assert (component.label, component.tone, component.heard_at) == ("Heard", "live", main.heard_at)


def test_edges_that_are_silent_are_named_the_longest_first() -> None:
    _heard("main", timedelta(seconds=1))
    _heard("far", timedelta(minutes=1))
    farther = _heard("farther", timedelta(minutes=2))

    component = counting_component()

    assert (component.label, component.tone, component.since) == ("Silent", "bad", farther.heard_at)
    assert component.trouble == "Who watches at farther, far is not counted at the moment: see collector.log there."
