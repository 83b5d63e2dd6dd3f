"""The page of the instance itself, which follows by itself."""

import pytest
from playwright.sync_api import expect

from tests.browser.operator import Operator

pytestmark = [pytest.mark.e2e, pytest.mark.browser]


def test_every_part_runs_and_the_page_hears_of_it_without_being_loaded_again(operator: Operator) -> None:
    page = operator.page

    with page.expect_websocket(lambda socket: socket.url.endswith("/ws/system")) as opened:
        operator.page.goto("/system")
    opened.value.wait_for_event("framereceived")

    # The nodes look at their disks every 15 s.
    expect(page.get_by_test_id("disk")).to_have_count(1)
    expect(page.get_by_test_id("missing")).to_have_count(0)
    expect(page.get_by_test_id("part")).to_have_count(14)
    expect(page.get_by_test_id("worker")).to_have_count(5)
    # Not of a self-test that others have run here.
    parts = page.locator("[data-testid=part], [data-testid=worker], [data-testid=disk]")
    assert {pill.inner_text() for pill in parts.get_by_test_id("status").all()} <= {
        "Runs",
        "Heard",
        "Ready",
        "Not due yet",
        # The collectors of all edges.
        "Fine",
        "Nearly full",
        # What is called every ten minutes.
        "Not heard yet",
    }
