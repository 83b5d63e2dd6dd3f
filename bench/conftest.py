"""What benchmarks need beside the product: what those that commit need of the database, and one Chromium in a file."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.conftest import _FLAGS, CHROMIUM
from tests.conftest import django_db_setup

__all__ = ["browser", "django_db_setup"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        yield chromium
        chromium.close()
