"""Lengths of time between fixed boundaries."""

from itertools import pairwise
from random import Random

import pytest

from analytics.histograms import BOUNDS_MS, SLOTS, percentile, slot_of


def _counted(lengths_ms: list[int]) -> list[int]:
    counts = [0] * SLOTS
    for length_ms in lengths_ms:
        counts[slot_of(length_ms)] += 1
    return counts


def test_boundaries_are_those_that_rows_are_counted_by() -> None:
    # What was written between others would be read wrongly for ever.
    assert (len(BOUNDS_MS), SLOTS) == (67, 68)
    assert BOUNDS_MS[:4] == (50, 56, 63, 71)
    assert BOUNDS_MS[-3:] == (80_000, 90_000, 100_000)
    assert list(BOUNDS_MS) == sorted(set(BOUNDS_MS))
    steps = [after / before for before, after in pairwise(BOUNDS_MS)]
    assert max(steps) < 1.15


@pytest.mark.parametrize(
    ("length_ms", "slot"), [(0, 0), (49, 0), (50, 1), (55, 1), (56, 2), (99_999, 66), (100_000, 67), (10**9, 67)]
)
def test_a_length_is_not_below_the_boundary_before_its_place(length_ms: int, slot: int) -> None:
    assert slot_of(length_ms) == slot


def test_of_nothing_there_is_no_percentile() -> None:
    assert percentile([0] * SLOTS, 50) is None


def test_one_view_is_told_within_its_place() -> None:
    counts = _counted([1200])

    assert (percentile(counts, 50), percentile(counts, 95)) == (1185, 1244)


def test_what_is_longer_than_all_is_told_as_the_last_boundary() -> None:
    assert percentile(_counted([10**7]), 95) == 100_000


@pytest.mark.parametrize("percent", [50, 95])
def test_percentiles_are_within_six_percent(percent: int) -> None:
    for seed in range(20):
        chance = Random(seed)  # noqa: S311  # As good for a test.
        lengths_ms = sorted(round(chance.lognormvariate(6.8, 0.8)) for _ in range(1000))
        exact = lengths_ms[1000 * percent // 100 - 1]

        found = percentile(_counted(lengths_ms), percent)

        assert found is not None
        assert abs(found - exact) <= 0.06 * exact


def test_counts_of_several_add_up() -> None:
    first, second = [100, 200, 900], [300, 40_000]
    added = [sum(both) for both in zip(_counted(first), _counted(second), strict=True)]

    assert added == _counted([*first, *second])
