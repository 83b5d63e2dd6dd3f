"""Chromium against a run of the whole product."""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import psycopg
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.operator import Operator
from tests.browser.windows import window
from tests.e2e.client import Integrator
from tests.stack.whole import RunningStack

# Without the windows around its pages: opening one costs a third, and each picture in it less.
CHROMIUM = "/usr/bin/chromium-headless-shell"
# A browser that says it has no window is a crawler, and nobody who watches. Told by itself, since what is emulated in a
# page is not in its last words.
_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
_FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    f"--user-agent={_AGENT}",
]  # fmt: skip


@pytest.fixture(scope="package", name="open_browser")
def _open_browser() -> Iterator[Callable[[], Browser]]:
    """Return the one for all journeys, or another when it has crashed.

    While it runs, its thread counts as that of an event loop, where Django reads no rows.
    """
    opened: list[Browser] = []

    def open_browser() -> Browser:
        if not opened or not opened[-1].is_connected():
            opened.append(playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS))
        return opened[-1]

    with sync_playwright() as playwright:
        yield open_browser
        for chromium in opened:
            chromium.close()


@pytest.fixture
def browser(open_browser: Callable[[], Browser]) -> Browser:
    return open_browser()


@pytest.fixture
def page(browser: Browser, stack: RunningStack) -> Iterator[Page]:
    """An empty browser window of its own, 1440 pixels wide."""
    with window(browser, stack.base_url) as page:
        yield page


@pytest.fixture
def bare_page(browser: Browser, stack: RunningStack) -> Iterator[Page]:
    """A window in which no script runs."""
    with window(browser, stack.base_url, java_script_enabled=False) as page:
        yield page


@pytest.fixture(scope="package")
def log_in() -> dict[str, str]:
    """The cookies of the log-in that the owner's windows share, none yet: another one loads a page, and hashes."""
    return {}


@pytest.fixture
def operator(page: Page, stack: RunningStack, log_in: dict[str, str]) -> Operator:
    """The owner of the demo organization, who is staff, logged in: tests make other organizations beside it."""
    # Django reads no rows here.
    with psycopg.connect(host=str(stack.runtime_dir / "postgres"), user="livehub", dbname="livehub") as connection:
        connection.execute("UPDATE streams_user SET is_staff = TRUE WHERE email = %s", [stack.credentials["email"]])
    operator = Operator(page)
    page.context.add_cookies([{"name": name, "value": log_in[name], "url": stack.base_url} for name in log_in])
    operator.visit("/")
    # The first one; or somebody has ended it.
    if urlsplit(page.url).path == "/log-in":
        operator.log_in(stack.credentials["email"], stack.credentials["password"])
        log_in.update({cookie["name"]: cookie["value"] for cookie in page.context.cookies()})
    return operator


@pytest.fixture
def integrator(stack: RunningStack) -> Integrator:
    return Integrator.of(stack)
