"""Who watches is shown on pages and told by the API; what nobody knows is no zero."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from pytest_django import Settings

from analytics import batches
from analytics.counting.batch import Added, LogBatch, Position, Watching, WatchingNow
from analytics.models import LogCursor
from livehub.core import clock
from streams.livestreams.services import create_livestream
from streams.livestreams.storage import folder_name
from streams.models import Livestream, Session
from streams.organizations.services import SYSTEM, NewOrganization
from tests.api.clients import ApiClient, dyte_client, read
from tests.dashboard.conftest import get_html
from tests.runs import connected

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(home: NewOrganization) -> ApiClient:
    return dyte_client(home)


def _watch(session: Session, *, counted: int, estimated: int, edge: str = "main") -> None:
    batches.open_log(edge)
    at_ms = clock.epoch_ms(clock.now())
    batches.write_now(WatchingNow(edge, at_ms, [Watching(folder_name(session.pk), counted, estimated)]))


def test_all_edges_are_added_up(api: ApiClient, browser: Client, live: Session) -> None:
    _watch(live, counted=7, estimated=2)
    _watch(live, counted=4, estimated=0, edge="far")

    told = read(api.get(f"/livestreams/{live.livestream_id}/viewers"))["data"]
    page = " ".join(get_html(browser, f"/livestreams/{live.livestream_id}").split())

    assert {name: told[name] for name in ("now", "counted", "estimated", "peak", "peak_estimated")} == {
        "now": 13,
        "counted": 11,
        "estimated": 2,
        "peak": 13,
        "peak_estimated": 2,
    }
    assert (told["session_id"], told["as_of"] is None, told["peak_at"] is None) == (str(live.pk), False, False)
    assert "Watching now 13 Estimated of them 2 Most at once 13" in " ".join(re.sub("<[^>]*>", " ", page).split())
    overview = " ".join(get_html(browser, "/").split())
    assert '<dd data-testid="watching"> 13 </dd>' in overview
    assert '</svg>13<span class="hide"> watching</span>' in overview


def test_the_overview_counts_those_too_whose_pictures_it_has_no_room_for(
    browser: Client, home: NewOrganization, settings: Settings
) -> None:
    settings.MAX_SESSIONS_PER_ORGANIZATION = 20
    rooms = [create_livestream(app=home.app, name=f"Room {number}", actor=SYSTEM) for number in range(13)]
    folders = [folder_name(connected(room).pk) for room in rooms]
    batches.open_log("main")
    watching = [Watching(folder, 2, 1) for folder in folders]
    batches.write_now(WatchingNow("main", clock.epoch_ms(clock.now()), watching))

    overview = " ".join(get_html(browser, "/").split())

    assert "1 more on air" in overview
    assert '<dd data-testid="watching"> 39 </dd>' in overview


def test_behind_a_cdn_it_is_said_that_players_report_it(
    api: ApiClient, browser: Client, live: Session, settings: Settings
) -> None:
    _watch(live, counted=7, estimated=0)
    path, word = f"/livestreams/{live.livestream_id}", "Reported by their players"
    assert read(api.get(f"{path}/viewers"))["data"]["reported_by_players"] is False
    assert word not in get_html(browser, path)

    settings.BEHIND_CDN = True

    assert read(api.get(f"{path}/viewers"))["data"]["reported_by_players"] is True
    assert word in get_html(browser, path)


@pytest.mark.parametrize("is_known_of", [False, True])
def test_without_a_collector_nothing_is_known(
    api: ApiClient, browser: Client, live: Session, is_known_of: bool
) -> None:
    if is_known_of:
        _watch(live, counted=7, estimated=0)
        LogCursor.objects.update(heard_at=clock.now() - timedelta(seconds=30))

    told = read(api.get(f"/livestreams/{live.livestream_id}/viewers"))["data"]

    assert (told["now"], told["counted"], told["estimated"]) == (None, None, None)
    # What was true stays so.
    assert (told["peak"], told["as_of"] is not None) == (7 if is_known_of else 0, is_known_of)
    assert "is not known: the collector is away" in get_html(browser, f"/livestreams/{live.livestream_id}")
    assert "not known" in get_html(browser, "/")


def test_while_one_of_several_edges_is_silent_nothing_is_known(api: ApiClient, live: Session) -> None:
    _watch(live, counted=7, estimated=0)
    _watch(live, counted=4, estimated=0, edge="far")
    LogCursor.objects.filter(edge="far").update(heard_at=clock.now() - timedelta(seconds=30))

    def now() -> int | None:
        told: int | None = read(api.get(f"/livestreams/{live.livestream_id}/viewers"))["data"]["now"]
        return told

    # What is left of it is no figure of all.
    assert now() is None
    # An edge that was taken away is not missed for ever.
    LogCursor.objects.filter(edge="far").update(heard_at=clock.now() - timedelta(hours=2))
    assert now() is not None


def test_an_edge_that_said_that_it_ends_is_not_missed(api: ApiClient, live: Session) -> None:
    _watch(live, counted=7, estimated=2)
    _watch(live, counted=4, estimated=0, edge="far")
    batches.write_now(WatchingNow("far", clock.epoch_ms(clock.now()), [], is_leaving=True))
    LogCursor.objects.filter(edge="far").update(heard_at=clock.now() - timedelta(seconds=30))

    told = read(api.get(f"/livestreams/{live.livestream_id}/viewers"))["data"]

    assert (told["now"], told["counted"], told["peak"]) == (9, 7, 13)
    _watch(live, counted=1, estimated=0, edge="far")
    assert read(api.get(f"/livestreams/{live.livestream_id}/viewers"))["data"]["now"] == 10


def test_of_what_is_not_live_nobody_watches(api: ApiClient, livestream: Livestream) -> None:
    told = read(api.get(f"/livestreams/{livestream.pk}/viewers"))["data"]

    assert (told["session_id"], told["now"]) == (None, 0)


def test_of_another_tenants_nothing_is_told(api: ApiClient, foreign_livestream: Livestream) -> None:
    assert api.get(f"/livestreams/{foreign_livestream.pk}/viewers").status_code == 404


def test_viewer_seconds_are_what_was_counted(api: ApiClient, live: Session) -> None:
    batches.open_log("main")
    minute = clock.epoch_ms(clock.now()) // 60_000
    added = [Added(folder_name(live.pk), minute, "v0", "desktop", "", 61_900, 1)]
    batches.write_batch(LogBatch("main", Position(), Position("f", 1), 1, {}, [], added))

    path = f"/livestreams/{live.livestream_id}"
    detail = read(api.get(path))["data"]
    (listed,) = read(api.get("/livestreams"))["data"]
    active = read(api.get(f"{path}/active-livestream-session"))["data"]

    assert (detail["livestream"]["viewer_seconds"], detail["sessions"][0]["viewer_seconds"]) == (61, 61)
    assert listed["viewer_seconds"] == 61
    assert str(61) in {str(value) for value in active.get("session", active).values()}
