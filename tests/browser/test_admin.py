"""The support staff's pages, which are Django's, under our content security policy."""

import json

import pytest
from playwright.sync_api import Page, expect

from tests.browser.operator import Operator
from tests.browser.windows import DESK
from tests.e2e.client import Integrator
from tests.reruns import unused_email
from tests.stack.whole import RunningStack

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

_PHONE_WIDTH = 390
# On how many lines an element's text stands.
_LINES = """(element) => {
  const range = document.createRange();
  range.selectNodeContents(element);
  return range.getClientRects().length;
}"""


@pytest.fixture
def supporter(page: Page, stack: RunningStack) -> Operator:
    """A member of support staff, logged in."""
    email = unused_email("desk")
    made = json.loads(
        stack.manage("create_organization", "--skip-checks", "--name=Desk", f"--email={email}", "--staff")
    )
    supporter = Operator(page)
    page.goto("/admin/")
    page.get_by_label("E-mail address").fill(made["email"])
    page.get_by_label("Password").fill(made["password"])
    page.get_by_role("button", name="Log in").click()
    return supporter


def test_livestreams_are_found_read_and_disabled_without_breaking_the_policy(
    supporter: Operator, integrator: Integrator
) -> None:
    page = supporter.page
    created = integrator.create("Seen by support").created
    expect(page.get_by_role("link", name="LiveHub support")).to_be_visible()

    page.set_viewport_size({"width": _PHONE_WIDTH, "height": 844})
    page.goto("/admin/streams/member/")
    # "Owner" on one line, whatever room there is.
    assert page.locator("#result_list td.field-role").first.evaluate(_LINES) == 1
    page.set_viewport_size(DESK)
    page.goto("/admin/streams/session/")
    page.goto(f"/admin/streams/livestream/?q={created['id']}")
    page.get_by_role("checkbox").last.check()
    page.get_by_role("combobox", name="Action").select_option(label="Disable, and cut the encoder")
    page.get_by_role("button", name="Go").click()
    expect(page.get_by_text("Disabled: 1.")).to_be_visible()
    page.get_by_role("link", name="Seen by support").click()
    expect(page.get_by_text("Refused: disabled")).to_be_visible()
    page.set_viewport_size({"width": _PHONE_WIDTH, "height": 844})

    assert page.evaluate("document.documentElement.scrollWidth") <= _PHONE_WIDTH
    assert supporter.complaints == []
