"""What is asked for, and what days make of it."""

from datetime import UTC, date, datetime, timedelta

import pytest

from analytics.ranges import TimeRange, range_between, range_of_days, whole

NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)


class TestRangeBetween:
    def test_is_the_last_thirty_days_with_today(self) -> None:
        assert range_between(None, None, now=NOW) == TimeRange(at("10-25T00:00"), at("11-24T00:00"))

    def test_ends_with_what_is_left_of_today(self) -> None:
        assert range_between(at("11-20T05:00"), None, now=NOW) == TimeRange(at("11-20T05:00"), at("11-24T00:00"))

    def test_begins_thirty_days_before_its_end(self) -> None:
        assert range_between(None, at("11-10T05:00"), now=NOW) == TimeRange(at("10-12T00:00"), at("11-10T05:00"))
        assert range_between(None, at("11-10T00:00"), now=NOW).days == 30

    def test_is_empty_from_a_time_that_is_to_come(self) -> None:
        assert range_between(at("12-01T00:00"), None, now=NOW).days == 0


class TestRangeOfDays:
    def test_has_both_days_as_a_whole(self) -> None:
        assert range_of_days(date(2026, 11, 1), date(2026, 11, 3), now=NOW) == TimeRange(at("11-01"), at("11-04"))

    def test_is_the_last_thirty_days_with_today(self) -> None:
        assert range_of_days(None, None, now=NOW) == TimeRange(at("10-25"), at("11-24"))
        assert range_of_days(None, date(2026, 11, 10), now=NOW).start == at("10-12")


@pytest.mark.parametrize(
    ("start", "end", "whole_days", "rests"),
    [
        ("11-01", "11-03", ("11-01", "11-03"), []),
        ("11-01T10:00", "11-03", ("11-02", "11-03"), [("11-01T10:00", "11-02")]),
        ("11-01", "11-03T10:00", ("11-01", "11-03"), [("11-03", "11-03T10:00")]),
        (
            "11-01T10:00",
            "11-03T10:00",
            ("11-02", "11-03"),
            [("11-01T10:00", "11-02"), ("11-03", "11-03T10:00")],
        ),
        ("11-01T10:00", "11-02T10:00", None, [("11-01T10:00", "11-02"), ("11-02", "11-02T10:00")]),
        ("11-01T10:00", "11-01T11:00", None, [("11-01T10:00", "11-01T11:00")]),
        ("11-01", "11-01T11:00", None, [("11-01", "11-01T11:00")]),
        ("11-01T11:00", "11-02", None, [("11-01T11:00", "11-02")]),
        ("11-01", "11-01", None, []),
        ("11-01T11:00", "11-01T11:00", None, []),
    ],
)
def test_is_whole_days_and_what_is_around_them(
    start: str, end: str, whole_days: tuple[str, str] | None, rests: list[tuple[str, str]]
) -> None:
    during = TimeRange(at(start), at(end))

    found = during.whole_days
    assert (found.start < found.end) is (whole_days is not None)
    if whole_days is not None:
        assert found == TimeRange(*map(at, whole_days))
    assert during.rests == [TimeRange(at(a), at(b)) for a, b in rests]


def test_names_each_day_that_it_touches() -> None:
    during = TimeRange(at("11-01T23:59"), at("11-03T00:01"))

    assert list(during.each_day()) == [date(2026, 11, day) for day in (1, 2, 3)]
    assert during.days == 3
    assert TimeRange(at("11-01"), at("11-02")).days == 1


def test_days_in_whole_units_sum_to_all_of_it_rounded_once() -> None:
    days = {date(2026, 11, 1) + timedelta(number): 1600 for number in range(5)}

    assert list(whole(days).values()) == [1, 2, 1, 2, 2]
    assert sum(whole(days).values()) == 8
    assert list(whole({date(2026, 11, 2): 59_999, date(2026, 11, 1): 61_000}, unit_ms=60_000).values()) == [1, 1]
