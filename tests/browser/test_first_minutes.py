"""A person's first five minutes, and what they must not be disturbed by later."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from playwright.sync_api import Browser, FloatRect, Locator, Page, expect

from tests.browser.checks import check, serious_violations
from tests.browser.operator import Operator
from tests.browser.windows import DESK, PHONE, SMALL_PHONE, window
from tests.e2e.client import Integrator
from tests.e2e.encoder import publishing
from tests.reruns import unused_email
from tests.services import HANG_S
from tests.stack.whole import RunningStack

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

# Promised over a whole broadcast. Source: web.dev, Cumulative Layout Shift; good is 0.1.
_MOST_SHIFT = 0.02
_LISTEN_FOR_SHIFTS = """
    window.shifts = [];
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        const moved = entry.sources.map(({ node }) => node?.id || node?.className || node?.nodeName);
        if (!entry.hadRecentInput) window.shifts.push([entry.value, ...moved]);
      }
    }).observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture
def newcomer(page: Page, stack: RunningStack, request: pytest.FixtureRequest) -> Operator:
    """The owner of an organization that has nothing yet."""
    email = unused_email("newcomer")
    made = json.loads(
        stack.manage("create_organization", "--skip-checks", f"--name={request.node.name}", f"--email={email}")
    )
    newcomer = Operator(page)
    newcomer.log_in(made["email"], made["password"])
    return newcomer


def test_a_test_picture_plays_from_an_empty_dashboard(newcomer: Operator) -> None:
    page = newcomer.page
    expect(page.get_by_text("Nothing to watch yet")).to_be_visible()

    page.get_by_role("link", name="Create your first livestream").click()
    expect(page.get_by_role("dialog").get_by_label("Name")).to_have_value(
        re.compile(r"^Livestream of \d+ \w+, \d\d:\d\d$")
    )
    page.get_by_role("dialog").get_by_test_id("submit").click()
    button = page.get_by_test_id("test-picture")
    button.click()
    expect(newcomer.status).to_have_text("Live")
    newcomer.watch(for_s=1)

    expect(button).to_have_text("Stop the test picture")
    expect(button).to_be_focused()
    expect(page.get_by_text("LiveHub's test picture", exact=True)).to_be_visible()
    check(page, newcomer)
    button.click()
    expect(newcomer.status).to_have_text("Offline")
    expect(button).to_have_text("Send a test picture")
    expect(page.get_by_test_id("session")).to_contain_text("Ended by an operator")
    assert newcomer.complaints == []


def _box(locator: Locator) -> FloatRect:
    box = locator.bounding_box()
    assert box is not None
    return box


def _is_shown_whole(code: Locator) -> bool:
    return bool(code.evaluate("e => e.scrollWidth <= e.clientWidth && getComputedStyle(e).textOverflow === 'clip'"))


@pytest.mark.parametrize("width", [PHONE["width"], SMALL_PHONE["width"]])
def test_key_and_secret_are_whole_on_a_phone(operator: Operator, integrator: Integrator, width: int) -> None:
    page, stream = operator.page, integrator.create("On a phone")
    page.set_viewport_size({"width": width, "height": 844})
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"/livestreams/{stream.created['id']}")
    setup, picture = page.get_by_role("region", name="Connect an encoder"), page.get_by_test_id("stage")
    assert _box(setup)["y"] < _box(picture)["y"]

    box = page.get_by_test_id("stream-key")
    height = _box(box)["height"]
    page.get_by_test_id("show-key").click()
    expect(box).to_have_text(stream.created["stream_key"])
    expect(page.get_by_role("link", name="Hide")).to_be_focused()
    assert _is_shown_whole(box)
    assert _box(box)["height"] == height

    copy = page.get_by_role("button", name="Copy stream key")
    copy.click()
    expect(page.locator("#announcer")).to_have_text("Copied")
    expect(copy).to_be_focused()
    assert page.evaluate("navigator.clipboard.readText()") == stream.created["stream_key"]
    page.get_by_role("link", name="Hide").click()
    expect(page.get_by_test_id("show-key")).to_be_focused()

    page.goto("/account/api-keys/create")
    page.get_by_label("Name").fill("Booking system")
    page.get_by_test_id("submit").click()
    secret = page.locator("#new-key")
    assert _is_shown_whole(secret)
    assert len(secret.inner_text()) > 40
    assert serious_violations(page) == []
    page.reload()
    expect(page.get_by_text("A key is shown only once")).to_be_visible()


def test_copies_without_a_clipboard_and_keeps_the_focus(operator: Operator, integrator: Integrator) -> None:
    page, stream = operator.page, integrator.create("Over plain HTTP")
    page.add_init_script("delete Navigator.prototype.clipboard")
    page.goto(f"/livestreams/{stream.created['id']}")

    copy = page.get_by_role("button", name="Copy Server")
    copy.click()

    expect(page.locator("#announcer")).to_have_text("Copied")
    expect(copy).to_be_focused()


class TestRefusals:
    def test_are_shown_and_dismissed(self, operator: Operator, integrator: Integrator, stack: RunningStack) -> None:
        page, stream = operator.page, integrator.create("Refused")
        integrator.call("PUT", f"{stream.path}/disable")
        page.goto(f"/livestreams/{stream.created['id']}")
        base_url, _, _ = stream.publish_url.rpartition("/")

        for url in (stream.publish_url, f"{base_url}/sk_nobodys"):
            _try_to_publish(url)

        expect(page.get_by_test_id("refused")).to_contain_text("1 encoder connection refused.")
        check(page, operator)
        # By keyboard: whoever stands on a button that goes stays where it was.
        page.get_by_test_id("dismiss").press("Enter")
        expect(page.get_by_test_id("refused")).to_have_count(0)
        expect(page.locator(f"#livestream-notices-{stream.created['id']}")).to_be_focused()
        page.goto("/")
        expect(page.get_by_test_id("unknown-keys")).to_contain_text("with unknown keys from 127.0.0.1 in the last hour")
        check(page, operator)


class TestWholeBroadcast:
    def test_is_followed_everywhere_without_a_reload_and_nothing_moves(
        self, browser: Browser, newcomer: Operator, stack: RunningStack
    ) -> None:
        for name in ("Calm", "Made later", "Made last"):
            newcomer.create_livestream(name)
        newcomer.page.goto("/livestreams")
        newcomer.page.get_by_role("link", name="Calm", exact=True).click()
        url = f"rtmp://127.0.0.1:{stack.rtmp_port}/live/{newcomer.stream_key()}"
        desk = newcomer.page
        with ExitStack() as windows:
            pages = {
                "livestream": desk,
                "livestream on a phone": windows.enter_context(_window(browser, desk, path=desk.url, is_phone=True)),
                "list": windows.enter_context(_window(browser, desk, path="/livestreams")),
                "overview": windows.enter_context(_window(browser, desk, path="/")),
            }
            for page in pages.values():
                page.emulate_media(reduced_motion="no-preference")
                page.evaluate(_LISTEN_FOR_SHIFTS)
            overview, row = pages["overview"], pages["list"].get_by_role("row").filter(has_text="Calm")
            expect(row.get_by_test_id("status")).to_have_text("Offline")
            with publishing(url, size="640x360", kbps=600, fps=10) as encoder:
                expect(newcomer.status).to_have_text("Live")
                expect(row.get_by_test_id("status")).to_have_text("Live")
                expect(overview.get_by_test_id("live-count")).to_contain_text("1 of")
                expect(overview.get_by_role("link", name="Calm")).to_be_visible()
                newcomer.watch(for_s=2)
                # Of a broadcast that the page was there before.
                for chart in ("viewers", "encoder"):
                    expect(desk.get_by_test_id(chart).locator("canvas")).to_have_count(1)
                encoder.stop()
                expect(newcomer.status).to_have_text("Offline")
                expect(row.get_by_test_id("status")).to_have_text("Offline")
            expect(overview.get_by_test_id("live-count")).to_contain_text("0 of")
            # Gone with a reload.
            shifts = {name: page.evaluate("window.shifts") for name, page in pages.items()}

        assert all(sum(shift[0] for shift in found) <= _MOST_SHIFT for found in shifts.values()), shifts


@contextmanager
def _window(browser: Browser, logged_in: Page, *, path: str, is_phone: bool = False) -> Iterator[Page]:
    """Open another window of the same person, in sight as only a window of its own is."""
    state = logged_in.context.storage_state()
    base_url = logged_in.url.split("/livestreams")[0]
    with window(browser, base_url, viewport=PHONE if is_phone else DESK, storage_state=state) as page:
        page.goto(path)
        yield page


def _try_to_publish(url: str) -> None:
    argv = ["ffmpeg", "-nostdin", "-loglevel", "error", "-re", "-f", "lavfi", "-i", "testsrc2=s=320x180", "-t", "3"]
    subprocess.run([*argv, "-f", "flv", url], timeout=HANG_S, check=False, stderr=subprocess.DEVNULL)
