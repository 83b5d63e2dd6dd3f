"""Who watched, taken apart; as JSON in pages, and as CSV."""

import csv
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.http import StreamingHttpResponse

from analytics.models import Day, DayKind
from streams.livestreams.services import create_livestream
from streams.models import Livestream, Session
from streams.organizations.services import SYSTEM, NewOrganization
from tests.analytics.rows import broadcast, peaked, played, watched
from tests.api.clients import ApiClient, read
from tests.meetings.queries import asked_for

pytestmark = pytest.mark.django_db

PATH = "/analytics/livestreams"
NOVEMBER = "start_date=2026-11-01&end_date=2026-11-30"
Values = dict[str, Any]


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{text}").replace(tzinfo=UTC)


@pytest.fixture
def matinee(home: NewOrganization) -> Livestream:
    return create_livestream(app=home.app, name="Matinee", actor=SYSTEM)


@pytest.fixture
def night(keynote: Livestream) -> Session:
    """Over midnight, with two renditions and the sound."""
    session = broadcast(keynote, at("02T23:00"), until=at("03T01:00"))
    ladder = [{"kind": "copy", "height": 1080}, {"kind": "transcode", "height": 480}, {"kind": "audio", "height": 0}]
    Session.objects.filter(pk=session.pk).update(renditions=ladder)
    watched(session, at("02T23:10"), viewer_ms=60_500, views=2, country="DE")
    watched(session, at("03T00:10"), viewer_ms=30_700, views=1, country="FR", device="mobile", rendition="v1")
    watched(session, at("03T00:11"), viewer_ms=5_000, device="tv", rendition="a0")
    peaked(session, at("03T00:10"), peak=2)
    stalling: Values = {"startup_ms": 640, "latency_ms": 3_000, "played_ms": 90_000, "stalled_ms": 10_000, "stalls": 2}
    played(session, at("02T23:10"), country="DE", **stalling)
    played(session, at("03T00:10"), country="FR", device="mobile", exited_before_start=True)
    return session


@pytest.fixture
def noon(matinee: Livestream) -> Session:
    session = broadcast(matinee, at("05T12:00"), until=at("05T13:00"))
    watched(session, at("05T12:10"), viewer_ms=200_000, views=4, country="DE", device="mobile", rendition="v0")
    peaked(session, at("05T12:10"), peak=3)
    return session


def told(api: ApiClient, query: str) -> list[Values]:
    data: list[Values] = read(api.get(f"{PATH}?{NOVEMBER}&{query}"))["data"]
    return data


def figures(api: ApiClient, query: str) -> dict[str | None, tuple[int, int, float | None, int | None]]:
    return {
        row["key"]: (row["views"], row["viewer_seconds"], row["average_view_seconds"], row["peak_viewers"])
        for row in told(api, query)
    }


@pytest.mark.usefixtures("noon", "night")
class TestBreakdown:
    def test_is_by_livestream_the_longest_watched_first(
        self, dyte: ApiClient, keynote: Livestream, matinee: Livestream
    ) -> None:
        rows = told(dyte, "")

        assert rows == [
            {
                "key": str(matinee.pk),
                "name": "Matinee",
                "livestream_id": None,
                "invoked_time": None,
                "views": 4,
                "viewer_seconds": 200,
                "average_view_seconds": 50.0,
                "peak_viewers": 3,
                "quality": None,
            },
            {
                "key": str(keynote.pk),
                "name": "Autumn keynote",
                "livestream_id": None,
                "invoked_time": None,
                "views": 3,
                "viewer_seconds": 96,
                "average_view_seconds": 32.066,
                "peak_viewers": 2,
                # 640 ms is between 630 and 710, and 3 s between 2.8 and 3.15 s.
                "quality": {
                    "reported_views": 2,
                    "startup_p50_ms": 670,
                    "startup_p95_ms": 706,
                    "exits_before_start_percent": 50.0,
                    "failures_percent": 0.0,
                    "rebuffering_percent": 10.0,
                    "stalls": 2,
                    "latency_p50_ms": 2_975,
                    "latency_p95_ms": 3_132,
                },
            },
        ]

    def test_is_by_broadcast(self, dyte: ApiClient, noon: Session, night: Session) -> None:
        rows = told(dyte, "group_by=session")

        assert [(row["key"], row["livestream_id"], row["invoked_time"]) for row in rows] == [
            (str(noon.pk), str(noon.livestream_id), "2026-11-05T12:00:00.000Z"),
            (str(night.pk), str(night.livestream_id), "2026-11-02T23:00:00.000Z"),
        ]
        assert [(row["views"], row["viewer_seconds"], row["peak_viewers"]) for row in rows] == [(4, 200, 3), (3, 96, 2)]

    def test_is_by_day_with_those_on_which_nobody_watched(self, dyte: ApiClient) -> None:
        days = figures(dyte, "group_by=day&per_page=100")

        assert len(days) == 30
        assert list(days)[:6] == [f"2026-11-0{number}" for number in range(1, 7)]
        # 60.5 and 35.7 s: what the first day leaves is the second one's.
        assert days["2026-11-02"] == (2, 60, 30.25, None)
        assert days["2026-11-03"] == (1, 36, 35.7, 2)
        assert days["2026-11-04"] == (0, 0, None, None)
        assert days["2026-11-05"] == (4, 200, 50.0, 3)

    def test_is_by_country_where_one_is_known(self, dyte: ApiClient) -> None:
        assert figures(dyte, "group_by=country") == {
            "DE": (6, 260, 43.416, None),
            "FR": (1, 30, 30.7, None),
            None: (0, 5, None, None),
        }

    def test_is_by_device(self, dyte: ApiClient) -> None:
        rows = told(dyte, "group_by=device")

        assert [(row["key"], row["name"], row["viewer_seconds"]) for row in rows] == [
            ("mobile", "Mobile", 230),
            ("desktop", "Desktop", 60),
            ("tv", "TV", 5),
        ]

    def test_is_by_device_though_an_edge_of_another_version_knows_of_more(self, dyte: ApiClient, noon: Session) -> None:
        watched(noon, at("05T12:20"), viewer_ms=1_000, device="watch")

        assert ("watch", "watch") in [(row["key"], row["name"]) for row in told(dyte, "group_by=device")]

    def test_is_by_rendition_as_each_broadcast_called_it(self, dyte: ApiClient) -> None:
        # What was the best one of a broadcast whose ladder nobody knows can only be called its slot.
        assert figures(dyte, "group_by=rendition") == {
            "v0": (4, 200, 50.0, None),
            "1080p": (2, 60, 30.25, None),
            "480p": (1, 30, 30.7, None),
            "audio": (0, 5, None, None),
        }

    def test_has_how_each_played_where_players_told(self, dyte: ApiClient, night: Session, noon: Session) -> None:
        def quality(query: str) -> dict[str | None, tuple[int, float] | None]:
            told_of = {row["key"]: row["quality"] for row in told(dyte, query)}
            return {
                key: found and (found["reported_views"], found["exits_before_start_percent"])
                for key, found in told_of.items()
            }

        assert quality("group_by=session") == {str(noon.pk): None, str(night.pk): (2, 50.0)}
        assert quality("group_by=country") == {"DE": (1, 0.0), "FR": (1, 100.0), None: None}
        assert quality("group_by=device") == {"mobile": (1, 100.0), "desktop": (1, 0.0), "tv": None}
        assert set(quality("group_by=rendition").values()) == {None}
        by_day = {key: found for key, found in quality("group_by=day&per_page=100").items() if found}
        assert by_day == {"2026-11-02": (1, 0.0), "2026-11-03": (1, 100.0)}

    def test_has_how_one_livestream_or_broadcast_played(self, dyte: ApiClient, night: Session) -> None:
        keynote = str(night.livestream_id)
        other = broadcast(night.livestream, at("06T10:00"), until=at("06T11:00"))
        watched(other, at("06T10:10"), viewer_ms=1_000, views=1)
        played(other, at("06T10:10"), failed=True)

        def reported(query: str) -> dict[str | None, int]:
            return {row["key"]: row["quality"]["reported_views"] for row in told(dyte, query) if row["quality"]}

        assert reported(f"livestream_id={keynote}") == {keynote: 3}
        assert reported(f"session_id={night.pk}") == {keynote: 2}
        assert reported(f"group_by=device&session_id={other.pk}") == {"desktop": 1}
        assert reported(f"group_by=device&livestream_id={keynote}") == {"desktop": 2, "mobile": 1}
        assert reported(f"group_by=session&livestream_id={keynote}") == {str(night.pk): 2, str(other.pk): 1}

    def test_is_of_one_livestream_or_broadcast_alone(self, dyte: ApiClient, night: Session) -> None:
        for query in (f"livestream_id={night.livestream_id}", f"session_id={night.pk}"):
            assert list(figures(dyte, f"group_by=device&{query}")) == ["desktop", "mobile", "tv"]
            assert "v0" not in figures(dyte, f"group_by=rendition&{query}")
            assert figures(dyte, f"group_by=day&{query}")["2026-11-05"][0] == 0

    def test_is_of_whole_days(self, dyte: ApiClient) -> None:
        one = read(dyte.get(f"{PATH}?start_date=2026-11-03&end_date=2026-11-03&group_by=country"))["data"]

        assert {row["key"]: row["viewer_seconds"] for row in one} == {"FR": 30, None: 5}

    def test_comes_in_pages(self, dyte: ApiClient) -> None:
        pages = [
            read(dyte.get(f"{PATH}?{NOVEMBER}&group_by=device&per_page=2&page_no={number}")) for number in (1, 2, 9)
        ]

        assert [[row["key"] for row in page["data"]] for page in pages] == [["mobile", "desktop"], ["tv"], []]
        assert [page["paging"] for page in pages] == [
            {"total_count": 3, "start_offset": 1, "end_offset": 2},
            {"total_count": 3, "start_offset": 3, "end_offset": 3},
            {"total_count": 3, "start_offset": 0, "end_offset": 0},
        ]
        assert (
            dyte.get(f"{PATH}?{NOVEMBER}&group_by=device&per_page=2").headers["Link"].endswith('page_no=2>; rel="next"')
        )

    def test_holds_nothing_of_others(self, stranger: ApiClient, night: Session) -> None:
        for group in ("livestream", "session", "country", "device", "rendition"):
            assert told(stranger, f"group_by={group}") == []
            assert told(stranger, f"group_by={group}&session_id={night.pk}") == []
        for query in ("group_by=day", f"group_by=day&session_id={night.pk}"):
            assert {(row["views"], row["peak_viewers"], row["quality"]) for row in told(stranger, query)} == {
                (0, None, None)
            }

    @pytest.mark.parametrize(
        ("query", "fields"),
        [
            ("group_by=planet&page_no=x", {"group_by", "page_no"}),
            ("livestream_id=x&session_id=%00", {"livestream_id", "session_id"}),
            ("start_date=2026-11-31&per_page=101", {"start_date", "per_page"}),
            ("start_date=2020-01-01", {"start_date"}),
        ],
    )
    def test_says_all_that_is_wrong_with_a_question(self, dyte: ApiClient, query: str, fields: set[str]) -> None:
        for path in (PATH, f"{PATH}.csv"):
            response = dyte.get(f"{path}?{query}")

            expected = fields if path == PATH else fields - {"page_no", "per_page"}
            assert response.status_code == 422
            assert read(response)["error"]["fields"].keys() == expected

    @pytest.mark.parametrize(
        ("group", "queries"),
        [("livestream", 4), ("session", 4), ("day", 3), ("country", 2), ("device", 2), ("rendition", 1)],
    )
    def test_takes_so_many_queries(self, dyte: ApiClient, keynote: Livestream, group: str, queries: int) -> None:
        assert asked_for(lambda: dyte.get(f"{PATH}?{NOVEMBER}&group_by={group}")) == queries

        for hour in range(10, 20):
            watched(
                broadcast(keynote, at(f"07T{hour}:00"), until=at(f"07T{hour}:30")), at(f"07T{hour}:01"), viewer_ms=1
            )
        assert asked_for(lambda: dyte.get(f"{PATH}?{NOVEMBER}&group_by={group}")) == queries


class TestCsv:
    def lines(self, api: ApiClient, query: str) -> list[list[str]]:
        response = api.get(f"{PATH}.csv?{NOVEMBER}&{query}")
        assert isinstance(response, StreamingHttpResponse)
        assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
        return list(csv.reader(StringIO(response.getvalue().decode(), newline="")))

    def test_has_what_the_pages_have(self, dyte: ApiClient, night: Session, noon: Session) -> None:
        response = dyte.get(f"{PATH}.csv?{NOVEMBER}")
        name = 'attachment; filename="livehub-livestream-2026-11-01-2026-11-30.csv"'
        assert response.headers["Content-Disposition"] == name
        assert response.headers["Cache-Control"] == "no-store"

        assert self.lines(dyte, "group_by=session") == [
            [
                "session",
                "name",
                "livestream_id",
                "began_at",
                "views",
                "viewer_seconds",
                "average_view_seconds",
                "peak_viewers",
                "reported_views",
                "startup_p50_ms",
                "startup_p95_ms",
                "exits_before_start_percent",
                "failures_percent",
                "rebuffering_percent",
                "stalls",
                "latency_p50_ms",
                "latency_p95_ms",
            ],
            [
                str(noon.pk),
                "Matinee",
                str(noon.livestream_id),
                "2026-11-05T12:00:00.000Z",
                "4",
                "200",
                "50.0",
                "3",
                *[""] * 9,
            ],
            [
                str(night.pk),
                "Autumn keynote",
                str(night.livestream_id),
                "2026-11-02T23:00:00.000Z",
                "3",
                "96",
                "32.066",
                "2",
                *["2", "670", "706", "50.0", "0.0", "10.0", "2", "2975", "3132"],
            ],
        ]
        assert self.lines(dyte, "group_by=country")[-1] == ["", "", "", "", "0", "5", "", "", *[""] * 9]

    @pytest.mark.parametrize(
        ("name", "told"),
        [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\uff1d1", "'\uff1d1"),
            # Most of Europe's spreadsheets end a cell there, within quotes or not.
            ("a;=1+1;+2", "a;'=1+1;'+2"),
            ('a,"=1+1', "a,'\"=1+1"),
            ("a - b = c; d", "a - b = c; d"),
        ],
    )
    def test_has_nothing_that_a_spreadsheet_would_run(
        self, dyte: ApiClient, home: NewOrganization, name: str, told: str
    ) -> None:
        livestream = create_livestream(app=home.app, name=name, actor=SYSTEM)
        watched(broadcast(livestream, at("05T12:00"), until=at("05T13:00")), at("05T12:10"), viewer_ms=1_000)

        (_, line) = self.lines(dyte, "")
        assert line[1] == told

    def test_keeps_commas_quotes_and_lines_in_their_cells(self, dyte: ApiClient, home: NewOrganization) -> None:
        livestream = create_livestream(app=home.app, name='a "b", c; d', actor=SYSTEM)
        watched(broadcast(livestream, at("05T12:00"), until=at("05T13:00")), at("05T12:10"), viewer_ms=1_000)

        assert self.lines(dyte, "")[1][1] == 'a "b", c; d'

    def test_is_read_a_piece_at_a_time(self, dyte: ApiClient, keynote: Livestream) -> None:
        """Of eleven hundred broadcasts the first piece is there before the last ones are asked for."""
        began_at = at("01T00:00")
        sessions = Session.objects.bulk_create(
            Session(livestream=keynote, status="ended", stopped_at=began_at + timedelta(seconds=number))
            for number in range(1100)
        )
        ids = {"app_id": keynote.app_id, "livestream_id": keynote.pk, "day": began_at.date()}
        Day.objects.bulk_create(
            Day(session_id=session.pk, kind=DayKind.ALL, viewer_ms=1_000, views=1, **ids) for session in sessions
        )

        response = dyte.get(f"{PATH}.csv?{NOVEMBER}&group_by=session")
        pieces = list(response)
        assert len(pieces) == 3
        assert {line.split(",")[0] for line in b"".join(pieces).decode().splitlines()[1:]} == {
            str(session.pk) for session in sessions
        }
