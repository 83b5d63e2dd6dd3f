"""A broadcast that begins with the slate, in a real browser."""

import pytest
from playwright.sync_api import expect

from tests.browser.checks import check
from tests.browser.operator import Operator
from tests.e2e.client import Integrator
from tests.e2e.encoder import publishing

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

# Longer than all that is to happen within.
_WINDOW_S = 600


def test_the_slate_plays_before_the_encoder_and_its_picture_follows(operator: Operator, integrator: Integrator) -> None:
    stream = integrator.create("Early birds", window_s=_WINDOW_S)
    page = operator.page
    page.goto(f"/livestreams/{stream.created['id']}")

    with page.expect_navigation():
        page.get_by_test_id("start-with-slate").click()
    expect(operator.status).to_have_text("Standby")
    page.evaluate("window.sameDocument = true")
    expect(page.get_by_test_id("standby")).to_contain_text("viewers see the slate")
    operator.watch(for_s=2)
    check(page, operator)

    with publishing(stream.publish_url, fps=10):
        expect(operator.status).to_have_text("Live")
        expect(page.get_by_test_id("standby")).to_have_count(0)
        operator.watch(for_s=2)
        assert page.evaluate("window.sameDocument") is True
        page.get_by_test_id("end-broadcast").click()
        page.get_by_role("dialog").get_by_role("button", name="End broadcast").click()
        expect(operator.status).to_have_text("Offline")
    expect(page.get_by_test_id("session")).to_have_count(1)
    assert operator.complaints == []
