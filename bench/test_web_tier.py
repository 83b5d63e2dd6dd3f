"""Figures of the web tier through the edge, with 8 clients: requests per second, and how long the slowest take.

`make bench`, or `python -m pytest -m bench -s bench/test_web_tier.py`.
"""

import statistics
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from bench.load import measure
from livehub.stack import nginx
from livehub.stack.edge import render_edge
from livehub.stack.folders import prepare_folders
from livehub.stack.instance import Instance
from livehub.stack.nginx import Host
from streams.ingest.joins import LONGEST_WAIT_S
from tests.e2e.client import Integrator, Stream
from tests.services import running, wait_until
from tests.stack.whole import RunningStack, free_ports, running_stack

pytestmark = pytest.mark.bench

_ROUNDS = 3
_ROUND_S = 5
_LIVESTREAMS = 30
# Requests per second, at least.
_BUDGETS = {"trivial": 1000, "get one": 350, "list of 25": 200}
_P99_BUDGET_MS = 80
_BARE_SHARE = 0.7
_PUBLISHES = 200
_PUBLISHES_PER_S = 20
_HOOK_P99_BUDGET_MS = 50


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    # One slot: nobody sends what is published here, and starting ffmpeg for it again and again is not what we measure.
    limits = {"LIVEHUB_LIVE_SLOTS": "1", "LIVEHUB_MAX_SESSIONS_PER_ORGANIZATION": "10000"}
    # Counted as ever, but for so many that no key of ours reaches its limit.
    limits["LIVEHUB_API_REQUESTS_PER_KEY"] = "1000000"
    with running_stack(tmp_path_factory.mktemp("stack"), **limits) as running:
        yield running


@pytest.fixture
def bare_url(tmp_path: Path) -> Iterator[str]:
    """The same edge before the same server, with a view that does nothing."""
    (port,) = free_ports(1)
    run = tmp_path / "run"
    instance = replace(
        Instance.from_settings(),
        data_dir=tmp_path,
        runtime_dir=run,
        playback_dir=tmp_path / "playback",
        static_root=tmp_path / "static",
        web_socket=run / "web.sock",
        asgi_socket=run / "asgi.sock",
        http_bind="127.0.0.1",
        http_port=port,
    )
    prepare_folders(instance)
    instance.edge_config.write_text(render_edge(instance, Host.current()))
    edge = nginx.server_argv(config=instance.edge_config, prefix=instance.nginx_temp_dir)
    server = [sys.executable, "-m", "bench.bare_server", str(instance.web_socket)]
    url = f"http://127.0.0.1:{port}/healthz"
    with ExitStack() as cleanup:
        cleanup.enter_context(running(server, log_path=tmp_path / "bare.log"))
        cleanup.enter_context(running(edge, log_path=tmp_path / "edge.log"))
        wait_until(lambda: _is_up(url), timeout_s=20, what="the bare server")
        yield url


def test_requests_per_second(stack: RunningStack, bare_url: str) -> None:
    integrator = Integrator.of(stack)
    newest = [integrator.create() for _ in range(_LIVESTREAMS)][-1]
    api = f"{stack.base_url}/v2/livestreams"
    authorization = integrator.http.headers["Authorization"]
    urls = {
        "bare": bare_url,
        "trivial": f"{stack.base_url}/healthz",
        "get one": f"{api}/{newest.created['id']}",
        "list of 25": api,
    }
    rounds = [
        {name: measure(url, authorization=authorization, round_s=_ROUND_S) for name, url in urls.items()}
        for _ in range(_ROUNDS)
    ]

    rates = {name: statistics.median(figures[name].per_s for figures in rounds) for name in urls}
    slowest = {name: statistics.median(figures[name].p99_ms for figures in rounds) for name in urls}
    for name in urls:
        row = ", ".join(f"{figures[name].per_s:.0f}/s (p99 {figures[name].p99_ms:.0f} ms)" for figures in rounds)
        print(f"\n{name}: {row}", end="")
    print(f"\ntrivial / bare: {rates['trivial'] / rates['bare']:.2f}")
    assert {name: rates[name] for name in _BUDGETS if rates[name] < _BUDGETS[name]} == {}
    assert {name: slowest[name] for name in _BUDGETS if slowest[name] > _P99_BUDGET_MS} == {}
    assert rates["trivial"] >= _BARE_SHARE * rates["bare"]


def test_publish_hook(stack: RunningStack) -> None:
    integrator = Integrator.of(stack)
    streams = [integrator.create() for _ in range(_PUBLISHES)]
    with _hooks(stack) as hooks, ThreadPoolExecutor(max_workers=2 * _PUBLISHES_PER_S) as executor:
        started = time.monotonic()
        answers = []
        for index, stream in enumerate(streams):
            time.sleep(max(0.0, started + index / _PUBLISHES_PER_S - time.monotonic()))
            answers.append(executor.submit(hooks.publish_ms, stream))
        took = sorted(answer.result() for answer in answers)
        for stream in streams:
            hooks.leave(stream)

    p99 = took[int(len(took) * 0.99) - 1]
    print(f"\npublish hook at {_PUBLISHES_PER_S}/s, ms: median {statistics.median(took):.1f}, p99 {p99:.1f}")
    assert p99 <= _HOOK_P99_BUDGET_MS


@contextmanager
def _hooks(stack: RunningStack) -> Iterator["_Hooks"]:
    transport = httpx.HTTPTransport(uds=str(stack.data_dir / "run" / "asgi.sock"))
    with httpx.Client(transport=transport, base_url="http://localhost/internal/ingest") as nginx_rtmp:
        yield _Hooks(nginx_rtmp, (stack.data_dir / "secrets" / "ingest_hook_token").read_text())


@dataclass(frozen=True)
class _Hooks:
    client: httpx.Client
    token: str

    def publish_ms(self, stream: Stream) -> float:
        """Ask for an encoder's admission; return how long that takes, but for the wait for a worker, which is busy."""
        started = time.monotonic()
        assert self._call("publish", stream) == 302
        return (time.monotonic() - started - LONGEST_WAIT_S) * 1000

    def leave(self, stream: Stream) -> None:
        assert self._call("publish-done", stream) == 204

    def _call(self, hook: str, stream: Stream) -> int:
        fields = {"call": hook, "name": stream.created["stream_key"], "clientid": "1", "addr": "127.0.0.1"}
        return self.client.post(f"/{hook}", params={"token": self.token}, data=fields).status_code


def _is_up(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False
