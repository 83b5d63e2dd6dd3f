"""A broadcast that begins with the slate, in a real browser."""

import pytest
from playwright.sync_api import expect

from tests.browser.checks import check
from tests.browser.operator import Operator
from tests.e2e.encoder import publishing
from tests.stack.whole import RunningStack

pytestmark = [pytest.mark.e2e, pytest.mark.browser]


def test_the_slate_plays_before_the_encoder_and_its_picture_follows(operator: Operator, stack: RunningStack) -> None:
    operator.create_livestream("Early birds", waits=True)
    page = operator.page
    url = f"rtmp://127.0.0.1:{stack.rtmp_port}/live/{operator.stream_key()}"

    with page.expect_navigation():
        page.get_by_test_id("start-with-slate").click()
    expect(operator.status).to_have_text("Standby")
    page.evaluate("window.sameDocument = true")
    expect(page.get_by_test_id("standby")).to_contain_text("viewers see the slate")
    operator.watch(for_s=2)
    check(page, operator)

    with publishing(url):
        expect(operator.status).to_have_text("Live")
        expect(page.get_by_test_id("standby")).to_have_count(0)
        operator.watch(for_s=2)
        assert page.evaluate("window.sameDocument") is True
        page.get_by_test_id("end-broadcast").click()
        page.get_by_role("dialog").get_by_role("button", name="End broadcast").click()
        expect(operator.status).to_have_text("Offline")
    expect(page.get_by_test_id("session")).to_have_count(1)
    assert operator.complaints == []
