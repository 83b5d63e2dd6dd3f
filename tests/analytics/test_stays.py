"""For how long a view goes on, and what of the media that was fetched is counted as what."""

from uuid import UUID

import pytest

from analytics.counting.batch import LogBatch, Position
from analytics.counting.counter import ViewCounter
from tests.analytics.crowds import BEGAN_S, PARTS, line
from tests.analytics.test_counting import counter

_NOW_MS = int(BEGAN_S * 1000) + 600_000
_ONE = 'sid="one"'


def _batch(counting: ViewCounter) -> LogBatch:
    return counting.batch(edge="main", after=Position(), until=Position())


def _fed(*lines: bytes) -> ViewCounter:
    counting = counter()
    counting.feed(lines, now_ms=_NOW_MS)
    return counting


def _of(counting: ViewCounter) -> dict[UUID, bool]:
    """Return each view, and whether it goes on."""
    return {view.id: view.state is not None for view in _batch(counting).views}


def _segments(first_s: float, *, count: int = 3, msn: int = 0) -> list[bytes]:
    return [line(BEGAN_S + first_s + 2 * number, msn=msn + number, cmcd=_ONE) for number in range(count)]


class TestHowLong:
    def test_who_pauses_for_less_than_five_minutes_is_one_view(self) -> None:
        counting = _fed(*_segments(0))
        counting.expire(int(BEGAN_S * 1000) + 4_000 + 299_000)
        counting.feed(_segments(303, msn=151), now_ms=_NOW_MS)

        assert list(_of(counting).values()) == [True]

    def test_who_comes_back_after_more_is_another(self) -> None:
        counting = _fed(*_segments(0))
        counting.expire(int(BEGAN_S * 1000) + 4_000 + 301_000)
        counting.feed(_segments(306, msn=153), now_ms=_NOW_MS)

        assert sorted(_of(counting).values()) == [False, True]

    def test_who_has_only_looked_in_is_forgotten_after_a_minute(self) -> None:
        counting = _fed(line(BEGAN_S, msn=1, part=0, cmcd=_ONE))

        counting.expire(int(BEGAN_S * 1000) + 59_000)
        assert len(counting) == 1
        counting.expire(int(BEGAN_S * 1000) + 61_000)
        assert len(counting) == 0


def test_of_a_segment_after_some_of_its_parts_the_rest_counts() -> None:
    """As of who comes in the middle of one, and then falls back to segments."""
    parts = [line(BEGAN_S + part / PARTS, msn=7, part=part, cmcd=_ONE) for part in range(3, PARTS)]
    whole = [line(BEGAN_S + 1, msn=7, cmcd=_ONE), line(BEGAN_S + 10, msn=8, cmcd=_ONE)]

    added = _batch(_fed(*parts, *whole)).added

    # Two seconds of the first, and half of the other one.
    assert sum(each.watched_ms for each in added) == 3000


@pytest.mark.parametrize("status", [200, 206])
def test_an_object_counts_whole_also_as_a_range_of_all_of_it(status: int) -> None:
    """As Apple's players ask: bytes=0-."""
    batch = _batch(_fed(line(BEGAN_S, msn=1, cmcd=_ONE, status=status)))

    assert (batch.lines, batch.rejected, len(batch.views)) == (1, {}, 1)


class TestRendition:
    def test_is_the_pictures_where_there_is_one(self) -> None:
        beside = [
            line(BEGAN_S + 2 * msn + late_s, msn=msn, slot=slot, cmcd=_ONE)
            for msn in range(10)
            for slot, late_s in (("v1", 0.0), ("a0", 0.5))
        ]

        assert {each.rendition for each in _batch(_fed(*beside)).added} == {"v1"}

    def test_is_the_sounds_where_that_is_heard_alone(self) -> None:
        seen, heard = (
            [line(BEGAN_S + 2 * msn, msn=msn, slot=slot, cmcd=_ONE) for msn in segments]
            for slot, segments in (("v0", range(5)), ("a0", range(5, 40)))
        )

        added = _batch(_fed(*seen, *heard)).added
        assert {each.rendition for each in added} == {"v0", "a0"}
        # The picture was delivered last after eight seconds, and its view is one of sound fifteen seconds later.
        assert sum(each.watched_ms for each in added if each.rendition == "a0") == 56_000
