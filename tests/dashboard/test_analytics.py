"""The page of figures, and the report on a broadcast's."""

import re
from datetime import UTC, date, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.http import StreamingHttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from analytics.models import LogCursor, SessionNow
from livehub.core import clock
from streams.livestreams.services import create_livestream, delete_livestream
from streams.models import Connection, Livestream, Session
from streams.organizations.services import SYSTEM, NewOrganization
from tests.analytics.rows import broadcast, peaked, played, watched
from tests.dashboard.conftest import HTMX, get_html, squeezed
from tests.runs import claimed, connected

pytestmark = pytest.mark.django_db

NOVEMBER = "start_date=2026-11-01&end_date=2026-11-30"


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{text}").replace(tzinfo=UTC)


@pytest.fixture
def night(livestream: Livestream) -> Session:
    session = broadcast(livestream, at("02T23:00"), until=at("03T01:00"))
    watched(session, at("02T23:10"), viewer_ms=3_600_000, views=2, country="DE")
    watched(session, at("03T00:10"), viewer_ms=1_800_000, views=1, device="mobile", rendition="a0")
    peaked(session, at("03T00:10"), peak=7)
    LogCursor.objects.create(edge="main", file_id="f", offset=0, heard_at=at("09T12:00"))
    return session


def text_of(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def telling(session: Session) -> None:
    """Have two of its players report: one that stalled, and one that failed."""
    stalled: dict[str, Any] = {
        "startup_ms": 640,
        "latency_ms": 3_000,
        "played_ms": 90_000,
        "stalled_ms": 10_000,
        "stalls": 2,
    }
    played(session, at("02T23:10"), country="DE", **stalled)
    played(session, at("03T00:10"), device="mobile", failed=True)


# 640 ms is between 630 and 710, and 3 s between 2.8 and 3.15 s.
PLAYED = (
    "Start-up 0.67 s 95% in 0.71 s Rebuffering 10% Latency 3.0 s 95% in 3.1 s Left before the start 0% Failed 50% "
    "As the players of 2 views reported it; start-up and latency are the median."
)
UNKNOWN = "No player has reported how it played."


class TestOverview:
    def test_has_the_figures_of_the_days_that_are_asked_for(self, browser: Client, night: Session) -> None:
        html = get_html(browser, f"/analytics?{NOVEMBER}")

        told = text_of(html)
        assert re.search(r"1 Nov 2026 to 30 Nov 2026, UTC; as of \d+ \w+ \d{4}, \d\d:\d\d UTC", told)
        assert (
            "Broadcasts 1 Received 2 h 00 min Views 3 Watched 1 h 30 min Average view 30 min 00 s Most at once 7"
            in told
        )
        assert "3 Nov 2026 0 1 h 00 min 1 30 min 00 s 7" in told
        assert "2 Nov 2026 1 1 h 00 min 2 1 h 00 min \u2013" in told
        assert "4 Nov 2026 0 0 s 0 0 s \u2013" in told
        assert "DE 2 1 h 00 min Unknown 1 30 min 00 s" in told
        assert "Desktop 2 1 h 00 min Mobile 1 30 min 00 s" in told
        assert "v0 2 1 h 00 min Sound alone 1 30 min 00 s" in told
        assert f'href="/livestreams/{night.livestream_id}"><bdi>{night.livestream.name}</bdi>' in squeezed(html)

    def test_says_how_it_played_as_far_as_players_told(self, browser: Client, night: Session) -> None:
        telling(night)

        told = {
            by: text_of(get_html(browser, f"/analytics?{NOVEMBER}&group_by={by}"))
            for by in ("livestream", "session", "day", "country", "device")
        }

        for text in told.values():
            assert PLAYED in text
        good, bad = "0.67 s to 0.71 s 10% 3.0 s to 3.1 s 0% 0%", "unknown unknown unknown 0% 100%"
        both = "0.67 s to 0.71 s 10% 3.0 s to 3.1 s 0% 50%"
        assert f"{night.livestream.name} 3 2 {both}" in told["livestream"]
        assert f"{night.livestream.name} 2 Nov 2026, 23:00 UTC 3 2 {both}" in told["session"]
        assert f"3 Nov 2026 1 1 {bad} 2 Nov 2026 2 1 {good}" in told["day"]
        assert f"DE 2 1 {good} Unknown 1 1 {bad}" in told["country"]
        assert f"Desktop 2 1 {good} Mobile 1 1 {bad}" in told["device"]

    def test_never_says_zero_where_nobody_told(self, browser: Client, night: Session) -> None:
        told = text_of(get_html(browser, f"/analytics?{NOVEMBER}&group_by=country"))

        assert UNKNOWN in told
        assert "Reported" not in told

        played(night, at("02T23:10"), country="DE", played_ms=1_000)

        told = text_of(get_html(browser, f"/analytics?{NOVEMBER}&group_by=country"))
        assert "Unknown 1 none unknown unknown unknown unknown unknown" in told

    def test_gives_the_chart_what_the_table_says(self, browser: Client, night: Session) -> None:
        html = get_html(browser, f"/analytics?{NOVEMBER}")

        assert 'data-chart="days" data-source="days-table"' in html
        rows = re.findall(r'<tr data-at="(\d+)"\s+data-value="([\d.]*)"', html)
        assert len(rows) == 30
        assert (str(int(at("03T00:00").timestamp())), "0.5000") in rows

    def test_shows_thirty_days_of_which_today_is_the_last(self, browser: Client) -> None:
        today = clock.now().date()

        html = get_html(browser, "/analytics")

        assert f'value="{today}"' in html
        assert f'value="{today - timedelta(days=29)}"' in html
        assert re.search(r'aria-current="true">30 days<', html)
        assert "Nothing was broadcast on these days" in html

    @pytest.mark.parametrize(
        ("query", "complaint"),
        [
            ("start_date=2026-11-03&end_date=2026-11-02", "To: Choose a day that is not before the first one."),
            ("start_date=2020-01-01&end_date=2026-11-02", "From: Choose 366 days at most."),
            ("start_date=yesterday", "From: Enter a valid date."),
        ],
    )
    def test_says_what_is_wrong_with_days(self, browser: Client, query: str, complaint: str) -> None:
        html = get_html(browser, f"/analytics?{query}")

        assert complaint in html
        assert f'value="{clock.now().date()}"' in html

    def test_shows_all_apps_of_the_organization_and_nobody_elses(
        self, browser: Client, night: Session, abroad: NewOrganization
    ) -> None:
        theirs = create_livestream(app=abroad.app, name="Theirs", actor=SYSTEM)
        session = broadcast(theirs, at("02T10:00"), until=at("02T11:00"))
        watched(session, at("02T10:05"), viewer_ms=9_000_000, views=9)
        peaked(session, at("02T10:05"), peak=90)

        html = get_html(browser, f"/analytics?{NOVEMBER}")

        assert "Theirs" not in html
        assert "Views 3 Watched 1 h 30 min Average view 30 min 00 s Most at once 7" in text_of(html)

    def test_names_what_is_deleted_without_a_way_to_it(self, browser: Client, night: Session) -> None:
        delete_livestream(livestream=night.livestream, actor=SYSTEM)

        html = squeezed(get_html(browser, f"/analytics?{NOVEMBER}"))

        assert f'<bdi>{night.livestream.name}</bdi><span class="sub">deleted</span>' in html
        assert f"/livestreams/{night.livestream_id}" not in html

    def test_takes_as_many_queries_however_much_there_is(self, browser: Client, livestream: Livestream) -> None:
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                get_html(browser, f"/analytics?{NOVEMBER}")
            return len(captured)

        watched(broadcast(livestream, at("02T10:00"), until=at("02T11:00")), at("02T10:05"), viewer_ms=1)
        queries()
        few = queries()
        for hour in range(10, 20):
            session = broadcast(livestream, at(f"04T{hour}:00"), until=at(f"04T{hour}:30"))
            watched(session, at(f"04T{hour}:05"), viewer_ms=1, country="DE", device="tv")

        assert queries() == few

    def test_comes_as_csv_too(self, browser: Client, night: Session) -> None:
        html = unescape(get_html(browser, f"/analytics?{NOVEMBER}"))
        assert f'href="/analytics.csv?group_by=country&{NOVEMBER}"' in html

        answer = browser.get(f"/analytics.csv?group_by=country&{NOVEMBER}")

        assert isinstance(answer, StreamingHttpResponse)
        assert answer.getvalue().decode().splitlines()[1:] == [
            "DE,,,,2,3600,1800.0," + "," * 9,
            ",,,,1,1800,1800.0," + "," * 9,
        ]

    def test_of_unknown_kind_comes_by_livestream(self, browser: Client, night: Session) -> None:
        answer = browser.get(f"/analytics.csv?group_by=planet&{NOVEMBER}")

        assert isinstance(answer, StreamingHttpResponse)
        assert answer.getvalue().decode().startswith("livestream,name,")


class TestSessionReport:
    def address(self, session: Session) -> str:
        return f"/livestreams/{session.livestream_id}/sessions/{session.pk}"

    def test_stands_on_the_broadcasts_page_and_on_its_own(self, browser: Client, night: Session) -> None:
        here = f"{self.address(night)}/report"
        assert f'hx-get="{here}"' in get_html(browser, self.address(night))

        for html in (get_html(browser, here), get_html(browser, here, **HTMX)):
            told = text_of(html)
            assert "Views 3 Watched 1 h 30 min Average view 30 min 00 s Most at once 7" in told
            assert "2 Nov, 23:10 UTC 60" in told
            assert "3 Nov, 00:11 UTC 0" in told
            assert "DE 2 1 h 00 min Unknown 1 30 min 00 s" in told
            assert "data-now" not in html

    def test_says_how_it_played_as_far_as_players_told(self, browser: Client, night: Session) -> None:
        here = f"{self.address(night)}/report"
        assert UNKNOWN in text_of(get_html(browser, here))

        telling(night)

        assert PLAYED in text_of(get_html(browser, here))

    def test_leaves_gaps_where_nothing_is_known(self, browser: Client, night: Session) -> None:
        LogCursor.objects.update(heard_at=at("03T00:59:30"))

        html = get_html(browser, f"{self.address(night)}/report")

        assert "3 Nov, 00:58 UTC 0 3 Nov, 00:59 UTC not known 3 Nov, 01:00 UTC not known" in text_of(html)
        assert f'<tr data-at="{int(at("03T00:59").timestamp())}" data-value="">' in html

    def test_says_that_nobody_counted(self, browser: Client, livestream: Livestream) -> None:
        session = broadcast(livestream, at("02T10:00"), until=at("02T10:05"))

        told = text_of(get_html(browser, f"{self.address(session)}/report"))

        assert "Views unknown Watched unknown Average view none Most at once unknown" in told
        assert "How many watched is not known." in told

    def test_goes_on_while_it_is_live(self, browser: Client, livestream: Livestream) -> None:
        session = connected(livestream)
        claimed(session)
        here = self.address(session)
        assert f'data-now="{here}/watching-now"' in get_html(browser, f"{here}/report")
        told = browser.get(f"{here}/watching-now").json()
        assert {**told, "at_ms": 0} == {"is_live": True, "at_ms": 0, "now": None, "encoder": None, "interruptions": []}

        at_ms = clock.epoch_ms(clock.now())
        assert told["at_ms"] <= at_ms
        LogCursor.objects.create(edge="main", file_id="f", offset=0, heard_at=clock.now())
        SessionNow.objects.create(session_id=session.pk, edge="main", counted=3, estimated=1, at=clock.now())
        Connection.objects.update(measured={"video_kbps": 2400, "fps": 0.0}, last_seen_at=clock.now())
        told = browser.get(f"{here}/watching-now").json()

        assert told["is_live"] is True
        assert {**told["now"], "at_ms": 0} == {"at_ms": 0, "counted": 3, "estimated": 1}
        assert told["now"]["at_ms"] >= at_ms
        assert {**told["encoder"], "at_ms": 0} == {"at_ms": 0, "video_kbps": 2400, "fps": None}
        assert told["encoder"]["at_ms"] >= at_ms
        assert "4 watching now" in text_of(get_html(browser, f"{here}/report"))

    def test_is_of_the_organization_alone(self, browser: Client, abroad: NewOrganization, night: Session) -> None:
        theirs = create_livestream(app=abroad.app, name="Theirs", actor=SYSTEM)
        session = broadcast(theirs, at("02T10:00"), until=at("02T11:00"))

        for there in (self.address(session), f"/livestreams/{night.livestream_id}/sessions/{session.pk}"):
            assert browser.get(f"{there}/report").status_code == 404
            assert browser.get(f"{there}/watching-now").status_code == 404


def test_days_are_those_of_utc(browser: Client, night: Session) -> None:
    html = get_html(browser, "/analytics?start_date=2026-11-03&end_date=2026-11-03")

    assert date(2026, 11, 3).strftime("%-d %b %Y") in html
    assert "Broadcasts 0 Received 1 h 00 min Views 1 Watched 30 min 00 s" in text_of(html)
