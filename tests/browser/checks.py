"""What every page must be, whatever it shows: accessible, narrow enough, and without a complaint of the browser."""

import json
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page

from tests.browser.operator import Operator
from tests.browser.windows import DESK, PHONE, SMALL_PHONE

_AXE = (Path(__file__).parent / "vendor" / "axe-core@4.14.1" / "axe.min.js").read_text()
# Told of nothing else, it looks for nothing else.
_RUN_AXE = "axe.run({resultTypes: ['violations']}).then(result => JSON.stringify(result.violations))"
# Lists of figures whose boxes leave part of the list empty.
_GAPING = """[...document.querySelectorAll("dl.stats")].filter((list) => {
  const filled = [...list.children].reduce((sum, box) => sum + box.offsetWidth * box.offsetHeight, 0);
  return filled < 0.95 * list.clientWidth * list.clientHeight;
}).length"""


def check(page: Page, operator: Operator) -> None:
    """Check what the page is now, in every width and both colour schemes."""
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert serious_violations(page) == [], f"{page.url} ({scheme})"
    for size in (PHONE, SMALL_PHONE):
        page.set_viewport_size(size)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], page.url
        assert page.evaluate(_GAPING) == 0, page.url
    page.set_viewport_size(DESK)
    assert page.evaluate(_GAPING) == 0, page.url
    assert operator.complaints == []


def serious_violations(page: Page) -> list[str]:
    """Return what the accessibility checker calls serious, each with its element."""
    # Playwright's evaluate is not subject to the page's content security policy; a script element would be.
    if not page.evaluate("'axe' in window"):
        page.evaluate(_AXE)
    report = json.loads(page.evaluate(_RUN_AXE))
    return [
        f"{violation['id']}: {node['html']}"
        for violation in report
        if violation["impact"] in {"serious", "critical"}
        for node in violation["nodes"]
    ]
