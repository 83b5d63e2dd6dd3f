"""Clips in a real browser: marked on the player while it is live, and watched by whoever has the link."""

import pytest
from playwright.sync_api import expect

from tests.browser.checks import check
from tests.browser.operator import Operator
from tests.e2e.client import Integrator
from tests.e2e.encoder import publishing
from tests.reruns import unused_name
from tests.services import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.browser]


def test_is_marked_on_the_player_and_watched(operator: Operator, integrator: Integrator) -> None:
    stream, page, title = integrator.create("On air"), operator.page, unused_name("The opening")
    with publishing(stream.publish_url, fps=10):
        stream.await_status("LIVE")
        page.goto(stream.path)
        card = page.get_by_role("region", name="Clips")
        card.get_by_label("Title").fill(title)
        operator.watch(for_s=1)
        card.get_by_role("button", name="Start here").click()
        operator.watch(for_s=3)
        card.get_by_role("button", name="End here").click()
        expect(card.locator("[data-marked]")).to_contain_text(" to ")
        check(page, operator)
        card.get_by_test_id("clip").click()
        # The end of it is in a segment that may not be closed yet.
        row = page.get_by_role("region", name="Clips").get_by_test_id("clip").filter(has_text=title)
        expect(row).to_contain_text("Ready")
        expect(row.get_by_test_id("download")).to_be_visible()
        check(page, operator)

    page.goto("/clips")
    check(page, operator)
    page.get_by_role("link", name=title).click()
    for button in (page.get_by_role("button", name="Copy link"), page.get_by_test_id("download")):
        # Neither lies on the other.
        button.click(trial=True)
    video = page.get_by_test_id("player")
    wait_until(lambda: video.evaluate("video => video.readyState") >= 1, what="the clip's length")
    # The marks were set by hand, so to say; that they are exact is shown where nothing but the file is looked at.
    assert video.evaluate("video => video.duration") >= 2
    video.evaluate("video => { video.muted = true; return video.play(); }")
    operator.watch(for_s=1)
    check(page, operator)
