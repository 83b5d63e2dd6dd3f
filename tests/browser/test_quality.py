"""What a player reports of itself is what its viewer saw: each figure, with a fault of its kind."""

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.operator import Operator
from tests.browser.quality import WITNESS, ReportedViews, other_origin, stop_media, with_unknown_codecs
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
_IS_OPENED = re.compile(r"/playback/pb_\w+/index\.m3u8")
_STANDS_MS = 3000
# What two observers see apart on a machine that is busy otherwise; bench/test_quality.py has what is promised.
_APART_MS = 900


# A page that was opened behind another one, until somebody looks.
_BEHIND = """
Object.defineProperty(document, "hidden", {get: () => !window.isSeen});
window.look = () => {
  window.isSeen = true;
  seen.clickedAt = performance.now();
  document.dispatchEvent(new Event("visibilitychange"));
};
"""
# A browser that plays HLS by itself alone, as Chromium can.
_NATIVE = "delete window.MediaSource; delete window.ManagedMediaSource;"


@pytest.fixture
def on_air(stack: RunningStack) -> Iterator[Stream]:
    stream = Integrator.of(stack).create("Measured")
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


def _reported(stack: RunningStack, stream: Stream) -> ReportedViews:
    return ReportedViews(stack, stream.sessions()[0]["id"], since_now=True)


def _leave(page: Page) -> None:
    page.goto("about:blank")


def test_each_figure_is_what_the_viewer_saw(viewer: Operator, on_air: Stream, stack: RunningStack) -> None:
    page, address = viewer.page, _page_of(on_air)
    reported = _reported(stack, on_air)

    # Somebody sees pictures after a click, none for a while, and then goes on.
    page.goto(f"{address}?autoplay=false")
    page.locator(".player-start").click()
    viewer.watch(for_s=8)
    delay = page.locator("[data-delay-time]")
    expect(delay).not_to_be_empty()
    late_ms = 1000 * float(delay.inner_text().split()[0])
    let_go = stop_media(page)
    page.evaluate("new Promise((resolve) => document.querySelector('video').addEventListener('waiting', resolve))")
    page.wait_for_timeout(_STANDS_MS)
    let_go()
    wait_until(lambda: page.evaluate("seen.halts") == 1, what="pictures again")
    viewer.watch(for_s=4)
    seen = page.evaluate("seen")
    _leave(page)

    row = reported.last_word()
    assert abs(row["startup_ms"] - seen["firstMs"]) < _APART_MS
    assert abs(row["played_ms"] - seen["movedMs"]) < _APART_MS
    assert seen["stoodMs"] > _STANDS_MS - _APART_MS
    assert abs(row["stalled_ms"] - seen["stoodMs"]) < _APART_MS
    # What has just come again may be waited for once more, for less than a frame.
    assert row["stalls"] in {1, 2}
    # It was later after the halt, and caught up.
    assert late_ms / 2 < row["latency_ms"] < late_ms + seen["stoodMs"]
    assert (row["has_begun"], row["failed"], row["exited_before_start"]) == (True, False, False)

    # Somebody waits for a picture that does not come, and goes.
    with page.expect_response(lambda response: response.url.endswith("/events")):
        page.goto(f"{address}#held")
    _leave(page)
    row = reported.last_word()
    assert (row["exited_before_start"], row["failed"], row["startup_ms"]) == (True, False, None)
    assert (row["has_begun"], row["watched_ms"]) == (False, 0)

    # Somebody's browser can play none of it.
    page.route(_IS_OPENED, with_unknown_codecs)
    page.goto(address)
    expect(page.get_by_text("This browser cannot play it")).to_be_visible()
    row = reported.next(over="failed")
    assert (row["has_begun"], row["error_code"], row["exited_before_start"]) == (False, "cannotPlay", False)
    _leave(page)


def test_a_page_of_others_reports_by_hls_js_alone(
    viewer: Operator, on_air: Stream, stack: RunningStack, tmp_path: Path
) -> None:
    reported = _reported(stack, on_air)
    theirs = _THEIRS.format(base=stack.base_url, url=on_air.created["playback_url"], sid=uuid4())
    (tmp_path / "index.html").write_text(theirs)
    with other_origin(tmp_path) as address:
        viewer.page.goto(address)
        viewer.watch(for_s=5)
        row = reported.next(over="played_ms > 3000")
    assert (row["has_begun"], row["identity"], row["failed"]) == (True, "cmcd", False)
    assert 0 < row["startup_ms"] < row["played_ms"] + 60_000


def test_seeking_and_pausing_are_no_stalls_and_a_closed_page_has_its_last_word(
    viewer: Operator, on_air: Stream, stack: RunningStack
) -> None:
    page, reported = viewer.page, _reported(stack, on_air)
    page.goto(_page_of(on_air))
    viewer.watch(for_s=3)
    page.evaluate("document.querySelector('video').currentTime -= 2")
    viewer.watch(for_s=1)
    page.keyboard.press("k")
    page.wait_for_timeout(_STANDS_MS)
    page.keyboard.press("k")
    viewer.watch(for_s=1)
    seen = page.evaluate("seen")
    page.close()

    row = reported.last_word()
    # Nothing moved, and the viewer wanted it so.
    assert seen["stoodMs"] > _STANDS_MS - _APART_MS
    assert (row["stalls"], row["stalled_ms"]) == (0, 0)
    assert abs(row["played_ms"] - seen["movedMs"]) < _APART_MS


def test_nobody_waits_for_what_starts_behind_another_page(
    viewer: Operator, on_air: Stream, stack: RunningStack
) -> None:
    page, address, reported = viewer.page, _page_of(on_air), _reported(stack, on_air)
    page.add_init_script(_BEHIND)

    # Left before anybody has looked: they are none of those who gave up.
    page.goto(f"{address}#held")
    page.locator("video").wait_for(state="attached")
    _leave(page)
    assert not reported.last_word()["exited_before_start"]
    # It plays when they look.
    page.goto(address)
    viewer.watch(for_s=1)
    page.evaluate("look()")
    _leave(page)
    row = reported.last_word()
    assert (row["startup_ms"], row["exited_before_start"], row["played_ms"] > 0) == (None, False, True)

    # They look, and have to wait.
    page.goto(f"{address}#held")
    page.wait_for_timeout(_STANDS_MS)
    page.evaluate("look(); letGo()")
    viewer.watch(for_s=1)
    seen = page.evaluate("seen")
    _leave(page)
    row = reported.last_word()
    assert abs(row["startup_ms"] - seen["firstMs"]) < _APART_MS


def test_a_browser_that_plays_by_itself_reports_too(viewer: Operator, on_air: Stream, stack: RunningStack) -> None:
    page, reported = viewer.page, _reported(stack, on_air)
    page.add_init_script(_NATIVE)

    page.goto(_page_of(on_air))
    viewer.watch(for_s=2)
    _leave(page)

    row = reported.last_word()
    # What was delivered to it is another row's, by address.
    assert (row["has_begun"], row["failed"], row["exited_before_start"]) == (False, False, False)
    assert row["startup_ms"] is not None
    assert row["played_ms"] > 0
