"""The server's clock, as `static/livehub/js/player/clock.js` tells it by what answers say."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page

from tests.browser.windows import window

pytestmark = pytest.mark.browser

_SITE = "http://clock.test"
_SCRIPT = Path(settings.BASE_DIR) / "static/livehub/js/player/clock.js"
_NOW_MS = 1_794_000_000_250
_READ = """
async (answers) => {
  const { ServerClock } = await import("/clock.js");
  const clock = new ServerClock();
  for (const headers of answers) clock.read({ getResponseHeader: (name) => headers[name] ?? null });
  return clock.now();
}
"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with window(browser, _SITE) as page:
        page.clock.install(time=_NOW_MS / 1000 - 60)
        page.route(f"{_SITE}/", lambda route: route.fulfill(content_type="text/html", body="<title>Clock</title>"))
        page.route(
            f"{_SITE}/clock.js",
            lambda route: route.fulfill(content_type="text/javascript", body=_SCRIPT.read_text()),
        )
        page.goto("/")
        page.clock.pause_at(_NOW_MS / 1000)
        yield page


@pytest.mark.parametrize(
    ("answers", "ahead_ms"),
    [
        # That of the answer that came soonest, by the millisecond.
        ([{"X-Server-Time": "1794000003.100"}, {"X-Server-Time": "1794000003.240"}], 2990),
        ([{"X-Server-Time": "1794000003.240"}, *[{"X-Server-Time": "1794000001.000"}] * 20], 750),
        # Media has both.
        ([{"X-Server-Time": "1794000003.240", "Date": "Sat, 07 Nov 2026 00:00:00 GMT"}], 2990),
        # Pages say the second alone.
        ([{"Date": "Fri, 06 Nov 2026 21:20:01 GMT"}], 1250),
    ],
)
def test_is_as_near_as_answers_are(page: Page, answers: list[dict[str, str]], ahead_ms: int) -> None:
    told: Any = page.evaluate(_READ, answers)

    assert round(told) - _NOW_MS == ahead_ms


def test_is_not_known_before_an_answer(page: Page) -> None:
    assert str(page.evaluate(_READ, [])) == "nan"
    assert str(page.evaluate(_READ, [{"X-Server-Time": "soon"}])) == "nan"
