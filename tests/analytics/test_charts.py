"""What the browser draws of figures: as many points as are known, gaps where nothing is, and on by the second."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from playwright.sync_api import Locator, Page, expect, sync_playwright
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from analytics.models import LogCursor, SessionNow
from livehub.core import clock
from streams.models import Connection, IngestFinding, Livestream, Session, SessionEvent, User
from tests.analytics.rows import broadcast, watched
from tests.browser import windows
from tests.browser.checks import serious_violations
from tests.browser.conftest import _FLAGS, CHROMIUM
from tests.browser.windows import PHONE, SMALL_PHONE
from tests.runs import claimed, connected
from tests.services import HANG_S, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

# What a canvas shows in the scheme of the moment: how many of its pixels are of the curve's colour, by column.
_INKED = """() => {
  const canvas = document.querySelector(".chart canvas");
  const probe = Object.assign(document.createElement("span"), { style: "color: var(--accent)" });
  document.body.append(probe);
  const [red, green, blue] = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
  probe.remove();
  const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const columns = new Array(width).fill(0);
  for (let at = 0; at < data.length; at += 4) {
    const apart = Math.abs(data[at] - red) + Math.abs(data[at + 1] - green) + Math.abs(data[at + 2] - blue);
    if (apart < 12) columns[(at / 4) % width]++;
  }
  return JSON.stringify(columns.map(Boolean));
}"""


@pytest.fixture(autouse=True)
def _plain_static_names(settings: Settings) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@contextmanager
def opened(server: LiveServer, user: User, *, path: str) -> Iterator[Page]:
    """Open a page of the dashboard as this person; Django reads rows elsewhere meanwhile."""
    client = Client()
    client.force_login(user)
    cookie = {
        "name": settings.SESSION_COOKIE_NAME,
        "value": client.cookies[settings.SESSION_COOKIE_NAME].value,
        "url": server.url,
    }
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        with windows.window(browser, server.url, timezone_id="UTC") as page:
            page.context.add_cookies([cookie])  # type: ignore[list-item]  # Those three are enough.
            page.goto(path)
            expect(page.locator(".chart canvas")).to_have_count(1)
            yield page
        browser.close()


def elsewhere(deed: Callable[[], object]) -> None:
    """Write rows from another thread: this one counts as that of an event loop."""

    def work() -> None:
        deed()
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()


def inked(page: Page) -> list[bool]:
    columns: list[bool] = json.loads(page.evaluate(_INKED))
    return columns


def test_chart_of_days_is_there_in_each_width_and_scheme(
    live_server: LiveServer, owner: User, livestream: Livestream
) -> None:
    now = clock.now()
    for days_ago, viewer_ms in ((2, 7_200_000), (29, 5_436_000)):
        at = now - timedelta(days=days_ago)
        watched(
            broadcast(livestream, at, until=at + timedelta(minutes=5)), at, viewer_ms=viewer_ms, views=3, country="DE"
        )

    with opened(live_server, owner, path="/analytics") as page:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            assert serious_violations(page) == []
            # It is drawn anew.
            wait_until(lambda: any(inked(page)), timeout_s=HANG_S)
        columns = inked(page)
        # Two bars, with nothing between them.
        assert sum(now and not before for before, now in pairwise(columns)) == 2
        expect(page.get_by_test_id("by-country")).to_contain_text("Germany")
        page.locator(".chart .u-over").hover(position={"x": 5, "y": 20})
        # As the table says it: in hours with a decimal, a few minutes would be none.
        expect(page.locator(".chart-says")).to_contain_text(": 1 h 30 min")
        page.set_viewport_size(PHONE)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        page.get_by_text("As a table").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        expect(page.locator("#days-table tbody tr")).to_have_count(30)


@pytest.fixture
def going_on(livestream: Livestream) -> Session:
    """Live for 20 minutes: 5 watched in the first ten, since when nobody has counted; an encoder away in the third."""
    session = connected(livestream)
    claimed(session)
    begun = clock.now().replace(second=0, microsecond=0) - timedelta(minutes=20)
    Session.objects.filter(pk=session.pk).update(created_at=begun, started_at=begun)
    for minute in range(10):
        watched(session, begun + timedelta(minutes=minute), viewer_ms=300_000)
    LogCursor.objects.create(edge="main", file_id="f", offset=0, heard_at=begun + timedelta(minutes=10, seconds=3))
    for minute, state in ((2, "reconnecting"), (3, "live")):
        at = begun + timedelta(minutes=minute)
        SessionEvent.objects.create(session=session, kind="status", at=at, data={"new": state})
    return session


def count(session: Session, *, counted: int, estimated: int = 0) -> None:
    """Say that so many watch it now, and for a while; and what its encoder sends."""
    at = clock.now() + timedelta(seconds=60)
    Connection.objects.update(measured={"video_kbps": 2400, "fps": 25.0}, last_seen_at=at)
    LogCursor.objects.update(heard_at=at)
    SessionNow.objects.update_or_create(
        session_id=session.pk, edge="main", defaults={"counted": counted, "estimated": estimated, "at": at}
    )


def pointed_at(chart: Locator, part: float) -> str:
    """Return what a chart says of a moment, by its part of the chart's width."""
    over = chart.locator(".u-over")
    box = over.bounding_box()
    assert box is not None
    over.hover(position={"x": min(part * box["width"], box["width"] - 1), "y": box["height"] / 2})
    return chart.locator(".chart-says").inner_text()


def test_chart_beside_the_picture_says_what_is_true(live_server: LiveServer, owner: User, going_on: Session) -> None:
    with opened(live_server, owner, path=f"/livestreams/{going_on.livestream_id}") as page:
        viewers = page.get_by_test_id("viewers")
        expect(viewers.get_by_test_id("watching")).to_have_text("\u2013")
        # One sentence, and no piece of it in a line of its own.
        expect(viewers.locator(".watchers-word > *")).to_have_count(1)
        expect(page.get_by_test_id("encoder").locator("canvas")).to_have_count(0)
        height = page.locator("main").evaluate("e => e.offsetHeight")
        assert pointed_at(viewers, 0.25).endswith(": 5")
        assert pointed_at(viewers, 2.4 / 20).endswith(": 5, Encoder away")
        # The last minute that is known is as long as the others; the chart is as wide as it is late.
        first_s = int(viewers.locator(f"#curve-{going_on.pk} tbody tr").first.get_attribute("data-at") or 0)
        ends_at = datetime.fromtimestamp(first_s + 599, UTC)
        assert f"{ends_at:%H:%M:%S}: 5" in [pointed_at(viewers, part / 100) for part in range(40, 51)]
        # Nobody knows: that is no zero.
        assert pointed_at(viewers, 0.8).endswith(": not known")
        rows = viewers.locator(f"#curve-{going_on.pk} tbody tr")
        assert [row.split("\t")[-1] for row in rows.all_inner_texts()[8:12]] == ["5", "5", "not known", "not known"]
        assert serious_violations(page) == []

        elsewhere(lambda: count(going_on, counted=4, estimated=2))
        expect(viewers.get_by_test_id("watching")).to_have_text("6")
        expect(viewers.get_by_test_id("estimated")).to_have_text("2")
        wait_until(lambda: pointed_at(viewers, 1).endswith(": 6"), what="the second on the chart")
        encoder = page.get_by_test_id("encoder")
        assert pointed_at(encoder, 1).endswith(": 2.4 Mbit/s, 25 fps")
        # Of what was not known before nothing is made up.
        assert pointed_at(viewers, 0.5).endswith(": not known")
        assert page.locator("main").evaluate("e => e.offsetHeight") == height
        for size in (PHONE, SMALL_PHONE):
            page.set_viewport_size(size)
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_chart_of_a_broadcast_goes_on_and_has_gaps(live_server: LiveServer, owner: User, going_on: Session) -> None:
    path = f"/livestreams/{going_on.livestream_id}/sessions/{going_on.pk}/report"

    with opened(live_server, owner, path=path) as page:
        told = page.locator("[data-watching-now]")
        expect(told).to_have_text("not known at the moment")
        columns = inked(page)
        # What is known is the first half, and nothing is drawn where it is not: no zero.
        assert any(columns[: len(columns) // 2])
        assert not any(columns[int(len(columns) * 0.6) :])

        elsewhere(lambda: count(going_on, counted=4))
        expect(told).to_have_text("4 watching now")
        elsewhere(lambda: count(going_on, counted=1_006))
        expect(told).to_have_text("1,006 watching now")
        assert serious_violations(page) == []


def test_what_somebody_opened_stays_open_while_the_page_goes_on(
    live_server: LiveServer, owner: User, going_on: Session
) -> None:
    IngestFinding.objects.create(
        session=going_on,
        kind="keyframe_interval",
        severity="warning",
        value=8.3,
        since=clock.now(),
        measured_at=clock.now(),
    )
    with opened(live_server, owner, path=f"/livestreams/{going_on.livestream_id}") as page:
        page.get_by_test_id("faults").click()
        expect(page.get_by_test_id("finding")).to_be_visible()

        elsewhere(lambda: IngestFinding.objects.update(value=9.1))
        page.evaluate("htmx.trigger('[data-poll]', 'quiet')")

        expect(page.get_by_test_id("finding")).to_contain_text("9.1 s")
        expect(page.get_by_test_id("finding")).to_be_visible()
