"""Figures of the self-test: how long all of it takes, and what it says of this machine.

`python -m pytest -m bench -s bench/test_self_test.py`.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
import pytest

from bench.outsider import read_ages
from tests.e2e.client import Integrator, Stream
from tests.services import wait_until
from tests.stack.whole import RunningStack, running_stack

pytestmark = pytest.mark.bench

_RUNS = 5
_BUDGET_MS, _OFF_MAX_MS = 30_000, 50
# Read from outside: some segments, of which the first is read in part.
_PARTS, _SAMPLES = 16, 3
_CLIP_S, _PLACES = 64, 24
# A machine that cannot hold real time leaves a rendition out within this.
_HELD_S = 40
_N_WITHIN = 0.25


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


def test_duration(stack: RunningStack) -> None:
    integrator = Integrator.of(stack)
    found = [_end(integrator, _start(integrator)) for _ in range(_RUNS)]

    for told in found:
        steps = ", ".join(f"{step['name']} {step['ms']}" for step in told["steps"])
        print(f"\n{told['state']} in {told['duration_ms']} ms: {steps}", end="")
    worst_ms = max(told["duration_ms"] for told in found)
    print(f"\nself-test with its clean-up, worst of {_RUNS}: {worst_ms} ms (wanted <= {_BUDGET_MS})")
    assert {told["state"] for told in found} == {"passed"}
    assert worst_ms <= _BUDGET_MS


def test_latency_is_what_is_read_from_outside(stack: RunningStack) -> None:
    integrator, off_ms = Integrator.of(stack), []
    for _ in range(_RUNS):
        there = _start(integrator)
        wait_until(partial(_has_passed, integrator, there, "first_part"), what="the first part")
        with ThreadPoolExecutor(1) as outside:
            reading = outside.submit(read_ages, _playback_url(stack), parts=_PARTS)
            # It looks at the parts that come next, as many as these.
            wait_until(partial(_has_passed, integrator, there, "blocking_reload"), what="its latency being measured")
            since_ms = time.time_ns() // 1_000_000
            seen = [ages for ages in reading.result() if ages.at_ms >= since_ms][:_SAMPLES]
        newest_ms, oldest_ms = median(ages.newest_ms for ages in seen), median(ages.oldest_ms for ages in seen)
        told = _end(integrator, there)
        assert told["state"] == "passed", told
        off_ms += [told["encoder_to_fetchable_ms"] - newest_ms, told["glass_to_fetchable_ms"] - oldest_ms]
        print(
            f"\nnewest picture {told['encoder_to_fetchable_ms']} ms, from outside {newest_ms:.0f}; "
            f"oldest {told['glass_to_fetchable_ms']} ms, from outside {oldest_ms:.0f}",
            end="",
        )

    worst_ms = max(map(abs, off_ms))
    print(f"\nself-test's latency off an outside reading, worst: {worst_ms:.0f} ms (wanted <= {_OFF_MAX_MS})")
    assert worst_ms <= _OFF_MAX_MS


def _start(integrator: Integrator) -> str:
    return f"/self-tests/{integrator.call('POST', '/self-tests')['data']['id']}"


def _end(integrator: Integrator, there: str) -> dict[str, Any]:
    wait_until(partial(_is_over, integrator, there), what="its end")
    told: dict[str, Any] = integrator.call("GET", there)["data"]
    return told


def _is_over(integrator: Integrator, there: str) -> bool:
    return bool(integrator.call("GET", there)["data"]["state"] != "running")


def _has_passed(integrator: Integrator, there: str, name: str) -> bool:
    steps = integrator.call("GET", there)["data"]["steps"]
    return any(step["name"] == name and step["state"] == "passed" for step in steps)


def _playback_url(stack: RunningStack) -> str:
    """Return where the self-test's broadcast is played, which nobody is told."""
    (playback_id,) = _row(
        stack, "SELECT playback_id FROM streams_livestream WHERE name = 'Self-test' ORDER BY created_at DESC LIMIT 1"
    )
    return f"{stack.base_url}/playback/{playback_id}/index.m3u8"


def test_carries_as_many_more_as_it_says(tmp_path: Path) -> None:
    """Against broadcasts that are really started, until one is made fewer renditions of."""
    clip = _clip(tmp_path / "720p30.flv")
    room = {"LIVEHUB_LIVE_SLOTS": str(_PLACES), "LIVEHUB_MAX_SESSIONS_PER_ORGANIZATION": str(_PLACES)}
    with running_stack(tmp_path / "stack", **room) as stack:
        integrator = Integrator.of(stack)
        said = [_end(integrator, _start(integrator))["carries_more"] for _ in range(_RUNS)]
        streams = [integrator.create(f"s{number}") for number in range(_PLACES)]
        carried = next(count - 1 for count in range(1, _PLACES + 1) if not _carries(stack, clip, streams[:count]))

    off = abs(median(said) - carried) / carried
    print(
        f"\nself-test's N off what is carried: {off:.0%} (wanted <= {_N_WITHIN:.0%}); "
        f"it says {said}, {carried} are carried"
    )
    assert off <= _N_WITHIN


def _clip(path: Path) -> Path:
    """Make what the self-test sends, in whole frames of sound, so that one round follows another without a gap."""
    argv = [
        "ffmpeg", "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=s=1280x720:r=30",
        "-f", "lavfi", "-i", "sine=r=48000", "-t", str(_CLIP_S),
        "-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-pix_fmt", "yuv420p",
        "-b:v", "2500k", "-maxrate", "2500k", "-bufsize", "2500k", "-g", "60", "-sc_threshold", "0",
        "-c:a", "aac", "-b:a", "128k", str(path),
    ]  # fmt: skip
    subprocess.run(argv, check=True)
    return path


def _carries(stack: RunningStack, clip: Path, streams: list[Stream]) -> bool:
    """Tell whether as many are made all renditions of for as long as it takes to find out."""
    with _publishing(stack.rtmp_port, clip, streams):
        for stream in streams:
            stream.await_status("LIVE")
        held_until = time.monotonic() + _HELD_S
        while time.monotonic() < held_until and not _reduced(stack):
            time.sleep(1)
        found = _reduced(stack)
    for stream in streams:
        wait_until(lambda stream=stream: stream.status != "LIVE", what="its end")  # type: ignore[misc]
    print(f"\n{len(streams)} broadcasts: {found} of them are made fewer renditions of")
    return not found


def _reduced(stack: RunningStack) -> int:
    (found,) = _row(
        stack, "SELECT count(*) FROM streams_session WHERE stopped_at IS NULL AND cardinality(left_out) > 0"
    )
    return int(found)


def _row(stack: RunningStack, query: str) -> tuple[Any, ...]:
    with psycopg.connect(host=str(stack.runtime_dir / "postgres"), user="livehub", dbname="livehub") as connection:
        found = connection.execute(query.encode()).fetchone()
    assert found is not None
    return found


@contextmanager
def _publishing(port: int, clip: Path, streams: list[Stream]) -> Iterator[None]:
    argv = [sys.executable, "-m", "bench.crowd", str(port), str(clip), str(_CLIP_S)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        process.stdin.write("\n".join(stream.created["stream_key"] for stream in streams).encode())
        process.stdin.close()
        try:
            yield
        finally:
            process.kill()
