"""What players reported of views adds up by day, and stays when the views are dropped."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from random import Random
from uuid import UUID, uuid4

import pytest

from analytics.histograms import slot_of
from analytics.models import DayKind, QualityDay
from analytics.quality import Quality, read_quality, sum_quality
from analytics.ranges import TimeRange
from analytics.tallies import ToldChange, ToldOf, add_changes

pytestmark = pytest.mark.django_db

_FIRST, _SECOND = date(2026, 11, 23), date(2026, 11, 24)
_BOTH = TimeRange(datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 25, tzinfo=UTC))
_APP, _LIVESTREAM, _SESSION = uuid4(), uuid4(), uuid4()
_OF = ToldOf(_APP, _LIVESTREAM, _SESSION, _FIRST, "DE", "desktop")


@dataclass(frozen=True)
class Figures:
    startup_ms: int | None = None
    latency_ms: int | None = None
    played_ms: int = 0
    stalled_ms: int = 0
    stalls: int = 0
    failed: bool = False
    exited_before_start: bool = False


def _of(scope: UUID, *, kind: DayKind = DayKind.ALL, app: UUID = _APP) -> dict[str, Quality]:
    return read_quality("key", scope_ids=[scope], app_ids=[app], during=_BOTH, kind=kind)


def test_figures_of_a_view_that_goes_on_count_once() -> None:
    asked, playing = Figures(), Figures(startup_ms=640, played_ms=9_000)
    stalled = replace(playing, latency_ms=3_000, played_ms=18_000, stalled_ms=2_000, stalls=1)

    add_changes([ToldChange(_OF, None, asked)])
    add_changes([ToldChange(_OF, asked, playing), ToldChange(_OF, None, Figures(exited_before_start=True))])
    add_changes([ToldChange(_OF, playing, stalled), ToldChange(_OF, None, Figures(failed=True))])
    add_changes([ToldChange(_OF, stalled, replace(stalled, latency_ms=6_000))])

    for scope in (_APP, _LIVESTREAM, _SESSION):
        found = _of(scope)[""]
        assert (found.reported, found.failed, found.exited) == (3, 1, 1)
        assert (found.played_ms, found.stalled_ms, found.stalls) == (18_000, 2_000, 1)
        assert (found.rebuffering_percent, found.failures_percent, found.exits_percent) == (10.0, 33.33, 33.33)
        # Between 630 and 710; it was 3 s behind, and is 6: between 5.6 and 6.3.
        assert (found.startup_p50_ms, found.latency_p50_ms) == (670, 5_950)


def test_a_view_that_is_removed_leaves_nothing() -> None:
    told = Figures(startup_ms=640, latency_ms=3_000, played_ms=9_000, stalled_ms=10, stalls=1)
    add_changes([ToldChange(_OF, None, told)])

    add_changes([ToldChange(_OF, told, None)])

    assert _of(_APP) == {}
    assert sum_quality(_of(_SESSION).values()) is None


def test_what_stays_as_it_was_is_not_written() -> None:
    add_changes([ToldChange(_OF, Figures(played_ms=5), Figures(played_ms=5))])
    add_changes([])

    assert not QualityDay.objects.exists()


def test_nobody_who_played_nothing_has_a_share_of_it() -> None:
    add_changes([ToldChange(_OF, None, Figures())])

    found = _of(_SESSION)[""]
    assert (found.rebuffering_percent, found.startup_p95_ms, found.latency_p95_ms) == (None, None, None)


def test_is_another_apps_to_nobody() -> None:
    add_changes([ToldChange(_OF, None, Figures(startup_ms=640))])

    assert _of(_SESSION, app=uuid4()) == {}


def _changes(chance: Random) -> Iterator[ToldChange]:
    sessions = [(uuid4(), uuid4()) for _ in range(3)]
    for _ in range(200):
        livestream, session = chance.choice(sessions)
        day, country = chance.choice([_FIRST, _SECOND]), chance.choice(["DE", "FR", ""])
        of = ToldOf(_APP, livestream, session, day, country, chance.choice(["tv", "mobile"]))
        before: Figures | None = None
        for _ in range(chance.randrange(1, 4)):
            after = Figures(
                startup_ms=chance.choice([None, chance.randrange(200_000)]),
                latency_ms=chance.choice([None, chance.randrange(30_000)]),
                played_ms=chance.randrange(10**6),
                stalled_ms=chance.randrange(10**4),
                stalls=chance.randrange(5),
                failed=chance.random() < 0.1,
                exited_before_start=chance.random() < 0.1,
            )
            yield ToldChange(of, before, after)
            before = after


def test_days_of_apps_livestreams_and_sessions_and_all_kinds_come_to_the_same() -> None:
    chance = Random(7)  # noqa: S311  # As good for a test.
    changes = list(_changes(chance))
    last = {id(change.of): (change.of, change.after) for change in changes}
    while changes:
        some = chance.randrange(1, 40)
        add_changes(changes[:some])
        changes = changes[some:]

    in_all = _of(_APP)[""]
    figures = [figures for _, figures in last.values() if figures is not None]
    assert in_all.reported == len(figures) == 200
    assert in_all.played_ms == sum(each.played_ms for each in figures)
    assert in_all.failed == sum(each.failed for each in figures)
    for histogram, told in (
        (in_all.startup, [each.startup_ms for each in figures]),
        (in_all.latency, [each.latency_ms for each in figures]),
    ):
        slots = [slot_of(length_ms) for length_ms in told if length_ms is not None]
        assert list(histogram) == [slots.count(slot) for slot in range(len(histogram))]
    for kind in (DayKind.COUNTRY, DayKind.DEVICE):
        assert sum_quality(_of(_APP, kind=kind).values()) == in_all
    livestreams, sessions = {of.livestream for of, _ in last.values()}, {of.session for of, _ in last.values()}
    for scopes in (livestreams, sessions):
        by_scope = read_quality("scope_id", scope_ids=scopes, app_ids=[_APP], during=_BOTH)
        assert by_scope.keys() == {str(scope) for scope in scopes}
        assert sum_quality(by_scope.values()) == in_all
    germans = [figures for of, figures in last.values() if of.country == "DE"]
    assert _of(_APP, kind=DayKind.COUNTRY)["DE"].reported == len(germans)
    by_day = read_quality("day", scope_ids=[_APP], app_ids=[_APP], during=_BOTH)
    first = [figures for of, figures in last.values() if of.day == _FIRST]
    assert by_day["2026-11-23"].reported == len(first)
