"""The self-test against deliberate breakages: each is named by its step, with what mends it; and none runs for ever.

`python -m pytest -m chaos tests/chaos/test_self_tests.py`
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from psycopg.rows import dict_row

from tests.e2e.processes import family
from tests.services import wait_until
from tests.stack.whole import BASE_DIR, RunningStack, running_stack

pytestmark = [pytest.mark.chaos, pytest.mark.e2e]

# A machine that is busy fails a step honestly now and then.
_TRIES = 3
_BROKEN_FFMPEG = '#!/bin/sh\n[ -e "$0.broken" ] && { echo "No such filter: drawbox" >&2; exit 8; }\nexec %s "$@"\n'
_Found = dict[str, Any]


@pytest.fixture(scope="module")
def ffmpeg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the product finds as ffmpeg: the real one, unless there is a file beside it."""
    path: Path = tmp_path_factory.mktemp("bin") / "ffmpeg"
    path.write_text(_BROKEN_FFMPEG % shutil.which("ffmpeg"))
    path.chmod(0o755)
    return path


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, ffmpeg: Path) -> Iterator[RunningStack]:
    """A run of its own, whose ffmpeg can be broken."""
    path = f"{ffmpeg.parent}:{os.environ['PATH']}"
    with running_stack(tmp_path_factory.mktemp("stack"), PATH=path) as running:
        yield running


def _command(stack: RunningStack) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "manage.py", "self_test", "--json"],
        cwd=BASE_DIR,
        env=stack.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _end(command: "subprocess.Popen[str]") -> tuple[_Found, str]:
    """Return what a self-test says at its end, nothing if it was refused, and what is told to whoever waits for it."""
    output, complaint = command.communicate()
    found: _Found = json.loads(output) if output else {}
    assert (command.returncode == 0) is (found.get("state") == "passed"), complaint
    return found, complaint


def _rows(stack: RunningStack, query: str) -> list[_Found]:
    with psycopg.connect(
        host=str(stack.runtime_dir / "postgres"), user="livehub", dbname="livehub", row_factory=dict_row
    ) as connection:
        return connection.execute(query.encode()).fetchall()


def _has_come_to(stack: RunningStack, step: str) -> bool:
    rows = _rows(stack, "SELECT steps FROM streams_selftest WHERE state = 'running'")
    return any(each["name"] == step for row in rows for each in row["steps"])


def _failed(found: _Found) -> list[str]:
    return [step["name"] for step in found["steps"] if step["state"] == "failed"]


@contextmanager
def _kept_hung(stack: RunningStack, name: str) -> Iterator[None]:
    """Keep a program and its children from doing anything, also those that the supervisor starts in its place."""
    is_over, stopped = threading.Event(), set[int]()

    def stop() -> None:
        while not is_over.is_set():
            with suppress(KeyError, psutil.Error, OSError):
                for pid in family(stack.pids()[name]):
                    os.kill(pid, signal.SIGSTOP)
                    stopped.add(pid)
            is_over.wait(0.1)

    stop_pids = threading.Thread(target=stop)
    stop_pids.start()
    try:
        wait_until(lambda: bool(stopped), what="the program to hang")
        yield
    finally:
        is_over.set()
        stop_pids.join()
        for pid in stopped:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@contextmanager
def _broken(ffmpeg: Path) -> Iterator[None]:
    mark = ffmpeg.with_suffix(".broken")
    mark.touch()
    try:
        yield
    finally:
        mark.unlink()


def _await_all_programs(stack: RunningStack) -> None:
    """Wait until a self-test passes: nothing is broken any more, or not yet."""
    wait_until(lambda: _end(_command(stack))[0].get("state") == "passed", what="a self-test that passes")


def _assert_nothing_is_left(stack: RunningStack) -> None:
    own = "SELECT app.id FROM streams_app app JOIN streams_organization o ON o.id = organization_id WHERE o.is_internal"
    left = f"SELECT id FROM streams_livestream WHERE deleted_at IS NULL AND app_id IN ({own})"  # noqa: S608
    assert _rows(stack, left) == []


def test_a_broken_ffmpeg_is_named_with_what_it_says(stack: RunningStack, ffmpeg: Path) -> None:
    with _broken(ffmpeg):
        found, complaint = _end(_command(stack))

    assert _failed(found) == ["encoder"]
    assert "No such filter" in found["steps"][0]["detail"]
    assert "Failed. Check that ffmpeg with libx264 is installed" in complaint
    _assert_nothing_is_left(stack)


@pytest.mark.parametrize(
    ("program", "step", "advice"),
    [
        ("ingest", "ingest", "Look at Ingest, Gate and ASGI"),
        ("asgi", "ingest", "Look at Ingest, Gate and ASGI"),
        ("live", "worker", "Look at the live worker"),
        ("origin", "first_part", "Look at Edge and Origin"),
        ("edge", "first_part", "Look at Edge and Origin"),
        ("webhooks", "webhooks", "Look at the webhooks worker"),
        ("collector", "viewers", "Look at Collector"),
    ],
)
def test_a_program_that_hangs_is_named(stack: RunningStack, program: str, step: str, advice: str) -> None:
    found: _Found = {}
    for _ in range(_TRIES):
        with _kept_hung(stack, program):
            found, complaint = _end(_command(stack))
        if _failed(found) == [step]:
            break

    assert _failed(found) == [step], found
    assert found["advice"].startswith(advice)
    assert f"Failed. {advice}" in complaint
    states = {each["name"]: each["state"] for each in found["steps"]}
    assert states.pop("clean_up") == "passed"
    assert list(states.values())[list(states).index(step) + 1 :] == ["skipped"] * (
        len(states) - list(states).index(step) - 1
    )
    _assert_nothing_is_left(stack)


def test_a_live_worker_that_hangs_midway_fails_a_step_and_all_is_cleaned_up(stack: RunningStack) -> None:
    _await_all_programs(stack)
    command = _command(stack)
    wait_until(lambda: _has_come_to(stack, "renditions"), what="the middle of the self-test")

    with _kept_hung(stack, "live"):
        found, complaint = _end(command)

    assert found["state"] == "failed"
    (failed,) = _failed(found)
    assert failed in {"renditions", "blocking_reload", "latency", "webhooks", "capacity", "viewers", "end"}
    assert f"Failed. {found['advice']}" in complaint
    assert found["steps"][-1]["state"] == "passed"
    _assert_nothing_is_left(stack)


def test_an_urgent_worker_that_hangs_midway_holds_nobody_up(stack: RunningStack) -> None:
    _await_all_programs(stack)
    command = _command(stack)
    wait_until(lambda: _has_come_to(stack, "renditions"), what="the middle of the self-test")

    with _kept_hung(stack, "urgent"):
        found, complaint = _end(command)
        _assert_nothing_is_left(stack)

    assert found["state"] == "broken_off"
    assert "Look at the urgent worker" in complaint
    # What it goes on with, once it can, changes nothing of that.
    _await_all_programs(stack)
    (row,) = [row for row in _rows(stack, "SELECT id, state FROM streams_selftest") if str(row["id"]) == found["id"]]
    assert row["state"] == "broken_off"


def test_without_the_urgent_worker_it_is_broken_off_by_who_looks(stack: RunningStack) -> None:
    with _kept_hung(stack, "urgent"):
        found, complaint = _end(_command(stack))

    assert found["state"] == "broken_off"
    assert "Look at the urgent worker" in complaint


def test_a_worker_that_is_killed_midway_leaves_nothing(stack: RunningStack) -> None:
    _await_all_programs(stack)
    command = _command(stack)
    wait_until(lambda: _has_come_to(stack, "renditions"), what="the middle of the self-test")

    os.kill(stack.pids()["urgent"], signal.SIGKILL)

    found, complaint = _end(command)
    assert found["state"] == "broken_off"
    assert "Look at the urgent worker" in complaint
    assert "running" not in {step["state"] for step in found["steps"]}
    _assert_nothing_is_left(stack)
    _await_all_programs(stack)


def test_the_web_program_may_be_killed_meanwhile(stack: RunningStack) -> None:
    found: _Found = {}
    for _ in range(_TRIES):
        command = _command(stack)
        wait_until(lambda: _has_come_to(stack, "renditions"), what="the middle of the self-test")
        before = stack.pids()["web"]
        os.kill(before, signal.SIGKILL)
        found, _ = _end(command)
        if found["state"] == "passed":
            break

    assert found["state"] == "passed", found
    wait_until(lambda: stack.pids().get("web", before) != before, what="the web program")


def test_of_two_at_once_one_is_refused_in_words(stack: RunningStack) -> None:
    _await_all_programs(stack)
    ends = [_end(command) for command in [_command(stack), _command(stack)]]

    (refusal,) = [complaint for found, complaint in ends if not found]
    assert "A self-test is running. It is over within half a minute" in refusal
