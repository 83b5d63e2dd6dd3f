"""How soon a viewer at low latency is on the livestream's page, and how soon they are gone from it.

`make bench`, or `python -m pytest -m bench -s bench/test_watching_now.py`.
"""

import re
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page

from tests.browser.operator import Operator
from tests.e2e.client import Integrator, Stream
from tests.e2e.encoder import publishing
from tests.services import HANG_S, wait_until
from tests.stack.whole import RunningStack, running_stack

pytestmark = pytest.mark.bench

_VIEWERS = 15
_APPEARS_P95_S, _GONE_S = 3.0, 5.0
_AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"
# As the playlists ask players to: three parts behind.
_PARTS_BEHIND = 3


class _LowPlayer(threading.Thread):
    """Begins three parts behind what is newest, and fetches each as soon as it is there; `time.monotonic()`."""

    def __init__(self, playlist: str, *, sid: str) -> None:
        super().__init__(daemon=True)
        self._playlist, self._sid = httpx.URL(playlist), sid
        self._is_over = threading.Event()
        self.first_at = self.last_at = 0.0

    def run(self) -> None:
        seen: set[str] = set()
        headers = {"User-Agent": _AGENT, "CMCD-Session": f'sid="{self._sid}"'}
        with httpx.Client(headers=headers, timeout=HANG_S) as http:
            while not self._is_over.wait(0.1):
                text = http.get(self._playlist).raise_for_status().text
                parts = re.findall(r'^#EXT-X-PART:.*URI="(.*?)"', text, re.MULTILINE)
                if not seen:
                    seen.update(parts[:-_PARTS_BEHIND])
                for uri in parts:
                    if uri not in seen:
                        seen.add(uri)
                        http.get(self._playlist.join(uri)).raise_for_status()
                        self.last_at = time.monotonic()
                        self.first_at = self.first_at or self.last_at

    def leave(self) -> float:
        """Return when they fetched something last."""
        self._is_over.set()
        self.join()
        return self.last_at


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture
def page(browser: Browser, stack: RunningStack) -> Iterator[Page]:
    context = browser.new_context(base_url=stack.base_url)
    page = context.new_page()
    # It plays what it tells of, and would be one of its viewers.
    page.route(re.compile(r"\.m4s"), lambda route: route.abort())
    Operator(page).log_in(stack.credentials["email"], stack.credentials["password"])
    yield page
    context.close()


def _shown_at(page: Page, number: int) -> float:
    """Return when the page shows so many."""
    wait_until(
        lambda: (
            page.evaluate("() => document.querySelector('[data-testid=watching]')?.textContent ?? ''").strip()
            == str(number)
        ),
        what=f"{number} on the page",
    )
    return time.monotonic()


def test_appear_and_are_gone(page: Page, stack: RunningStack) -> None:
    stream: Stream = Integrator.of(stack).create()
    with publishing(stream.publish_url):
        stream.await_status("LIVE")
        stream.newest_segment()
        page.goto(f"/livestreams/{stream.created['id']}")
        playlist = next(iter(stream.playlists()))
        players = [_LowPlayer(playlist, sid=f"viewer-{number}") for number in range(_VIEWERS)]
        appeared, gone = [], []
        for number, player in enumerate(players, start=1):
            player.start()
            shown_at = _shown_at(page, number)
            appeared.append(shown_at - player.first_at)
        for number, player in enumerate(reversed(players), start=1):
            left_at = player.leave()
            gone.append(_shown_at(page, _VIEWERS - number) - left_at)
    for took in (appeared, gone):
        took.sort()
    late = appeared[len(appeared) * 95 // 100]
    print(
        f"\non the page after the first part: p95 {late:.1f} s (wanted <= {_APPEARS_P95_S:.0f}), median"
        f" {appeared[_VIEWERS // 2]:.1f} s"
        f"\ngone from it after leaving: {gone[-1]:.1f} s (wanted <= {_GONE_S:.0f}), median {gone[_VIEWERS // 2]:.1f} s"
    )
    assert late <= _APPEARS_P95_S
    assert gone[-1] <= _GONE_S
