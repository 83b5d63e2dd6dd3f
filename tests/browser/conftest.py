"""Chromium against a run of the whole product."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.operator import Operator
from tests.e2e.client import Integrator
from tests.stack.whole import RunningStack

_FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One for all journeys; while it runs, its thread counts as that of an event loop, where Django reads no rows."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, stack: RunningStack) -> Iterator[Page]:
    """An empty browser window, 1440 pixels wide, that waits no longer than a person would."""
    context = browser.new_context(base_url=stack.base_url, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def operator(page: Page, stack: RunningStack) -> Operator:
    """The owner of the demo organization, logged in."""
    operator = Operator(page)
    operator.log_in(stack.credentials["email"], stack.credentials["password"])
    return operator


@pytest.fixture
def integrator(stack: RunningStack) -> Integrator:
    return Integrator.of(stack)
