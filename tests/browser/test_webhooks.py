"""Webhooks in a real browser: made, tried, failing and mended, while the page is open."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from standardwebhooks import Webhook

from tests.browser.checks import check
from tests.browser.operator import Operator
from tests.e2e.client import Integrator
from tests.stack.whole import RunningStack
from tests.webhooks.receiver import Receiver, Reply

pytestmark = [pytest.mark.e2e, pytest.mark.browser]


@pytest.fixture
def receiver(integrator: Integrator) -> Iterator[Receiver]:
    """Takes what the test's webhooks are sent; they are deleted with it, since other tests share the run."""
    with Receiver().open() as found:
        yield found
        for webhook in integrator.call("GET", "/webhooks")["data"]:
            integrator.call("DELETE", f"/webhooks/{webhook['id']}")


def create_webhook(page: Page, name: str, url: str) -> str:
    """Make one that listens for LiveHub's own events, and return its secret."""
    page.goto("/webhooks")
    page.get_by_test_id("create-webhook").click()
    page.get_by_role("textbox", name="Name").fill(name)
    page.get_by_label("URL").fill(url)
    page.get_by_label("Select all of LiveHub").check()
    expect(page.get_by_text("26 of ")).to_be_visible()
    page.get_by_test_id("submit").click()
    expect(page.get_by_text("It is shown this once.")).to_be_visible()
    return page.locator("#new-secret").inner_text()


def test_a_webhook_is_made_tried_and_replayed(operator: Operator, integrator: Integrator, receiver: Receiver) -> None:
    page = operator.page
    secret = create_webhook(page, "Booking system", receiver.url)

    page.reload()
    expect(page.get_by_text("A secret is shown only once.")).to_be_visible()
    expect(page.get_by_role("main")).not_to_contain_text(secret)
    expect(page.get_by_test_id("health")).to_contain_text("Nothing has been sent yet")

    # By a program, while the page is open.
    receiver.behave = lambda _: Reply(status=500, body=b"<h1>Oops</h1>")
    stream = integrator.create("Told of")
    row = page.get_by_test_id("delivery").filter(has_text="livestream.created")
    expect(row.get_by_test_id("status")).to_have_text("Retrying")
    expect(page.get_by_test_id("health")).to_contain_text("Answers 500.")
    page.goto("/")
    expect(page.get_by_test_id("concern").filter(has_text="Booking system")).to_contain_text("Answers 500.")
    page.go_back()

    row.get_by_role("link").click()
    expect(page.get_by_test_id("attempt").first).to_contain_text("<h1>Oops</h1>")
    check(page, operator)
    receiver.behave = lambda _: Reply()
    page.get_by_test_id("replay-delivery").click()
    expect(page.locator("h1 + .status")).to_have_text("Delivered")
    # Of other livestreams, the tests before may be told of meanwhile.
    told = [each for each in receiver.received if stream.created["id"].encode() in each.body]
    received = told[-1]
    assert Webhook(secret).verify(received.body, dict(received.headers))
    assert {each.id for each in told} == {received.id}

    with page.expect_websocket():
        page.get_by_role("link", name="Booking system").click()
    expect(page.get_by_test_id("health")).to_contain_text("Your server takes what it is sent")
    page.get_by_test_id("send-test").click()
    page.get_by_role("dialog").get_by_label("Event").select_option("livestream.live")
    page.get_by_role("dialog").get_by_test_id("submit").click()
    expect(page.locator("h1 + .status")).to_have_text(re.compile(r"Delivered\s+Test"))
    assert operator.complaints == []


def test_deliveries_are_narrowed_and_what_is_narrowed_is_an_address(
    operator: Operator, integrator: Integrator, receiver: Receiver
) -> None:
    page = operator.page
    create_webhook(page, "Narrowed", receiver.url)
    page.get_by_role("link", name="I have copied it").click()
    for _ in range(2):
        integrator.create("Told of")
    created = page.get_by_test_id("delivery").filter(has_text="livestream.created")
    expect(created).to_have_count(2)

    page.locator("#id_state").select_option("failed")
    expect(page.get_by_text("No delivery matches")).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?state=failed$"))
    page.reload()
    expect(page.get_by_text("No delivery matches")).to_be_visible()
    page.get_by_role("link", name="Show all deliveries").click()
    expect(created).to_have_count(2)

    search = page.get_by_role("searchbox", name="Search by webhook-id")
    search.fill(receiver.received[0].id)
    search.press("Enter")
    expect(page.get_by_test_id("delivery")).to_have_count(1)
    search.fill("")
    page.locator("#id_within").select_option("until")
    page.get_by_label("Before, UTC").fill("2020-01-01T00:00")
    page.get_by_label("Before, UTC").press("Enter")
    expect(page.get_by_text("No delivery matches")).to_be_visible()
    check(page, operator)


def test_every_page_is_accessible_and_fits_a_phone(operator: Operator, receiver: Receiver) -> None:
    page = operator.page
    create_webhook(
        page, "A webhook with a rather long name, as people like to give them " * 3, f"{receiver.url}/{'x' * 300}"
    )
    check(page, operator)
    page.get_by_role("link", name="I have copied it").click()
    there = page.url
    deeds = ("change", "rotate-secret", "pause", "delete", "replay", "test")

    for address in (
        "/webhooks",
        "/webhooks?show=trouble",
        "/webhooks/create",
        there,
        *(f"{there}/{deed}" for deed in deeds),
    ):
        page.goto(address)
        expect(page.locator("h1")).to_have_count(1)
        check(page, operator)


def test_a_webhook_is_made_changed_and_deleted_without_javascript(
    bare_page: Page, stack: RunningStack, receiver: Receiver
) -> None:
    page = bare_page
    Operator(page).log_in(stack.credentials["email"], stack.credentials["password"])
    page.goto("/webhooks/create")
    page.get_by_role("textbox", name="Name").fill("Plain")
    page.get_by_label("URL").fill("not an address")
    page.get_by_label("livestream.live").check()
    page.get_by_test_id("submit").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter the whole address")
    page.get_by_label("URL").fill(receiver.url)
    page.get_by_test_id("submit").click()
    page.get_by_role("link", name="I have copied it").click()

    page.get_by_test_id("change").click()
    page.get_by_role("textbox", name="Name").fill("Plainer")
    page.get_by_test_id("submit").click()
    expect(page.get_by_role("heading", name="Plainer")).to_be_visible()
    page.locator("#id_state").select_option("failed")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("No delivery matches")).to_be_visible()

    page.get_by_test_id("delete").click()
    page.get_by_test_id("submit").click()
    expect(page.get_by_text("Plainer is deleted.")).to_be_visible()
