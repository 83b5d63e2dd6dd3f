"""The list: containers, paging, filters, order, and what it costs."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from streams.livestreams.services import create_livestream
from streams.models import App, Livestream
from streams.organizations.services import SYSTEM, NewOrganization
from tests.api.clients import ApiClient, but_for_keys, read

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _fill(app: App, *, number: int) -> list[Livestream]:
    """Return livestreams made a minute apart from noon, oldest first."""
    rows = [create_livestream(app=app, name=f"Stream {index}", actor=SYSTEM) for index in range(number)]
    for index, row in enumerate(rows):
        Livestream.objects.filter(pk=row.pk).update(created_at=NOON + timedelta(minutes=index))
    return rows


def _items(api: ApiClient, query: str) -> list[dict[str, object]]:
    data = read(api.get(f"/livestreams{query}"))["data"]
    items = data if api.name == "dyte" else data["livestreams"]
    assert isinstance(items, list)
    return items


def _ids(rows: Iterable[Livestream]) -> list[str]:
    return [str(row.pk) for row in rows]


class TestContainer:
    def test_is_an_array_for_dyte(self, dyte: ApiClient, livestream: Livestream) -> None:
        answer = read(dyte.get("/livestreams"))

        assert [item["id"] for item in answer["data"]] == [str(livestream.pk)]
        assert answer["data"][0]["disabled"] is False
        assert answer["paging"] == {"total_count": 1, "start_offset": 1, "end_offset": 1}

    def test_is_an_object_for_realtimekit(self, realtimekit: ApiClient, livestream: Livestream) -> None:
        answer = read(realtimekit.get("/livestreams"))

        assert [item["id"] for item in answer["data"]["livestreams"]] == [str(livestream.pk)]
        assert answer["data"]["livestreams"][0]["disabled"] == "false"
        assert answer["data"]["paging"] == answer["paging"]


class TestPaging:
    def test_gives_25_newest_first(self, api: ApiClient, home: NewOrganization) -> None:
        rows = _fill(home.app, number=27)

        assert [item["id"] for item in _items(api, "")] == _ids(reversed(rows[2:]))

    @pytest.mark.parametrize(
        ("query", "offsets"),
        [
            ("?page_no=0&per_page=2", (1, 2)),
            ("?page_no=1&per_page=2", (1, 2)),
            ("?page_no=3&per_page=2", (5, 5)),
            ("?page_no=4&per_page=2", (0, 0)),
            ("?page_no=99999999999999999999&per_page=100", (0, 0)),
        ],
    )
    def test_tells_where_the_page_lies(
        self, api: ApiClient, home: NewOrganization, query: str, offsets: tuple[int, int]
    ) -> None:
        _fill(home.app, number=5)

        response = api.get(f"/livestreams{query}")

        paging = read(response)["paging"]
        assert response.status_code == 200
        assert (paging["start_offset"], paging["end_offset"], paging["total_count"]) == (*offsets, 5)

    def test_of_nothing_is_zeros(self, api: ApiClient) -> None:
        assert read(api.get("/livestreams"))["paging"] == {"total_count": 0, "start_offset": 0, "end_offset": 0}


class TestFilters:
    @pytest.mark.parametrize(("order", "expected"), [("ASC", [0, 1, 2]), ("DSC", [2, 1, 0]), ("DESC", [2, 1, 0])])
    def test_sorts(self, api: ApiClient, home: NewOrganization, order: str, expected: list[int]) -> None:
        rows = _fill(home.app, number=3)

        assert [item["id"] for item in _items(api, f"?sort_order={order}")] == _ids(rows[index] for index in expected)

    def test_keeps_those_made_between_two_times(self, api: ApiClient, home: NewOrganization) -> None:
        rows = _fill(home.app, number=4)

        found = _items(api, "?start_time=2026-03-01T12:01:00Z&end_time=2026-03-01T14:02:00%2B02:00&sort_order=ASC")

        assert [item["id"] for item in found] == _ids(rows[1:3])

    def test_counts_only_what_it_keeps(self, api: ApiClient, home: NewOrganization) -> None:
        rows = _fill(home.app, number=3)
        Livestream.objects.filter(pk=rows[0].pk).update(status="live")
        Livestream.objects.filter(pk=rows[1].pk).update(status="errored")

        answer = read(api.get("/livestreams?status=LIVE&status=ERRORED"))

        assert answer["paging"]["total_count"] == 2

    def test_finds_by_name(self, api: ApiClient, home: NewOrganization) -> None:
        rows = _fill(home.app, number=3)

        assert [item["id"] for item in _items(api, "?search=stream%202")] == _ids(rows[2:])

    def test_knows_both_words_for_idle_on_dyte(self, dyte: ApiClient, livestream: Livestream) -> None:
        assert len(_items(dyte, "?status=IDLE")) == len(_items(dyte, "?status=OFFLINE")) == 1

    def test_hides_nothing_when_meetings_are_excluded(self, api: ApiClient, livestream: Livestream) -> None:
        assert len(_items(api, "?exclude_meetings=true")) == 1

    @pytest.mark.parametrize(
        ("query", "parameter"),
        [
            ("per_page=101", "per_page"),
            ("per_page=0", "per_page"),
            ("page_no=-1", "page_no"),
            ("page_no=x", "page_no"),
            ("status=SLEEPING", "status"),
            ("sort_order=UP", "sort_order"),
            ("start_time=yesterday", "start_time"),
            ("start_time=0000-01-01T00:00:00Z", "start_time"),
            ("start_time=2026-03-02T00:00:00Z&end_time=2026-03-01T00:00:00Z", "end_time"),
            ("exclude_meetings=maybe", "exclude_meetings"),
            ("search=%00", "search"),
        ],
    )
    def test_refuses_what_it_does_not_understand(self, api: ApiClient, query: str, parameter: str) -> None:
        response = api.get(f"/livestreams?{query}")

        assert response.status_code == 400
        assert read(response)["error"]["fields"].keys() == {parameter}

    def test_names_every_bad_parameter_at_once(self, api: ApiClient) -> None:
        fields = read(api.get("/livestreams?per_page=101&status=SLEEPING"))["error"]["fields"]

        assert fields.keys() == {"per_page", "status"}

    def test_never_says_offline_to_realtimekit(self, realtimekit: ApiClient) -> None:
        assert "OFFLINE" not in realtimekit.get("/livestreams?status=OFFLINE").content.decode()


class TestCost:
    # The page, the sums, and the total where the page does not tell: the key is known since the first request.
    @pytest.mark.parametrize(("number", "queries"), [(1, 2), (24, 2), (25, 3)])
    def test_does_not_grow_with_the_page(
        self, api: ApiClient, home: NewOrganization, number: int, queries: int
    ) -> None:
        _fill(home.app, number=number)
        # The first request of a minute writes down when the key was last used.
        api.get("/livestreams")

        with CaptureQueriesContext(connection) as captured:
            assert len(_items(api, "")) == number

        assert len(but_for_keys(captured)) == queries
