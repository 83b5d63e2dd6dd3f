"""Figures of many broadcasts at once that are passed through: does every playlist stay fresh, and what does each cost?

`make bench`, or `python -m pytest -m bench -s bench/test_many_streams.py`.
"""

import os
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import httpx
import psutil
import pytest

from tests.e2e.client import Integrator, Stream
from tests.services import wait_until
from tests.stack.whole import RunningStack, running_stack

pytestmark = pytest.mark.bench

# Whole frames of sound, so that one round of the clip follows another without a gap.
_CLIP_S = 64
_SETTLE_S = 10
_WATCHED_S = 40
_LOOK_EVERY_S = 4.0
# What a playlist lacks by design while all goes well: what has been cut last, and for a segment, all of it.
_DUE_S = {"low": 0.0, "standard": 4.0}
_LATE_S = 1.5
# Each is answered within a second.
_START_S = 150


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """360p30, 500 kbit/s, GOP 2 s: nothing is encoded of it, since no rung is below."""
    path: Path = tmp_path_factory.mktemp("clip") / "360p30.flv"
    argv = [
        "ffmpeg", "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=30",
        "-f", "lavfi", "-i", "sine=r=48000", "-t", str(_CLIP_S),
        "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p",
        "-b:v", "436k", "-maxrate", "436k", "-bufsize", "436k", "-g", "60", "-sc_threshold", "0",
        "-c:a", "aac", "-b:a", "64k", "-ac", "2", str(path),
    ]  # fmt: skip
    subprocess.run(argv, check=True)
    return path


@contextmanager
def _publishing(port: int, clip: Path, streams: list[Stream]) -> Iterator[psutil.Process]:
    argv = [sys.executable, "-m", "bench.crowd", str(port), str(clip), str(_CLIP_S)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        process.stdin.write("\n".join(stream.created["stream_key"] for stream in streams).encode())
        process.stdin.close()
        try:
            yield psutil.Process(process.pid)
        finally:
            process.kill()


@pytest.mark.parametrize(("mode", "count"), [("standard", 100), ("low", 30)])
def test_no_playlist_gets_stale(tmp_path: Path, clip: Path, mode: str, count: int) -> None:
    count = int(os.environ.get("COUNT", count))
    slots = {"LIVEHUB_LIVE_SLOTS": str(count), "LIVEHUB_MAX_SESSIONS_PER_ORGANIZATION": str(count)}
    with running_stack(tmp_path / "stack", **slots) as stack:
        integrator = Integrator.of(stack)
        made = [
            integrator.call("POST", "/livestreams", name=f"s{n}", latency_mode=mode, reconnect_window_s=0)["data"]
            for n in range(count)
        ]
        streams = [Stream(integrator, each) for each in made]
        with _publishing(stack.rtmp_port, clip, streams) as publisher, httpx.Client() as viewer:
            began_at = time.monotonic()
            wait_until(
                lambda: all(_can_play(viewer, stream) for stream in streams), timeout_s=_START_S, what="all live"
            )
            print(f"\n{count} streams, {mode}: all live after {time.monotonic() - began_at:.0f} s")
            time.sleep(_SETTLE_S)
            before, started = _spent_s(stack, publisher), time.monotonic()
            ages = _watch(viewer, streams)
            took = time.monotonic() - started
            cores = {name: (after - before.get(name, 0)) / took for name, after in _spent_s(stack, publisher).items()}
            memory_mb = _memory_mb(stack)

    for name, used in sorted(cores.items(), key=lambda each: -each[1]):
        print(f"  {name}: {used:.3f} cores, {used / count * 1000:.2f} ms a stream and second")
    own = sum(cores.values()) - cores["publishers"]
    ages.sort()
    print(
        f"  ours: {own:.2f} cores, {memory_mb:.0f} MB; age of the newest media, s: median {ages[len(ages) // 2]:.2f}, "
        f"p99 {ages[len(ages) * 99 // 100]:.2f}, worst {ages[-1]:.2f} of {len(ages)}"
    )
    assert ages[-1] <= _DUE_S[mode] + _LATE_S


def _can_play(viewer: httpx.Client, stream: Stream) -> bool:
    return viewer.get(stream.created["playback_url"]).is_success


def _watch(viewer: httpx.Client, streams: list[Stream]) -> list[float]:
    """Return how old the newest media of each playlist was, each time that it was looked at."""
    urls = [_newest_playlist(viewer, stream) for stream in streams]
    ages = []
    ends_at = time.monotonic() + _WATCHED_S
    while True:
        round_ends_at = time.monotonic() + _LOOK_EVERY_S
        ages += [_age_s(viewer.get(url).raise_for_status().text) for url in urls]
        if round_ends_at >= ends_at:
            return ages
        time.sleep(max(0.0, round_ends_at - time.monotonic()))


def _newest_playlist(viewer: httpx.Client, stream: Stream) -> str:
    url = httpx.URL(stream.created["playback_url"])
    uris = [line for line in viewer.get(url).text.splitlines() if line and not line.startswith("#")]
    return f"{url.join(uris[0])}?dvr=0"


def _age_s(playlist: str) -> float:
    """Return how long ago the newest of it ended."""
    ends_at_s = of_parts_s = 0.0
    for line in playlist.splitlines():
        if line.startswith("#EXT-X-PROGRAM-DATE-TIME:"):
            ends_at_s, of_parts_s = datetime.fromisoformat(line.partition(":")[2]).timestamp(), 0.0
        elif part := re.match(r"#EXT-X-PART:.*?DURATION=([\d.]+)", line):
            of_parts_s += float(part[1])
        elif segment := re.match(r"#EXTINF:([\d.]+)", line):
            ends_at_s, of_parts_s = ends_at_s + float(segment[1]), 0.0
    return time.time() - ends_at_s - of_parts_s


def _spent_s(stack: RunningStack, publisher: psutil.Process) -> dict[str, float]:
    """Return the CPU time of each kind of program up to now."""
    names = {pid: name for name, pid in stack.pids().items()}
    spent = defaultdict(float, publishers=_cpu_s(publisher))
    for process in psutil.Process(stack.process.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # It has just ended.
            spent[_kind(process, names)] += _cpu_s(process)
    return spent


def _kind(process: psutil.Process, names: dict[int, str]) -> str:
    if process.name() == "ffmpeg":
        return "transcoders" if "-progress" in process.cmdline() else "pulls"
    for each in (process, *process.parents()):
        if each.pid in names:
            return names[each.pid]
    return process.name()


def _cpu_s(process: psutil.Process) -> float:
    spent = process.cpu_times()
    return float(spent.user + spent.system)


def _memory_mb(stack: RunningStack) -> float:
    processes = [psutil.Process(stack.process.pid), *psutil.Process(stack.process.pid).children(recursive=True)]
    return sum(process.memory_full_info().pss for process in processes) / (1 << 20)
