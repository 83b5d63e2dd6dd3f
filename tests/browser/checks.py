"""What every page must be, whatever it shows: accessible, narrow enough, and without a complaint of the browser."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page

from tests.browser.operator import Operator
from tests.browser.windows import DESK, PHONE, SMALL_PHONE

# What it never calls serious need not be looked for: a third of its rules, among them some that look at all there is.
_SERIOUS_ALONE = """
axe.configure({
  rules: axe._audit.rules
    .filter(({ impact }) => ["minor", "moderate"].includes(impact))
    .map(({ id }) => ({ id, enabled: false })),
});
"""
_AXE = (Path(__file__).parent / "vendor" / "axe-core@4.14.1" / "axe.min.js").read_text() + _SERIOUS_ALONE
# Told of nothing else, it looks for nothing else.
_RUN_AXE = "rules => axe.run({resultTypes: ['violations'], ...rules}).then(result => JSON.stringify(result.violations))"
# All that colours have to do with: the rest of a page is the same in both schemes.
_OF_COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
# Lists of figures whose boxes leave part of the list empty.
_GAPING = """[...document.querySelectorAll("dl.stats")].filter((list) => {
  const filled = [...list.children].reduce((sum, box) => sum + box.offsetWidth * box.offsetHeight, 0);
  return filled < 0.95 * list.clientWidth * list.clientHeight;
}).length"""

# Ways to other pages that are not in sight.
_CUT_OFF = "[...document.querySelectorAll('nav.nav')].filter((nav) => nav.scrollWidth > nav.clientWidth).length"


def check(page: Page, operator: Operator) -> None:
    """Check what the page is now, in every width and both colour schemes."""
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert serious_violations(page, rules=None if scheme == "light" else _OF_COLOURS) == [], (
            f"{page.url} ({scheme})"
        )
    for size in (PHONE, SMALL_PHONE):
        page.set_viewport_size(size)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], page.url
        assert page.evaluate(_GAPING) == 0, page.url
        assert page.evaluate(_CUT_OFF) == 0, (page.url, size)
    page.set_viewport_size(DESK)
    assert page.evaluate(_GAPING) == 0, page.url
    assert operator.complaints == []


def serious_violations(page: Page, *, rules: Mapping[str, object] | None = None) -> list[str]:
    """Return what the accessibility checker calls serious, each with its element; `rules`: of these alone."""
    # Playwright's evaluate is not subject to the page's content security policy; a script element would be.
    if not page.evaluate("'axe' in window"):
        page.evaluate(_AXE)
    report = json.loads(page.evaluate(_RUN_AXE, rules or {}))
    return [
        f"{violation['id']}: {node['html']}"
        for violation in report
        if violation["impact"] in {"serious", "critical"}
        for node in violation["nodes"]
    ]
