"""The description of the API, as a reader tries it out."""

import pytest
from playwright.sync_api import Page, expect

from livehub.api.wire import WIRES, Wire
from tests.browser.operator import Operator
from tests.browser.windows import PHONE
from tests.stack.whole import RunningStack

pytestmark = [pytest.mark.e2e, pytest.mark.browser]


@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.name)
def test_shows_every_dialect_without_breaking_the_policy(page: Page, wire: Wire) -> None:
    reader = Operator(page)

    page.goto(f"/docs/api/{wire.name}")

    expect(page.get_by_role("link", name=wire.title, exact=True)).to_have_attribute("aria-current", "page")
    expect(page.locator(".info .title")).to_contain_text(wire.title)
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert reader.complaints == []


def test_creates_a_livestream_and_shows_the_answer(page: Page, stack: RunningStack) -> None:
    reader = Operator(page)
    page.goto("/docs/api/dyte")

    page.get_by_role("button", name="Authorize").click()
    page.locator("#auth-basic-username").fill(stack.credentials["organization_id"])
    page.locator("#auth-basic-password").fill(stack.credentials["api_key"])
    page.get_by_role("button", name="Apply credentials").click()
    page.get_by_role("button", name="Close").last.click()
    operation = page.locator("#operations-Livestreams-create_livestream")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()

    answer = operation.locator(".live-responses-table .response")
    expect(answer.locator(".response-col_status")).to_contain_text("201")
    expect(answer).to_contain_text("Autumn keynote")
    assert reader.complaints == []
