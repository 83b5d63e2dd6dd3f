"""What a page that changes by itself says when it cannot: old numbers are never shown as if they were true."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.checks import serious_violations
from tests.browser.operator import Operator
from tests.e2e.client import Integrator
from tests.e2e.processes import family, hung
from tests.stack.whole import RunningStack

pytestmark = [pytest.mark.e2e, pytest.mark.browser]


def _pill_colour(page: Page) -> str:
    return str(page.get_by_test_id("status").first.evaluate("pill => getComputedStyle(pill).color"))


def test_a_lost_connection_shows_and_goes_away_by_itself(
    operator: Operator, integrator: Integrator, stack: RunningStack
) -> None:
    stream, page = integrator.create("Long cable"), operator.page
    integrator.call("PUT", f"{stream.path}/disable")
    page.goto(f"/livestreams/{stream.created['id']}")
    lost = page.get_by_text("Not connected.")
    expect(operator.status).to_have_text("Disabled")
    expect(lost).to_be_hidden()
    before = _pill_colour(page)

    with hung(family(stack.pids()["edge"])):
        expect(lost).to_be_visible()
        expect(page.get_by_text("Last update")).to_have_text(re.compile(r"^Last update ([89]|\d\d) s ago\.$"))
        frozen = page.locator("main time[data-time]").all_inner_texts()
        page.wait_for_timeout(2_500)
        assert page.locator("main time[data-time]").all_inner_texts() == frozen

    expect(lost).to_be_hidden()
    assert _pill_colour(page) == before


def test_a_hung_process_of_the_sockets_alone_leaves_the_page_true(
    operator: Operator, integrator: Integrator, stack: RunningStack
) -> None:
    stream, page = integrator.create("Polls only"), operator.page
    page.goto(f"/livestreams/{stream.created['id']}")
    expect(operator.status).to_have_text("Offline")

    with hung([stack.pids()["asgi"]]):
        integrator.call("PUT", f"{stream.path}/disable")
        expect(operator.status).to_have_text("Disabled")
        expect(page.get_by_text("Not connected.")).to_be_hidden()


def test_a_page_whose_scripts_come_one_by_one_gets_its_socket(operator: Operator) -> None:
    page = operator.page

    def come_late(script: Route) -> None:
        page.wait_for_function("'htmx' in window")
        page.wait_for_timeout(500)
        script.continue_()

    page.route("**/hx-ws.min*.js", come_late)
    with page.expect_websocket():
        page.goto("/")


def test_answers_that_are_errors_are_no_sign_of_life(
    operator: Operator, integrator: Integrator, stack: RunningStack
) -> None:
    stream, page = integrator.create("Errors only"), operator.page
    page.route_web_socket("**/ws/**", lambda socket: socket.close())
    page.goto(f"/livestreams/{stream.created['id']}")
    expect(operator.status).to_have_text("Offline")

    with hung(family(stack.pids()["postgres"])):
        with page.expect_response(lambda response: response.status == 503):
            expect(page.get_by_text("Not connected.")).to_be_visible()
        for _ in range(20):
            assert page.get_by_text("Not connected.").is_visible()
            page.wait_for_timeout(100)

    expect(page.get_by_text("Not connected.")).to_be_hidden()


def test_what_is_said_not_to_be_sent_is_not_done_later_either(operator: Operator, stack: RunningStack) -> None:
    operator.create_livestream("Nobody answers")
    page = operator.page
    with hung(family(stack.pids()["edge"])):
        expect(page.get_by_text("Not connected.")).to_be_visible()
        # To the browser the network is there, and the server only slow.
        page.get_by_test_id("test-picture").click(no_wait_after=True)
        expect(page.get_by_text("Not sent.")).to_be_visible()

    expect(page.get_by_text("Not connected.")).to_be_hidden()
    page.wait_for_timeout(2_000)
    page.reload()
    # Nothing has been done of it.
    expect(page.get_by_test_id("test-picture")).to_have_text("Send a test picture")


def test_what_cannot_be_sent_says_so_and_leaves_the_page(operator: Operator) -> None:
    operator.create_livestream("Out of reach")
    page, not_sent = operator.page, operator.page.get_by_text("Not sent.")
    page.context.set_offline(True)

    page.get_by_test_id("disable").click()
    expect(not_sent).to_be_visible()

    page.context.set_offline(False)
    page.get_by_test_id("disable").click()
    submit = page.get_by_role("dialog").get_by_test_id("submit")
    expect(submit).to_be_visible()
    expect(not_sent).to_be_hidden()
    page.context.set_offline(True)
    submit.click()
    expect(not_sent).to_be_visible()

    page.context.set_offline(False)
    submit.click()
    expect(operator.status).to_have_text("Disabled")


@pytest.mark.parametrize("program", ["postgres", "web"])
def test_a_page_that_cannot_be_answered_comes_by_itself(
    operator: Operator, integrator: Integrator, stack: RunningStack, program: str
) -> None:
    stream, page = integrator.create("Worth the wait"), operator.page
    with hung(family(stack.pids()[program])):
        page.goto(f"/livestreams/{stream.created['id']}?from=mail")
        expect(page.get_by_role("heading", name="One moment")).to_be_visible()
        assert serious_violations(page) == []

    expect(page.get_by_role("heading", name="Worth the wait")).to_be_visible()
    assert page.url.endswith("?from=mail")
