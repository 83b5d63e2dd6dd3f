"""Figures of `make run`: how soon it is healthy, and what it holds in memory when idle.

`make bench`, or `python -m pytest -m bench -s bench/test_start.py`.
"""

import time
from pathlib import Path

import psutil
import pytest

from tests.stack.whole import RunningStack, running_stack

pytestmark = pytest.mark.bench

_RUNS = 3
_FIRST_START_BUDGET_S = 15
_NEXT_START_BUDGET_S = 8
_IDLE_BUDGET_MB = 500
_MB = 1024**2
# The first beats and sweeps have run by then.
_SETTLE_S = 20


def test_first_and_next_start(tmp_path: Path) -> None:
    first, following = [], []
    for run in range(_RUNS):
        folder = tmp_path / str(run)
        first.append(_started_in_s(folder))
        following.append(_started_in_s(folder))

    print(f"\nfirst start to ready, s: {_row(first)}; next start: {_row(following)}")
    assert max(first) <= _FIRST_START_BUDGET_S
    assert max(following) <= _NEXT_START_BUDGET_S


def _started_in_s(folder: Path) -> float:
    started = time.monotonic()
    with running_stack(folder):
        return time.monotonic() - started


def test_idle_memory(tmp_path: Path) -> None:
    with running_stack(tmp_path) as stack:
        time.sleep(_SETTLE_S)
        pss, rss = _memory_mb(stack)

    print(f"\nidle stack: {pss:.0f} MB proportional (PSS), {rss:.0f} MB as the sum of RSS")
    assert pss <= _IDLE_BUDGET_MB


def _memory_mb(stack: RunningStack) -> tuple[float, float]:
    leader = psutil.Process(stack.process.pid)
    held = [process.memory_full_info() for process in (leader, *leader.children(recursive=True))]
    return sum(each.pss for each in held) / _MB, sum(each.rss for each in held) / _MB


def _row(seconds: list[float]) -> str:
    return " ".join(f"{each:.1f}" for each in seconds)
