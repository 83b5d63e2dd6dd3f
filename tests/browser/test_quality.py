"""What a player reports of itself is what its viewer saw: each figure, with a fault of its kind."""

import re
from collections.abc import Iterator
from urllib.parse import quote
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.operator import Operator
from tests.browser.quality import MEDIA, WITNESS, ReportedViews, stop_media
from tests.browser.windows import window
from tests.e2e.client import Integrator, Stream
from tests.e2e.encoder import publishing
from tests.services import wait_until
from tests.stack.whole import RunningStack

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

# As docs/api.md says it, for a page of others; with shorter steps.
_THEIRS = """
<video muted autoplay playsinline></video>
<script src="{base}/static/vendor/hls.js@1.7.4/hls.min.js"></script>
<script>
  const url = "{url}";
  const hls = new Hls({{ cmcd: {{ version: 2, sessionId: "theirs-{sid}", contentId: "x", useHeaders: false,
    includeKeys: ["sid", "cid"], eventTargets: [{{ version: 2, url: url.replace("index.m3u8", "events"),
    events: ["ps", "t", "bc", "e"], interval: 2 }}] }} }});
  hls.loadSource(url);
  hls.attachMedia(document.querySelector("video"));
</script>
"""
_STANDS_MS = 3000
# What two observers see apart on a machine that is busy otherwise; bench/test_quality.py has what is promised.
_APART_MS = 900


@pytest.fixture
def on_air(integrator: Integrator) -> Iterator[Stream]:
    stream = integrator.create("Measured")
    with publishing(stream.publish_url, size="640x360", kbps=600, fps=10):
        stream.await_status("LIVE")
        stream.newest_segment()
        yield stream


@pytest.fixture
def viewer(browser: Browser, stack: RunningStack) -> Iterator[Operator]:
    with window(browser, stack.base_url) as page:
        page.add_init_script(WITNESS)
        yield Operator(page)


def _page_of(stream: Stream) -> str:
    playback_url: str = stream.created["playback_url"]
    return playback_url.removesuffix("/index.m3u8").replace("/playback/", "/watch/")


def _leave(page: Page) -> None:
    page.goto("about:blank")


def test_each_figure_is_what_the_viewer_saw(viewer: Operator, on_air: Stream, stack: RunningStack) -> None:
    page, address = viewer.page, _page_of(on_air)
    reported = ReportedViews(stack, on_air.sessions()[0]["id"])

    # Somebody sees pictures after a click, none for a while, and then goes on.
    page.goto(f"{address}?autoplay=false")
    page.locator(".player-start").click()
    viewer.watch(for_s=8)
    late_ms = 1000 * float(page.locator("[data-delay-time]").inner_text().split()[0])
    let_go = stop_media(page)
    page.evaluate("new Promise((resolve) => document.querySelector('video').addEventListener('waiting', resolve))")
    page.wait_for_timeout(_STANDS_MS)
    let_go()
    wait_until(lambda: page.evaluate("seen.halts") == 1, what="pictures again")
    viewer.watch(for_s=4)
    seen = page.evaluate("seen")
    _leave(page)

    row = reported.next(over=f"played_ms > {seen['movedMs']} - {_APART_MS}")
    assert abs(row["startup_ms"] - seen["firstMs"]) < _APART_MS
    assert abs(row["played_ms"] - seen["movedMs"]) < _APART_MS
    assert seen["stoodMs"] > _STANDS_MS
    assert abs(row["stalled_ms"] - seen["stoodMs"]) < _APART_MS
    assert row["stalls"] == 1
    # It was later after the halt, and caught up.
    assert late_ms / 2 < row["latency_ms"] < late_ms + seen["stoodMs"]
    assert (row["has_begun"], row["failed"], row["exited_before_start"]) == (True, False, False)

    # Somebody waits for a picture that does not come, and goes.
    page.route(MEDIA, lambda _: None)
    with page.expect_response(lambda response: response.url.endswith("/events")):
        page.goto(address)
    _leave(page)
    row = reported.next(over="exited_before_start")
    assert (row["has_begun"], row["failed"], row["startup_ms"], row["watched_ms"]) == (False, False, None, 0)
    page.unroute_all()

    # Somebody's browser can play none of it.
    page.route(re.compile(r"/playback/pb_\w+/index\.m3u8"), _with_unknown_codecs)
    page.goto(address)
    expect(page.get_by_text("This browser cannot play it")).to_be_visible()
    row = reported.next(over="failed")
    assert (row["has_begun"], row["error_code"], row["exited_before_start"]) == (False, "cannotPlay", False)
    _leave(page)
    page.unroute_all()

    # A page of others reports by hls.js alone.
    theirs = _THEIRS.format(base=stack.base_url, url=on_air.created["playback_url"], sid=uuid4())
    page.goto(f"data:text/html,{quote(theirs)}")
    viewer.watch(for_s=5)
    row = reported.next(over="played_ms > 3000")
    assert (row["has_begun"], row["identity"], row["failed"]) == (True, "cmcd", False)
    assert 0 < row["startup_ms"] < row["played_ms"] + 60_000


def _with_unknown_codecs(route: Route) -> None:
    answer = route.fetch()
    route.fulfill(response=answer, body=re.sub(r'CODECS="[^"]*"', 'CODECS="none.1"', answer.text()))
