"""What viewers do with a livestream that was passed on to them."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.checks import check
from tests.browser.operator import Operator
from tests.browser.windows import window
from tests.e2e.client import Integrator, Stream
from tests.e2e.encoder import Encoder, publishing
from tests.media.clips import flv
from tests.media.crafted import captioned
from tests.services import running, wait_until
from tests.stack.whole import RunningStack

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

_BEHIND_S = "() => { const video = document.querySelector('video'); return video.seekable.end(0) - video.currentTime; }"
_SHOWN_CAPTIONS = """() => [...document.querySelector("video").textTracks]
  .filter((track) => track.mode === "showing")
  .flatMap((track) => [...track.cues])
  .map((cue) => cue.text.trim())"""
# The broadcast is younger than a minute when it is pointed at.
_AGO = re.compile(r"^\u22120:\d\d$")
_IS_PART = re.compile(r"/v\d/\d+-\d+\.\d+\.m4s$")
_IS_PICTURE = re.compile(r"/pictures/1-\d+\.jpg")
# Of what is pointed at on the bar: the picture's mean brightness, and that of the video where the picture was taken.
_BRIGHTNESS = """async ([src, coords, at]) => {
    const mean = (source, x, y, width, height) => {
        const context = new OffscreenCanvas(16, 16).getContext("2d");
        context.drawImage(source, x, y, width, height, 0, 0, 16, 16);
        const { data } = context.getImageData(0, 0, 16, 16);
        return data.reduce((sum, value, index) => (index % 4 === 1 ? sum + value : sum), 0) / 256;
    };
    const picture = Object.assign(new Image(), { src });
    await picture.decode();
    const video = document.querySelector("video");
    const [track] = [...video.textTracks].filter(({ label }) => label === "thumbnails");
    const cue = [...track.cues].findLast(({ startTime }) => startTime <= at);
    const seen = new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true }));
    video.currentTime = cue.startTime + 0.05;
    await seen;
    const shown = mean(video, 0, 0, video.videoWidth, video.videoHeight);
    return [mean(picture, ...coords.split(" ").map(Number)), shown];
}"""
# From black to white; and how much of that is a second.
_BRIGHTENS_FOR_S = 30
_SECOND = 255 / _BRIGHTENS_FOR_S
_WINDOW = "document.querySelector('video').seekable.end(0)"
_IS_SEEN_TO_ITS_END = "document.querySelector('video').ended"
_SEEN = "document.querySelector('video').played.length"
_STOPPED = re.compile(r"^The picture has stopped coming\.")
# Enough for the player to have something to go back to.
_WINDOW_S = 16


@pytest.fixture
def viewer(browser: Browser, stack: RunningStack) -> Iterator[Operator]:
    """Somebody who is not logged in, and may read what is copied."""
    with window(browser, stack.base_url, permissions=["clipboard-read", "clipboard-write"]) as page:
        yield Operator(page)


@pytest.fixture
def stream(integrator: Integrator) -> Stream:
    return integrator.create("Passed on")


def _page_of(stream: Stream) -> str:
    playback_url: str = stream.created["playback_url"]
    return playback_url.removesuffix("/index.m3u8").replace("/playback/", "/watch/")


def _copied(page: Page) -> str:
    return str(page.evaluate("navigator.clipboard.readText()"))


def _is_muted(page: Page) -> bool:
    return bool(page.evaluate("document.querySelector('video').muted"))


def _delay_s(page: Page) -> float:
    return float(page.locator("[data-delay-time]").inner_text().split()[0])


def _keep_waiting(_: Route) -> None:
    """Answer a request not at all."""


def _shows_pictures_of_the_right_moments(page: Page) -> None:
    """Hold that what the bar shows of a moment is what was broadcast then, for two moments that do not look alike."""
    page.keyboard.press("k")
    seen = []
    bar = page.locator("media-time-range")
    width = bar.bounding_box()["width"]  # type: ignore[index]  # It is shown.
    preview = page.locator("media-time-range > media-preview-thumbnail")
    for part in (0.3, 0.95):
        bar.hover(position={"x": width * part, "y": 8})
        expect(preview).to_have_attribute("mediapreviewimage", _IS_PICTURE)
        expect(page.locator("[data-pointed-time]")).to_have_text(_AGO)
        src, coords = (preview.get_attribute(f"mediapreview{each}") for each in ("image", "coords"))
        picture, shown = page.evaluate(_BRIGHTNESS, [src, coords, float(bar.get_attribute("mediapreviewtime") or 0)])
        assert abs(picture - shown) < _SECOND
        seen.append(picture)
    assert seen[1] - seen[0] > 8 * _SECOND
    page.keyboard.press("k")


class TestWatching:
    def test_by_keyboard_back_in_time_and_to_live_again(self, viewer: Operator, stream: Stream) -> None:
        page = viewer.page
        with publishing(
            stream.publish_url, size="640x360", kbps=600, brightens_for_s=_BRIGHTENS_FOR_S, fps=10
        ) as encoder:
            stream.await_status("LIVE")
            with page.expect_request(_IS_PART):
                page.goto(_page_of(stream))
            expect(page.get_by_test_id("is-live")).to_be_visible()
            viewer.watch(for_s=1)
            expect(page.locator("[data-delay]")).to_contain_text("s behind live")
            check(page, viewer)

            page.keyboard.press("m")
            assert not _is_muted(page)
            page.keyboard.press("k")
            assert page.evaluate("document.querySelector('video').paused")
            self._says_how_late_it_gets(page)
            page.keyboard.press("Space")
            viewer.watch(for_s=1)

            wait_until(
                lambda: page.evaluate("document.querySelector('video').seekable.end(0)") > _WINDOW_S, what="media"
            )
            _shows_pictures_of_the_right_moments(page)
            self._goes_back_although_it_takes_a_while(viewer)
            live = page.locator("media-live-button")
            expect(live).not_to_have_attribute("mediatimeislive", "")
            live.click()
            expect(live).to_have_attribute("mediatimeislive", "")
            viewer.watch(for_s=1)
            expect(page.get_by_label("Captions")).to_be_hidden()

            self._hears_of_a_lost_connection(page)
            viewer.watch(for_s=1)
            viewer.complaints.clear()
            check(page, viewer)
            self._sees_the_rest_from_far_back(viewer, encoder)

    def _says_how_late_it_gets(self, page: Page) -> None:
        """While the picture stands: by as much as time goes by, of which what is shown may be a second old."""
        before_s, began = _delay_s(page), time.monotonic()
        wait_until(lambda: _delay_s(page) >= before_s + 3, what="three seconds more")
        assert time.monotonic() - began > 1.8

    def _goes_back_although_it_takes_a_while(self, viewer: Operator) -> None:
        page = viewer.page
        # With nothing of the past loaded yet.
        page.reload()
        # The jump to the live edge counts as played, on a busy machine before there is a picture.
        expect(page.locator("[data-playing=yes]")).to_be_visible()
        viewer.watch(for_s=1)
        page.context.set_offline(True)
        page.keyboard.press("Home")
        expect(page.locator("[data-trouble]")).to_be_visible()
        page.context.set_offline(False)
        viewer.watch(for_s=2)
        assert page.evaluate(_BEHIND_S) > _WINDOW_S / 2

    def _sees_the_rest_from_far_back(self, viewer: Operator, encoder: Encoder) -> None:
        viewer.page.keyboard.press("Home")
        viewer.watch(for_s=3)
        encoder.stop()
        expect(viewer.page.get_by_test_id("is-recording")).to_be_visible()
        viewer.page.keyboard.press("End")
        wait_until(lambda: viewer.page.evaluate(_IS_SEEN_TO_ITS_END), what="the end of the broadcast")

    def _hears_of_a_lost_connection(self, page: Page) -> None:
        page.context.set_offline(True)
        expect(page.locator("[data-trouble]")).to_contain_text("No connection")
        page.context.set_offline(False)
        expect(page.locator("[data-trouble]")).to_be_hidden()

    def test_goes_on_as_it_was_after_the_encoder_was_away(self, viewer: Operator, stream: Stream) -> None:
        page = viewer.page
        page.goto(_page_of(stream))
        expect(page.get_by_text("It starts here by itself.", exact=True)).to_be_visible()
        for turn in range(2):
            with publishing(stream.publish_url, fps=10) as encoder:
                viewer.watch(for_s=1)
                expect(page.get_by_test_id("is-live")).to_be_visible()
                assert _is_muted(page) is (turn == 0)
                if turn == 0:
                    page.get_by_role("button", name="Sound is off").click()
                encoder.stop()
                expect(page.get_by_text("If it comes back, it goes on here by itself")).to_be_visible()
        expect(page.get_by_test_id("is-offline")).to_be_visible()

    def test_hears_that_the_picture_stopped_and_not_that_nobody_answers(
        self, viewer: Operator, integrator: Integrator
    ) -> None:
        stream, page = integrator.create("Stands still", window_s=300), viewer.page
        integrator.call("PATCH", stream.path, while_away="nothing")
        with publishing(stream.publish_url, fps=10) as encoder:
            stream.await_status("LIVE")
            wait_until(lambda: len(stream.sessions()) == 1 and stream.newest_segment(), what="media")
            encoder.process.kill()
            asked: Counter[str] = Counter()
            page.on("request", lambda request: asked.update([request.url]))
            # The player gives up asking for what does not come, and asks again.
            with page.expect_event("requestfailed", lambda request: "/a0/index.m3u8?_HLS_msn" in request.url):
                page.goto(_page_of(stream))
            expect(page.locator("[data-trouble]")).to_have_text(_STOPPED)
            # What there is is not loaded again and again meanwhile.
            assert max(asked[url] for url in asked if url.endswith(".m4s")) < 20

            # Who never saw it, since what there is of it is not enough to begin with, reads the same.
            page.route("**/a0/*.m4s", _keep_waiting)
            page.reload()
            expect(page.locator("[data-trouble]")).to_have_text(_STOPPED)
            assert page.evaluate(_SEEN) == 0
            expect(page.locator(".curtain")).to_be_hidden()
        integrator.call("DELETE", stream.path)


class TestRecording:
    def test_is_played_for_who_asks_for_it_or_comes_later_until_the_next_broadcast(
        self, viewer: Operator, stream: Stream
    ) -> None:
        page, live_again = viewer.page, viewer.page.get_by_role("button", name="It is live again")
        with publishing(stream.publish_url, fps=10) as encoder:
            page.goto(_page_of(stream))
            viewer.watch(for_s=4)
            encoder.stop()
            page.get_by_role("button", name="Watch it from the start").click()
            self._plays_from_the_start(viewer)

        page.goto(_page_of(stream).replace("/watch/", "/embed/"))
        self._plays_from_the_start(viewer)
        page.keyboard.press("Home")
        page.evaluate("document.querySelector('video').pause()")
        check(page, viewer)
        with publishing(stream.publish_url, fps=10) as encoder:
            live_again.click()
            viewer.watch(for_s=1)
            expect(page.locator("media-live-button")).to_be_visible()
            expect(live_again).to_be_hidden()
            encoder.stop()
            page.get_by_role("button", name="Watch it from the start").click()
            self._plays_from_the_start(viewer)

        page.keyboard.press("End")
        with publishing(stream.publish_url, fps=10):
            expect(page.locator("media-live-button")).to_be_visible()
            viewer.watch(for_s=1)

    def _plays_from_the_start(self, viewer: Operator) -> None:
        viewer.watch(for_s=1)
        assert viewer.page.evaluate("document.querySelector('video').played.start(0)") < 1
        expect(viewer.page.locator("media-time-range")).to_be_visible()
        expect(viewer.page.locator("media-time-display")).to_be_visible()
        expect(viewer.page.locator("media-live-button")).to_be_hidden()


class TestCaptions:
    def test_within_the_picture_can_be_chosen(self, viewer: Operator, stream: Stream, tmp_path: Path) -> None:
        clip = tmp_path / "captioned.flv"
        clip.write_bytes(captioned(flv(size="320x180", seconds=8), "It is raining"))
        argv = ["ffmpeg", "-nostdin", "-loglevel", "error", "-re", "-stream_loop", "-1", "-i", str(clip), "-c", "copy"]
        with running([*argv, "-f", "flv", stream.publish_url], log_path=tmp_path / "encoder.log"):
            viewer.page.goto(_page_of(stream))
            captions = viewer.page.get_by_label("Captions")
            captions.select_option(index=1)
            wait_until(lambda: "It is raining" in viewer.page.evaluate(_SHOWN_CAPTIONS), what="the captions")


class TestSharing:
    def test_link_and_code_are_copied_and_lead_to_the_player(
        self, operator: Operator, viewer: Operator, stream: Stream, stack: RunningStack
    ) -> None:
        page = operator.page
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.goto(f"/livestreams/{stream.created['id']}")
        page.get_by_test_id("share").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("button", name="Copy link").click()
        expect(dialog.get_by_role("button", name="Copied link")).to_be_visible()
        link = _copied(page)
        assert link == _page_of(stream)
        dialog.get_by_label("Sound only").check()
        expect(dialog.locator("#embed-code")).to_contain_text("audio_only=true")
        dialog.get_by_role("button", name="Copy player").click()
        wait_until(lambda: _copied(page).startswith("<iframe"), what="the copied code")
        check(page, operator)

        viewer.page.goto(link)
        expect(viewer.page.get_by_role("heading", name="Passed on")).to_be_visible()
        viewer.page.get_by_test_id("share").click()
        viewer.page.get_by_role("button", name="Copy player").click()
        wait_until(lambda: 'title="Passed on"' in _copied(viewer.page), what="the copied code")
