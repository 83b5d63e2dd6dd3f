"""Figures of what viewers feel: from the encoder's picture to the player's, by a clock in the picture itself.

`make bench`, or `python -m pytest -m bench -s bench/test_latency.py`.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from bench.clocked import clocked_encoder, latencies_ms, read_clock
from tests.e2e.client import Integrator, Stream
from tests.services import wait_until
from tests.stack.whole import RunningStack, running_stack

pytestmark = pytest.mark.bench

_SETTLE_S = 12
_WATCHED_S = 60
_RUNS = 3
_BUDGET_MS = {"passed through": (1200, 1600), "encoded": (1600, 2000)}
_PAGE = """
<video muted autoplay playsinline width="640"></video>
<script src="{base}/static/vendor/hls.js@1.7.4/hls.min.js"></script>
<script>
  window.hls = new Hls({{maxLiveSyncPlaybackRate: 1.5}});
  hls.on(Hls.Events.MANIFEST_PARSED, () => {{ if ({level} >= 0) hls.currentLevel = hls.loadLevel = {level}; }});
  hls.loadSource('{url}');
  hls.attachMedia(document.querySelector('video'));
</script>
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture(scope="module")
def live(stack: RunningStack) -> Iterator[Stream]:
    stream = Integrator.of(stack).create()
    with clocked_encoder(stream.publish_url):
        stream.await_status("LIVE", timeout_s=30)
        yield stream


def _watch(browser: Browser, stack: RunningStack, url: str, *, level: int) -> tuple[int, int, int]:
    """Return the median and the 95th percentile of the picture's age in ms, and how often it stalled."""
    page = browser.new_page()
    try:
        page.goto(f"{stack.base_url}/healthz")
        page.set_content(_PAGE.format(base=stack.base_url, url=url, level=level))
        wait_until(lambda: page.evaluate("() => document.querySelector('video').currentTime > 0"), what="the picture")
        read_clock(page)
        page.wait_for_timeout(_SETTLE_S * 1000)
        ages, stalls = latencies_ms(page, seconds=_WATCHED_S)
    finally:
        page.close()
    return ages[len(ages) // 2], ages[len(ages) * 95 // 100], stalls


@pytest.mark.parametrize(("name", "level"), [("passed through", 1), ("encoded", 0)])
def test_glass_to_glass(browser: Browser, stack: RunningStack, live: Stream, name: str, level: int) -> None:
    for _ in range(_RUNS):
        median_ms, late_ms, stalls = _watch(browser, stack, live.created["playback_url"], level=level)
        print(
            f"\nglass to glass, {name}, ms: p50 {median_ms}, p95 {late_ms}; {stalls} stalls in {_WATCHED_S} s", end=""
        )
        assert (median_ms, late_ms) <= _BUDGET_MS[name]
        assert stalls == 0
