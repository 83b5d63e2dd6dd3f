"""How many more broadcasts a machine carries: the sum, by figures that are worked out by hand."""

import os
import subprocess

import psutil
import pytest

from streams.self_tests.machine import Usage, capacity_between, look


def _after(seconds: float, *, idle: float, worker: float = 0, broadcast: float = 0, own: float = 0) -> Usage:
    return Usage(100 + seconds, 1000 + idle, 50 + worker, 7 + broadcast, 3 + own)


_BEFORE = Usage(100, 1000, 50, 7, 3)


def test_counts_what_is_free_once_the_test_is_over() -> None:
    # In 5 s: 0.6 s by ffmpeg, 0.4 s by the worker: 0.2 cores. Free: 6 s idle, and 1 s + 1 s of the test's: 1.6 cores.
    found = capacity_between(_BEFORE, _after(5, idle=6, worker=0.4, broadcast=0.6, own=1), sharers=1, free_places=20)

    assert found is not None
    assert found.broadcast_cores == pytest.approx(0.2)
    assert found.free_cores == pytest.approx(1.6)
    # 1.6 / 0.2
    assert found.more == 8


def test_a_worker_that_others_share_counts_in_part() -> None:
    # 0.5 s by ffmpeg, a fourth of 2 s by the worker: 0.1 cores in 10 s. Free: 0.55 + 0.1.
    found = capacity_between(_BEFORE, _after(10, idle=5.5, worker=2, broadcast=0.5), sharers=4, free_places=20)

    assert found is not None
    assert found.broadcast_cores == pytest.approx(0.1)
    assert found.free_cores == pytest.approx(0.65)
    assert found.more == 6


def test_is_never_more_than_the_places() -> None:
    found = capacity_between(_BEFORE, _after(5, idle=9, broadcast=0.1), sharers=1, free_places=3)

    assert found is not None
    assert found.more == 3


def test_a_full_machine_carries_none() -> None:
    found = capacity_between(_BEFORE, _after(5, idle=0, broadcast=9, own=0.5), sharers=1, free_places=8)

    assert found is not None
    assert found.more == 0


def test_says_nothing_where_nothing_was_seen() -> None:
    assert capacity_between(_BEFORE, _after(5, idle=5), sharers=1, free_places=8) is None
    assert capacity_between(_BEFORE, _BEFORE, sharers=1, free_places=8) is None


def test_looks_at_real_processes_and_counts_one_that_is_gone_for_nothing() -> None:
    with subprocess.Popen(["/bin/true"]) as gone:
        gone.wait()

    before = look(worker=os.getpid(), broadcast=[gone.pid], own=[])
    sum(number * number for number in range(2_000_000))
    after = look(worker=os.getpid(), broadcast=[gone.pid], own=[])

    assert before.broadcast_s == after.broadcast_s == 0
    assert after.worker_s > before.worker_s
    assert after.at_s > before.at_s


def test_what_is_idle_is_what_waits_for_a_disk_and_what_does_nothing() -> None:
    before = psutil.cpu_times()
    found = look(worker=os.getpid(), broadcast=[], own=[])
    after = psutil.cpu_times()

    # Its counts go back now and then, by a tick or two of each core.
    assert before.idle + before.iowait - 1 <= found.idle_s <= after.idle + after.iowait + 1
