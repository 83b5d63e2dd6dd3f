"""What processes count is whole: added up over all of them, those that are gone as well."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

# Counts `argv[1]` tasks and as many hooks, then does what `argv[2]` says.
_COUNT = """
import os, signal, sys
from livehub.core.counters import HOOK_DURATION, TASKS
def count(times):
    for _ in range(times):
        TASKS.labels("webhooks.sweep", "success").inc()
        HOOK_DURATION.labels("publish").observe(0.02)
count(int(sys.argv[1]))
match sys.argv[2]:
    case "ends": pass
    case "is killed": os.kill(os.getpid(), signal.SIGKILL)
    case "forks":
        if child := os.fork():
            os.waitpid(child, 0)
        else:
            count(int(sys.argv[1]))
            os._exit(0)
    case "stays":
        print("counted", flush=True)
        sys.stdin.read()
"""
_READ = "import sys; from livehub.metrics import counted; sys.stdout.write(counted().decode())"
_TASKS = "livehub_tasks_total"
_HOOKS = "livehub_hook_duration_seconds_count"
_QUICK_HOOKS = "livehub_hook_duration_seconds_bucket"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def _process(folder: Path, code: str, *arguments: object, **more: object) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    argv = [sys.executable, "-c", code, *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, env=environment, text=True, stdin=pipe, stdout=pipe, **more)  # type: ignore[call-overload,no-any-return]


def _count(folder: Path, times: int, then: str = "ends") -> None:
    with _process(folder, _COUNT, times, then) as process:
        process.communicate(timeout=60)


def _read(folder: Path) -> dict[str, float]:
    """Return tasks, hooks, and hooks of 25 ms or less, as one who scrapes is told."""
    with _process(folder, _READ) as process:
        text = process.communicate(timeout=60)[0]
    assert process.returncode == 0
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {
        sample.name: sample.value
        for sample in samples
        if sample.name in {_TASKS, _HOOKS} or (sample.name == _QUICK_HOOKS and sample.labels["le"] == "0.025")
    }


def _all(count: int) -> dict[str, float]:
    return {_TASKS: count, _HOOKS: count, _QUICK_HOOKS: count}


def test_are_those_of_all_processes(folder: Path) -> None:
    with _process(folder, _COUNT, 3, "stays") as living:
        assert living.stdout is not None
        assert living.stdout.readline() == "counted\n"
        _count(folder, 4)
        _count(folder, 5, "is killed")
        _count(folder, 6, "forks")

        assert _read(folder) == _all(3 + 4 + 5 + 6 + 6)
        # Again: what is folded is not folded twice, and what lives is read where it is.
        assert _read(folder) == _all(3 + 4 + 5 + 6 + 6)
        living.communicate(timeout=60)


def test_of_processes_that_are_gone_are_in_one_file_of_each_kind(folder: Path) -> None:
    for _ in range(3):
        _count(folder, 1)
    assert len(list(folder.glob("counter_*.db"))) == 3

    _read(folder)

    gone = {path.name for path in folder.glob("*_gone.db")}
    assert gone == {"counter_gone.db", "histogram_gone.db"}
    # The reader's own, which counts as well.
    assert len(list(folder.glob("*.db"))) == len(gone) + 2


@pytest.mark.parametrize("is_whole", [False, True])
def test_are_neither_lost_nor_twice_where_folding_was_broken_off(folder: Path, is_whole: bool) -> None:
    _count(folder, 5)
    if is_whole:
        # All is added up, and what it was added up from is still there.
        _read(folder)
        _count(folder, 7)
        _read(folder)
        for kind in ("counter", "histogram"):
            (folder / f"{kind}_gone.db").rename(folder / f"{kind}.whole")
        _count(folder, 7)
    for path in folder.glob("*_*.db"):
        path.rename(path.with_suffix(".folding"))

    assert _read(folder) == _all(12 if is_whole else 5)


def test_are_done_without_where_the_disk_is_full(folder: Path) -> None:
    code = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n{_COUNT}\nprint('goes on')"
    with _process(folder, code, 5, "ends") as process:
        assert process.communicate(timeout=60)[0] == "goes on\n"

    _count(folder, 2)
    assert _read(folder) == _all(2)
