"""Simulcasts on the livestream's page, in a real browser: in dialogs, live on other pages, and without JavaScript."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.operator import Operator
from tests.e2e.client import Integrator
from tests.stack.whole import RunningStack

pytestmark = [pytest.mark.e2e, pytest.mark.browser]


def test_are_added_changed_and_deleted_in_dialogs(operator: Operator) -> None:
    operator.create_livestream("Two platforms")
    page = operator.page
    expect(page.get_by_test_id("output")).to_have_count(2)

    page.get_by_test_id("add-output").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Name")).to_be_visible()
    dialog.get_by_label("Server").fill("http://example.com")
    dialog.get_by_test_id("submit").click()
    expect(dialog.get_by_role("alert")).to_contain_text("rtmp://host/application")
    dialog.get_by_label("Server").fill("rtmp://a.example.com/live2")
    dialog.get_by_label("Stream key").fill("abcd-efgh")
    dialog.get_by_label("Name").fill("Big stage")
    dialog.get_by_test_id("submit").click()

    row = page.get_by_test_id("output").filter(has_text="Big stage")
    expect(row.get_by_test_id("status")).to_have_text("Ready")
    expect(page.get_by_role("main")).not_to_contain_text("abcd-efgh")

    row.get_by_role("link", name="Change").click()
    dialog.get_by_label("Send broadcasts there").uncheck()
    dialog.get_by_test_id("submit").click()
    expect(row.get_by_test_id("status")).to_have_text("Off")

    row.get_by_test_id("switch-output").click()
    expect(row.get_by_test_id("status")).to_have_text("Ready")

    row.get_by_role("link", name="Change").click()
    dialog.get_by_test_id("delete-output").click()
    expect(dialog).to_contain_text("Delete the simulcast “Big stage”?")
    dialog.get_by_test_id("submit").click()
    expect(page.get_by_test_id("output")).to_have_count(2)
    # The one that was refused.
    assert [complaint for complaint in operator.complaints if "422" not in complaint] == []


def test_that_a_program_adds_show_by_themselves(operator: Operator, integrator: Integrator) -> None:
    stream = integrator.create("Programmed")
    with operator.page.expect_websocket():
        operator.page.goto(f"/livestreams/{stream.created['id']}")
    expect(operator.page.get_by_test_id("output")).to_have_count(2)

    integrator.call("POST", f"{stream.path}/outputs", type="simulcast", uri="rtmp://b.example.com/x", name="By program")

    expect(operator.page.get_by_test_id("output").filter(has_text="By program")).to_be_visible()


def test_are_added_and_deleted_without_javascript(bare_page: Page, stack: RunningStack) -> None:
    page = bare_page
    Operator(page).log_in(stack.credentials["email"], stack.credentials["password"])
    page.goto("/livestreams/create")
    page.get_by_label("Name").fill("Plain")
    page.get_by_test_id("submit").click()

    page.get_by_test_id("add-output").click()
    page.get_by_label("Server").fill("rtmp://a.example.com/live2")
    page.get_by_test_id("submit").click()
    expect(page.get_by_text("The simulcast is added.")).to_be_visible()
    page.get_by_role("link", name="Change rtmp://a.example.com/").click()
    page.get_by_test_id("delete-output").click()
    page.get_by_test_id("submit").click()

    expect(page.get_by_text("The simulcast is deleted.")).to_be_visible()
    expect(page.get_by_test_id("output")).to_have_count(2)
