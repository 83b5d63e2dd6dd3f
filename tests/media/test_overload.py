"""When a machine is called too busy for a run, and when not."""

from collections.abc import Callable

import pytest

from streams.media.overload import OverloadWatch


def _first_s(*, latency_ms: Callable[[float], float | None], is_pushing: Callable[[int], bool]) -> float | None:
    """Look twice a second for a minute; return when it was called overloaded first."""
    watch = OverloadWatch(now_s=100.0)
    for number in range(120):
        at_s = number / 2
        if watch.look(now_s=100.0 + at_s, is_pushing=is_pushing(number), latency_ms=latency_ms(at_s)):
            return at_s
    return None


def test_is_a_transcoder_that_takes_nothing_and_falls_behind() -> None:
    # A quarter of real time too slow, from the twentieth second on.
    found_s = _first_s(latency_ms=lambda at_s: 300 + max(0, at_s - 20) * 250, is_pushing=lambda number: number >= 40)

    assert found_s is not None
    assert 28 < found_s < 30


def test_is_none_before_a_run_has_settled() -> None:
    found_s = _first_s(latency_ms=lambda at_s: 5000 + at_s * 100, is_pushing=lambda number: True)

    assert found_s == 14


def test_is_also_one_that_stays_behind() -> None:
    assert _first_s(latency_ms=lambda at_s: 9000, is_pushing=lambda number: number % 4 > 0) is not None


@pytest.mark.parametrize(
    ("latency_ms", "is_pushing"),
    [
        pytest.param(lambda at_s: 300 + at_s * 250, lambda number: False, id="a network that gets slower"),
        pytest.param(lambda at_s: 300 + at_s * 250, lambda number: number % 2 == 0, id="bursts"),
        pytest.param(lambda at_s: 2400, lambda number: True, id="full use of the machine"),
        pytest.param(lambda at_s: None, lambda number: True, id="a transcoder that has not begun"),
        pytest.param(lambda at_s: max(300, 9000 - at_s * 150), lambda number: True, id="making up for a pause"),
    ],
)
def test_is_nothing_else(latency_ms: Callable[[float], float | None], is_pushing: Callable[[int], bool]) -> None:
    assert _first_s(latency_ms=latency_ms, is_pushing=is_pushing) is None
