"""The system page says which edges are not heard of, and who watches through those that are."""

from datetime import timedelta
from uuid import uuid4

import pytest
from pytest_django import DjangoAssertNumQueries

from analytics.heard import look_at_edges
from analytics.models import LogCursor, SessionNow
from livehub.core import clock
from streams.system.components import Component

pytestmark = pytest.mark.django_db


def _heard(edge: str, ago: timedelta) -> LogCursor:
    return LogCursor.objects.create(edge=edge, file_id="", offset=0, heard_at=clock.now() - ago)


def _watched(edge: str, ago: timedelta, *, counted: int, estimated: int) -> None:
    at = clock.now() - ago
    SessionNow.objects.create(session_id=uuid4(), edge=edge, counted=counted, estimated=estimated, at=at)


def _component() -> Component:
    (component,) = look_at_edges().components
    return component


def test_nobody_was_heard_of_yet() -> None:
    assert (_component().label, _component().tone) == ("Not heard yet", "warn")
    assert look_at_edges().rows == []


def test_all_are_heard_of() -> None:
    main = _heard("main", timedelta(seconds=1))
    _heard("far", timedelta(seconds=3))
    # It was taken away; with a word, and without one.
    _heard("gone", timedelta(minutes=5))
    LogCursor.objects.filter(edge="gone").update(has_left=True)
    _heard("old", timedelta(days=2))

    component = _component()

    assert (component.label, component.tone, component.heard_at) == ("Heard", "live", main.heard_at)
    assert [(row.name, row.label) for row in look_at_edges().rows] == [("far", "Heard"), ("main", "Heard")]


def test_edges_that_are_silent_are_named_the_longest_first() -> None:
    _heard("main", timedelta(seconds=1))
    _heard("far", timedelta(minutes=1))
    farther = _heard("farther", timedelta(minutes=2))

    component = _component()

    assert (component.label, component.tone, component.since) == ("Silent", "bad", farther.heard_at)
    assert component.trouble == "Who watches at farther, far is not counted at the moment: see collector.log there."
    assert {row.name: row.label for row in look_at_edges().rows} == {
        "far": "Silent",
        "farther": "Silent",
        "main": "Heard",
    }


def test_who_watches_is_added_up_for_each_edge_and_not_known_of_a_silent_one() -> None:
    for edge in ("busy", "main"):
        _heard(edge, timedelta(seconds=9))
        # What it has said holds for as long as it is heard of.
        _watched(edge, timedelta(seconds=10), counted=20, estimated=1)
        _watched(edge, timedelta(seconds=10), counted=30, estimated=2)
        _watched(edge, timedelta(minutes=1), counted=500, estimated=500)
    _heard("idle", timedelta(seconds=1))
    _heard("silent", timedelta(seconds=11))
    _watched("silent", timedelta(seconds=11), counted=7, estimated=7)

    found = {row.name: (row.counted, row.estimated) for row in look_at_edges().rows}

    assert found == {"busy": (50, 3), "idle": (0, 0), "main": (50, 3), "silent": (None, None)}


def test_all_is_read_by_one_look(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for edge in ("main", "far"):
        _heard(edge, timedelta(seconds=1))

    with django_assert_num_queries(1):
        look_at_edges()
