"""How near what players report comes to what their viewers see, by a clock in the picture and by its frames.

`make bench`, or `python -m pytest -m bench -s bench/test_quality.py`.
"""

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from analytics.counting.reports import read_events
from bench.clocked import clocked_encoder, read_clock
from tests.browser.quality import WITNESS, ReportedViews, stop_media
from tests.browser.windows import window
from tests.e2e.client import Integrator, Stream
from tests.services import wait_until
from tests.stack.whole import RunningStack, running_stack

pytestmark = pytest.mark.bench

_RUNS = 3
_WATCHED_S, _STANDS_MS = 40, 4000
# Of truth: milliseconds, points of percent, milliseconds.
_STARTUP_WITHIN_MS, _REBUFFERING_WITHIN, _LATENCY_WITHIN_MS = 50, 0.2, 100
_PARSED_WITHIN_US = 60
_PLAYED_S = "() => document.querySelector('video')?.currentTime ?? 0"
_EVENT = (
    'bl=(2000),br=(2500),bsa=(1),bsda=(350),cid="5b2c0f8e-6c1d-4f0a-9d55-0a6a1f3c7b11",com.livehub-wt=9640,dfa=3,e=t,'
    'ltc=2310,mtp=(12000),msd=420,pt=1794000000123,sid="6f2d0c0e111142228333444455556666",sn=4,sta=p,'
    "ts=1794000000123,v=2"
)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture(scope="module")
def live(stack: RunningStack) -> Iterator[Stream]:
    stream = Integrator.of(stack).create()
    with clocked_encoder(stream.publish_url):
        stream.await_status("LIVE", timeout_s=30)
        stream.newest_segment()
        yield stream


def _watch(page: Page, *, seconds: float) -> None:
    until_s = page.evaluate(_PLAYED_S) + seconds
    wait_until(lambda: page.evaluate(_PLAYED_S) > until_s, timeout_s=3 * seconds + 30, what="pictures")


def _begin(page: Page, stream: Stream) -> None:
    address = stream.created["playback_url"].removesuffix("/index.m3u8").replace("/playback/", "/watch/")
    page.add_init_script(WITNESS)
    page.goto(f"{address}?autoplay=false")
    page.locator(".player-start").click()
    _watch(page, seconds=1)


@pytest.mark.parametrize("run", range(_RUNS))
def test_starting_and_waiting(browser: Browser, stack: RunningStack, live: Stream, run: int) -> None:
    reported = ReportedViews(stack, live.sessions()[0]["id"], since_now=True)
    with window(browser, stack.base_url) as page:
        _begin(page, live)
        _watch(page, seconds=_WATCHED_S / 2)
        let_go = stop_media(page)
        page.evaluate("new Promise((done) => document.querySelector('video').addEventListener('waiting', done))")
        page.wait_for_timeout(_STANDS_MS)
        let_go()
        _watch(page, seconds=_WATCHED_S / 2)
        seen = page.evaluate("seen")
        page.goto("about:blank")
    row = reported.next(over=f"played_ms > {seen['movedMs']} - 2000")
    told = 100 * row["stalled_ms"] / (row["stalled_ms"] + row["played_ms"])
    true = 100 * seen["stoodMs"] / (seen["stoodMs"] + seen["movedMs"])
    print(
        f"\nstart-up, ms: told {row['startup_ms']}, true {seen['firstMs']:.0f}; rebuffering, %: told {told:.2f}, "
        f"true {true:.2f}; played, s: told {row['played_ms'] / 1000:.2f}, true {seen['movedMs'] / 1000:.2f}",
        end="",
    )
    assert abs(row["startup_ms"] - seen["firstMs"]) <= _STARTUP_WITHIN_MS
    assert abs(told - true) <= _REBUFFERING_WITHIN


@pytest.mark.parametrize("run", range(_RUNS))
def test_latency(browser: Browser, stack: RunningStack, live: Stream, run: int) -> None:
    reported = ReportedViews(stack, live.sessions()[0]["id"], since_now=True)
    with window(browser, stack.base_url) as page:
        _begin(page, live)
        # From when the player measures: what comes before is no part of its mean either.
        _watch(page, seconds=2)
        read_clock(page)
        _watch(page, seconds=_WATCHED_S)
        ages: list[int] = page.evaluate("latencies")
        page.goto("about:blank")
    row = reported.next(over=f"played_ms > {_WATCHED_S * 1000}")
    true_ms = sum(ages) / len(ages)
    print(f"\nlatency, ms: told {row['latency_ms']}, true {true_ms:.0f} of {len(ages)} pictures", end="")
    assert abs(row["latency_ms"] - true_ms) <= _LATENCY_WITHIN_MS


def test_reading_an_event() -> None:
    best_us = min(_read_us(2000) for _ in range(5))
    print(f"\nan event of 20 members: {best_us:.1f} us of processor time", end="")
    assert best_us <= _PARSED_WITHIN_US


def _read_us(times: int) -> float:
    began = time.process_time()
    for _ in range(times):
        events, wrong = read_events(_EVENT)
        assert (len(events), wrong) == (1, 0)
    return (time.process_time() - began) / times * 1_000_000
