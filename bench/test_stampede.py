"""Figures of the first moment: how many of a thousand viewers of a signed livestream get in, and how soon.

`make bench`, or `python -m pytest -m bench -s bench/test_stampede.py`.
"""

import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.client import Integrator, Stream
from tests.services import HANG_S, wait_until
from tests.stack.test_nginx import accepts
from tests.stack.whole import RunningStack, running_stack, stack_environment, start

pytestmark = pytest.mark.bench

_VIEWERS = 1000
# Players ask again after 10 s; viewers sooner.
_BUDGETS_MS = {"hub": 3000, "edge": 5000}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture(scope="module")
def ports(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """Where viewers come in: at the hub, and at an edge node in front of it."""
    folder: Path = tmp_path_factory.mktemp("edge")
    environment = stack_environment(folder, LIVEHUB_ORIGIN_URL=f"http://127.0.0.1:{stack.http_port}")
    process, output_path = start(folder, environment)
    port = int(environment["LIVEHUB_HTTP_PORT"])
    try:
        wait_until(lambda: "is ready" in output_path.read_text() and accepts(port), what="the edge node")
        yield {"hub": stack.http_port, "edge": port}
    finally:
        process.terminate()
        process.wait(timeout=HANG_S)


@pytest.mark.parametrize("door", _BUDGETS_MS)
@pytest.mark.parametrize("settings", [{}, {"max_viewers": 5000}], ids=["signed", "counted"])
@pytest.mark.parametrize("tokens", [1, _VIEWERS])
def test_nobody_is_refused_because_others_come(
    stack: RunningStack, ports: dict[str, int], door: str, tokens: int, settings: dict[str, int]
) -> None:
    stream = Integrator.of(stack).create()
    stream.integrator.call("PATCH", stream.path, playback_policy="signed", **settings)
    folder = stack.data_dir / "playback" / stream.created["playback_url"].split("/")[-2]
    folder.mkdir()
    (folder / "index.m3u8").write_text("#EXTM3U\n")
    addresses = [_address(stream, number) for number in range(tokens)]

    answers = _come(ports[door], addresses * (_VIEWERS // tokens))

    statuses = Counter(status for status, _ in answers)
    took = sorted(took_ms for _, took_ms in answers)
    p50, p99 = statistics.median(took), took[int(len(took) * 0.99)]
    what = f"{door}, {tokens} tokens{', counted' if settings else ''}"
    print(f"\n{what}: {dict(statuses)}; p50 {p50:.0f} ms, p99 {p99:.0f} ms, most {took[-1]:.0f} ms", end="")
    assert statuses == {200: _VIEWERS}
    assert took[-1] <= _BUDGETS_MS[door]


def _address(stream: Stream, number: int) -> str:
    """Return the path that a viewer plays it at."""
    given = stream.integrator.call("POST", f"{stream.path}/playback-tokens", viewer_id=f"viewer-{number}")
    return str(given["data"]["playback_url"]).partition("/playback/")[2]


def _come(port: int, addresses: list[str]) -> list[tuple[int, float]]:
    argv = [sys.executable, "-m", "bench.stampede", str(port)]
    paths = "\n".join(f"/playback/{address}" for address in addresses)
    report = subprocess.run(argv, input=paths, capture_output=True, text=True, check=True, timeout=60).stdout
    return [(int(status), float(took_ms)) for status, took_ms in map(str.split, report.splitlines())]
