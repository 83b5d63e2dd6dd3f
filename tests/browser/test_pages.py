"""Every page, as an accessibility checker, a phone and the browser's console see it."""

import json
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.operator import Operator
from tests.e2e.client import Integrator, Stream
from tests.e2e.encoder import publishing
from tests.services import wait_until
from tests.stack.whole import RunningStack

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

_AXE = (Path(__file__).parent / "vendor" / "axe-core@4.14.1" / "axe.min.js").read_text()
_PHONE = {"width": 390, "height": 844}
_DESK = {"width": 1440, "height": 900}


@pytest.fixture
def stream(integrator: Integrator) -> Stream:
    return integrator.create("A livestream with a rather long name, as people like to give them " * 2)


def _addresses(stream: Stream) -> list[str]:
    page = f"/livestreams/{stream.created['id']}"
    deeds = [f"{page}/{deed}" for deed in ("rename", "disable", "enable", "end", "reset-stream-key", "delete")]
    lists = ["/", "/livestreams", "/livestreams?q=nothing+is+called+so", f"{page}/sessions", "/account"]
    people = [f"/account/you{own}" for own in ("", "/password", "/second-factor")]
    return [
        *lists,
        page,
        *deeds,
        "/livestreams/create",
        "/account/api-keys/create",
        "/account/invitations/create",
        *people,
    ]


def check(page: Page, operator: Operator) -> None:
    """Check what the page is now, in both widths and both colour schemes."""
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert _serious_violations(page) == [], f"{page.url} ({scheme})"
    page.set_viewport_size({**_PHONE})  # type: ignore[typeddict-item]  # Both keys are there.
    assert page.evaluate("document.documentElement.scrollWidth") <= _PHONE["width"], page.url
    page.set_viewport_size({**_DESK})  # type: ignore[typeddict-item]  # Both keys are there.
    assert operator.complaints == []


def _serious_violations(page: Page) -> list[str]:
    # Playwright's evaluate is not subject to the page's content security policy; a script element would be.
    page.evaluate(_AXE)
    report = json.loads(page.evaluate("axe.run().then(result => JSON.stringify(result.violations))"))
    return [
        f"{violation['id']}: {node['html']}"
        for violation in report
        if violation["impact"] in {"serious", "critical"}
        for node in violation["nodes"]
    ]


class TestEveryPage:
    def test_is_accessible_fits_a_phone_and_breaks_no_policy(self, operator: Operator, stream: Stream) -> None:
        for address in _addresses(stream):
            operator.page.goto(address)
            expect(operator.page.locator("h1")).to_have_count(1)
            check(operator.page, operator)

    def test_while_a_broadcast_is_live(self, operator: Operator, stream: Stream, stack: RunningStack) -> None:
        thumbnail = stream.created["playback_url"].replace("index.m3u8", "thumbnail.jpg")
        with publishing(stream.publish_url, size="640x360", kbps=600):
            stream.await_status("LIVE", timeout_s=25)
            wait_until(lambda: operator.page.request.get(thumbnail).ok, timeout_s=20, what="the thumbnail")
            operator.page.goto(f"/livestreams/{stream.created['id']}")
            operator.watch(for_s=1, timeout_s=20)
            check(operator.page, operator)
            operator.page.goto("/")
            check(operator.page, operator)

    def test_log_in_and_errors(self, page: Page, stack: RunningStack) -> None:
        visitor = Operator(page)
        for address in ("/log-in", "/log-in/forgotten"):
            page.goto(address)
            check(page, visitor)
        page.goto("/livestreams/nothing-here")
        assert _serious_violations(page) == []


class TestKeyboard:
    def test_a_livestream_is_created_without_a_mouse(self, operator: Operator) -> None:
        page = operator.page
        page.goto("/livestreams")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(page.get_by_test_id("create-livestream")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog").get_by_label("Name")).to_be_focused()

        page.keyboard.type("By keyboard")
        page.keyboard.press("Enter")

        expect(page.get_by_role("heading", name="By keyboard")).to_be_visible()

    def test_escape_closes_a_dialog_and_gives_the_focus_back(self, operator: Operator) -> None:
        page = operator.page
        page.goto("/livestreams")
        page.get_by_test_id("create-livestream").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_be_visible()

        page.keyboard.press("Escape")

        expect(page.get_by_role("dialog")).not_to_be_visible()
        expect(page.get_by_test_id("create-livestream")).to_be_focused()
