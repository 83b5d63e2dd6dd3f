"""What viewers find at the address of a livestream that is over: its recording."""

import re
import shutil
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.checks import check
from tests.browser.operator import Operator
from tests.browser.seeking import seek
from tests.browser.windows import window
from tests.e2e.client import Integrator, Stream, run_of
from tests.e2e.encoder import publishing
from tests.services import wait_until
from tests.stack.whole import RunningStack

pytestmark = [pytest.mark.e2e, pytest.mark.browser]


def test_a_recording_is_played_when_the_broadcasts_own_files_are_gone_across_a_change_of_size(
    browser: Browser, integrator: Integrator, stack: RunningStack
) -> None:
    stream = integrator.create("Kept", window_s=300)
    recording = _recorded(stream, sizes=("640x360", "320x180"))
    playback_id = stream.created["playback_url"].split("/")[-2]
    # As when their time is over.
    shutil.rmtree(stack.data_dir / "playback" / playback_id)

    with window(browser, stack.base_url) as page:
        viewer = Operator(page)
        page.goto(f"/watch/{playback_id}")
        viewer.watch(for_s=1)
        expect(page.get_by_test_id("is-recording")).to_be_visible()
        check(page, viewer)
        assert seek(page, 1, width=640) == pytest.approx(recording["duration_s"], abs=0.2)
        seek(page, recording["duration_s"] - 1, width=320)
        seek(page, 0.5, width=640)
        page.locator("media-time-range").hover(position={"x": 20, "y": 8})
        preview = page.locator("media-time-range > media-preview-thumbnail")
        expect(preview).to_have_attribute("mediapreviewimage", re.compile(rf"/{recording['id']}/pictures/0\.jpg"))

        page.goto(f"/embed/{playback_id}?audio_only=true")
        viewer.watch(for_s=1)
        assert page.evaluate("document.querySelector('video').videoWidth") == 0


def _recorded(stream: Stream, *, sizes: tuple[str, ...]) -> dict[str, Any]:
    """Broadcast in one size after the other, and return the recording once it has its pictures."""
    there, shown_run = "", None
    for size in sizes:
        with publishing(stream.publish_url, size=size, fps=10) as encoder:
            stream.await_status("LIVE")
            shown_run = _another_run(stream, shown_run)
            if not there:
                made = stream.integrator.call("POST", f"{stream.path}/recordings")["data"]
                there = f"{stream.path}/recordings/{made['id']}"
            for _ in range(3):
                _await_newer(stream, stream.newest_segment())
            # It drops; viewers see the slate.
            encoder.process.kill()
            shown_run = _another_run(stream, shown_run)
    stream.integrator.call("POST", f"{stream.path}/end")

    def shown() -> dict[str, Any]:
        return dict(stream.integrator.call("GET", there)["data"])

    wait_until(lambda: shown()["pictures_status"] == "made", what="the recording with its pictures")
    return shown()


def _another_run(stream: Stream, before: str | None) -> str | None:
    wait_until(lambda: run_of(stream) not in {before, None}, what="what comes next")
    return run_of(stream)


def _await_newer(stream: Stream, newest: str) -> None:
    wait_until(lambda: stream.has_newer_than(newest), what="a segment")
