"""Figures of an encoder that drops and comes back, by a stock player: pictures, sound and delay.

`make bench`, or `python -m pytest -m bench -s bench/test_reconnect.py`.
"""

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from bench.clocked import clocked_encoder, latencies_ms, read_clock
from tests.e2e.client import Integrator, Stream
from tests.services import wait_until
from tests.stack.whole import RunningStack, running_stack

pytestmark = pytest.mark.bench

# Until there are enough segments to begin with, and until the player has come to rest.
_BEGUN_S = 6
_SETTLE_S = 10
_WATCHED_S = 6
_AWAY_S = 6
_WINDOW_S = 60
# A few frames, and what a busy machine makes of them.
_LONGEST_PICTURE_MS = 250
_PAGE = """
<video autoplay playsinline width="640"></video>
<script src="{base}/static/vendor/hls.js@1.7.4/hls.min.js"></script>
<script>
  window.hls = new Hls({{maxLiveSyncPlaybackRate: 1.5}});
  window.errors = [];
  hls.on(Hls.Events.MANIFEST_PARSED, () => {{ if ({level} >= 0) hls.currentLevel = hls.loadLevel = {level}; }});
  hls.on(Hls.Events.ERROR, (_, data) => errors.push(data.details + (data.fatal ? ' (fatal)' : '')));
  hls.loadSource('{url}');
  hls.attachMedia(document.querySelector('video'));
</script>
"""
# How long each picture stands, and how often the player waits; times are since the page was asked to count.
_COUNTER = """
() => {
  const video = document.querySelector('video');
  window.count = {began: performance.now(), longest: 0, at: 0, stalls: 0, pictures: 0};
  errors.length = 0;
  if (window.counts) return;
  window.counts = true;
  let last = performance.now();
  video.addEventListener('waiting', () => { count.stalls += 1; });
  const shown = (now) => {
    if (now - last > count.longest) { count.longest = now - last; count.at = now - count.began; }
    count.pictures += 1;
    last = now;
    video.requestVideoFrameCallback(shown);
  };
  video.requestVideoFrameCallback(shown);
}
"""
# What a player could not play, of sound or of picture: ms between the ranges that it has of both.
_HOLES = """
() => {
  const ranges = document.querySelector('video').buffered;
  let missing = 0;
  for (let at = 1; at < ranges.length; at += 1) missing += ranges.start(at) - ranges.end(at - 1);
  return missing * 1000;
}
"""
# The slate's picture reads as a time long gone, or yet to come; one that is held is as old as the absence at least.
_FIRST_SHOWN_MS = f"() => shown_ms[latencies.findIndex((age) => age > 0 && age < {_AWAY_S * 1000 - 1000})]"

_AGE = "() => window.latencies[window.latencies.length - 1]"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture(params=["slate", "hold"])
def stream(stack: RunningStack, request: pytest.FixtureRequest) -> Stream:
    integrator = Integrator.of(stack)
    while_away: str = request.param
    print(f"\n{while_away}:", end="")
    told = {"name": "Keynote", "reconnect_window_s": _WINDOW_S, "while_away": while_away}
    return Stream(integrator, integrator.call("POST", "/livestreams", **told)["data"])


@contextmanager
def _watched(browser: Browser, stack: RunningStack, stream: Stream, *, level: int) -> Iterator[Page]:
    page = browser.new_page()
    try:
        page.wait_for_timeout(_BEGUN_S * 1000)
        page.goto(f"{stack.base_url}/healthz")
        page.set_content(_PAGE.format(base=stack.base_url, url=stream.created["playback_url"], level=level))
        wait_until(lambda: page.evaluate("() => document.querySelector('video').currentTime > 0"), what="the picture")
        page.wait_for_timeout(_SETTLE_S * 1000)
        yield page
    finally:
        page.close()


def _tell(page: Page, what: str) -> None:
    """Print what was seen since the last time; nothing may have stood still."""
    count, errors, holes_ms = page.evaluate(f"() => [window.count, [...window.errors], ({_HOLES})()]")
    print(
        f"\n  {what}: longest picture {count['longest']:.0f} ms (after {count['at'] / 1000:.1f} s), "
        f"{count['stalls']} stalls, holes of {holes_ms:.0f} ms, errors {errors}",
        end="",
    )
    assert (count["stalls"], holes_ms, errors) == (0, 0, [])
    assert count["longest"] < _LONGEST_PICTURE_MS
    page.evaluate(_COUNTER)


def _delay_ms(page: Page) -> int:
    ages, _ = latencies_ms(page, seconds=_WATCHED_S)
    return ages[len(ages) // 2]


@pytest.mark.parametrize(("name", "level"), [("passed through", 1), ("encoded", 0)])
@pytest.mark.parametrize(
    ("other", "how"),
    [("the same", {}), ("in another profile", {"coder": "1"}), ("larger", {"scale": 1.5})],
)
def test_drop_and_return(
    browser: Browser, stack: RunningStack, stream: Stream, name: str, level: int, other: str, how: dict[str, Any]
) -> None:
    print(f"\nreturn, {other}, {name}:", end="")
    with ExitStack() as watching:
        _drop_and_return(browser, stack, stream, watching, level=level, how=how)


def _drop_and_return(
    browser: Browser, stack: RunningStack, stream: Stream, watching: ExitStack, *, level: int, how: dict[str, Any]
) -> None:
    with clocked_encoder(stream.publish_url):
        stream.await_status("LIVE", timeout_s=30)
        # The player is there before the encoder drops.
        page = watching.enter_context(_watched(browser, stack, stream, level=level))
        read_clock(page)
        before_ms = _delay_ms(page)
        page.evaluate(_COUNTER)
    dropped_at = time.monotonic()
    page.wait_for_timeout(_AWAY_S * 1000)
    _tell(page, "drop")
    if stream.created["while_away"] == "hold":
        away_ms = (time.monotonic() - dropped_at) * 1000
        print(f"\n  the picture that is held was made {page.evaluate(_AGE) - away_ms:.0f} ms before the drop", end="")
    page.evaluate("() => { latencies = []; shown_ms = []; }")
    with clocked_encoder(stream.publish_url, **how) as encoder:
        page.wait_for_timeout(2 * _AWAY_S * 1000)
        _tell(page, "return")
        assert encoder.sends_since is not None
        shown_after_ms = page.evaluate(_FIRST_SHOWN_MS) - encoder.sends_since * 1000
        print(f"; first picture {shown_after_ms:.0f} ms after it was let in", end="")
        print(f"\n  delay, ms: {before_ms} before, {_delay_ms(page)} after", end="")


@pytest.mark.parametrize(("name", "level"), [("passed through", 1), ("encoded", 0)])
def test_encoder_that_stands_still(
    browser: Browser, stack: RunningStack, stream: Stream, name: str, level: int
) -> None:
    print(f"\nhalf open, {name}:", end="")
    with clocked_encoder(stream.publish_url) as encoder:
        stream.await_status("LIVE", timeout_s=30)
        with _watched(browser, stack, stream, level=level) as page:
            page.evaluate(_COUNTER)
            encoder.process.send_signal(signal.SIGSTOP)
            page.wait_for_timeout(3000)
            _tell(page, "pause")
            encoder.process.send_signal(signal.SIGCONT)
            page.wait_for_timeout(_AWAY_S * 1000)
            _tell(page, "end of the pause")
