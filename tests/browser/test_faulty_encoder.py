"""A faulty encoder at the whole product: named on every page, in the API, the timeline and by webhook, then mended."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.checks import check
from tests.browser.operator import Operator
from tests.browser.windows import window
from tests.e2e.client import Integrator, Stream
from tests.e2e.encoder import publishing
from tests.services import wait_until
from tests.stack.whole import RunningStack
from tests.webhooks.receiver import Receiver

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

_KIND = "keyframe_interval"
_FOUND = '[data-testid="finding"][data-kind="keyframe_interval"]'


@pytest.fixture
def receiver(integrator: Integrator) -> Iterator[Receiver]:
    """Is told of every change of health, until the test is over."""
    with Receiver().open() as found:
        events = ["livestream.health_changed"]
        made = integrator.call("POST", "/webhooks", name="Faults", url=found.url, events=events)["data"]
        yield found
        integrator.call("DELETE", f"/webhooks/{made['id']}")


def _health(stream: Stream) -> dict[str, Any]:
    told: dict[str, Any] = stream.integrator.call("GET", f"{stream.path}/health")["data"]
    return told


def _kinds(stream: Stream) -> set[str]:
    return {finding["kind"] for finding in _health(stream)["findings"]}


def _told(receiver: Receiver, stream: Stream) -> list[tuple[str, set[str]]]:
    """Return what the webhooks said: of each the health, and which findings."""
    told = [json.loads(body) for body in receiver.bodies]
    return [
        (each["health"]["status"], {finding["kind"] for finding in each["health"]["findings"]})
        for each in told
        if each["livestream"]["id"] == stream.created["id"]
    ]


def _make_link(operator: Operator, stream: Stream) -> str:
    page = operator.page
    page.goto(stream.path)
    page.get_by_test_id("streamer-link").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Create link").click()
    address = dialog.locator("#streamer-address")
    expect(address).to_contain_text("/streamer#")
    link = address.inner_text()
    dialog.get_by_role("button", name="Done").click()
    return link


def _answer_too_often(route: Route) -> None:
    route.fulfill(status=429, headers={"Retry-After": "1"}, body="This link is open in too many places.")


@pytest.fixture
def streamers(browser: Browser, stack: RunningStack) -> Iterator[Page]:
    """The window of somebody who is no member."""
    with window(browser, stack.base_url) as page:
        yield page


def test_is_named_everywhere_until_it_is_mended(
    operator: Operator, integrator: Integrator, receiver: Receiver, streamers: Page
) -> None:
    stream = integrator.create("Faulty", window_s=120)
    link = _make_link(operator, stream)
    asked: list[str] = []
    streamers.on("request", lambda request: asked.append(request.url))
    streamer = Operator(streamers)
    streamers.goto(link)
    expect(streamers.get_by_role("heading", name="Faulty")).to_be_visible()
    expect(streamers.get_by_text("Nothing comes from your encoder.")).to_be_visible()

    with publishing(stream.publish_url, fps=10, gop_s=10):
        for page in (operator.page, streamers):
            finding = page.locator(_FOUND)
            expect(finding).to_contain_text("Key frames come only every")
            expect(finding).to_contain_text("OBS: Set Settings > Output > Keyframe Interval to 2 s")
        expect(streamers.get_by_test_id("fps")).to_contain_text("10 fps")
        check(streamers, streamer)
        assert _kinds(stream) == {_KIND}
        assert _health(stream)["status"] in {"ok", "bad"}
        expect(operator.page.locator(".timeline-card")).to_contain_text("Key frames come only every")
        wait_until(
            lambda: any(kinds == {_KIND} for _, kinds in _told(receiver, stream)), what="the webhook of the fault"
        )

    with publishing(stream.publish_url, fps=10):
        for page in (operator.page, streamers):
            expect(page.locator('[data-health="good"]')).to_be_visible()
            expect(page.locator(_FOUND)).to_have_count(0)
        wait_until(lambda: ("good", set()) in _told(receiver, stream), what="the webhook of the mending")
        assert (_health(stream)["status"], _kinds(stream)) == ("good", set())

    streamers.route("**/streamer/state", _answer_too_often)
    expect(streamers.locator("#busy")).to_contain_text("This link is open in too many places.")
    streamers.unroute("**/streamer/state")
    expect(streamers.locator("#busy")).to_be_hidden()

    operator.page.get_by_test_id("streamer-link").click()
    operator.page.get_by_role("dialog").get_by_test_id("withdraw").click()
    expect(streamers.get_by_text("This link does not work.")).to_be_visible()
    # What opens it went into no address that anybody gets.
    secret = urlsplit(link).fragment
    assert asked
    assert not any(secret in urlsplit(url)._replace(fragment="").geturl() for url in asked)
    # Its last answer is no fault of the page, and neither is that it asked too often.
    assert all("410" in complaint or "429" in complaint for complaint in streamer.complaints)
