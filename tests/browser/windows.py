"""The windows of the browser, and how long anything in one is waited for."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.services import HANG_S

PHONE: ViewportSize = {"width": 390, "height": 844}
SMALL_PHONE: ViewportSize = {"width": 320, "height": 640}
DESK: ViewportSize = {"width": 1440, "height": 900}
_HANG_MS = HANG_S * 1000
expect.set_options(timeout=_HANG_MS)


@contextmanager
def window(browser: Browser, base_url: str, *, viewport: ViewportSize = DESK, **options: Any) -> Iterator[Page]:
    """Open an empty window of somebody's own for as long as the block lasts; `options` are a browser context's.

    Nothing in it is animated: drawn without a graphics card, what pulses takes more of a core than all else.
    """
    options = {"reduced_motion": "reduce", **options}
    with browser.new_context(base_url=base_url, viewport=viewport, **options) as context:
        context.set_default_timeout(_HANG_MS)
        yield context.new_page()
