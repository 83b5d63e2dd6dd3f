"""When deliveries are tried again, and when endpoints are left alone."""

from datetime import UTC, datetime, timedelta

import pytest

from webhooks.schedule import DELAYS_S, FAILURES_TO_OPEN, Health, delay_s, health_after, open_s, read_retry_after

_NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_DAY_S = 86_400.0


class TestDelays:
    def test_are_those_that_are_promised(self) -> None:
        minutes = [0, 5 / 60, 0.5, 5, 30, 120, 300, 600, 840, 1200, 1440]

        assert [delay / 60 for delay in DELAYS_S] == pytest.approx(minutes)

    @pytest.mark.parametrize("tries", range(1, len(DELAYS_S)))
    def test_differ_by_a_fifth_at_most(self, tries: int) -> None:
        found = [delay_s(tries) or 0.0 for _ in range(200)]

        assert min(found) >= 0.8 * DELAYS_S[tries]
        assert max(found) <= 1.2 * DELAYS_S[tries]
        # Both ways.
        assert min(found) < DELAYS_S[tries] < max(found)

    def test_end_with_the_last_try(self) -> None:
        assert delay_s(len(DELAYS_S)) is None
        assert delay_s(len(DELAYS_S) + 5) is None

    def test_are_as_long_as_the_receiver_asks_for(self) -> None:
        assert delay_s(1, retry_after_s=90) == 90

    def test_are_no_longer_than_a_day_whatever_the_receiver_asks_for(self) -> None:
        assert delay_s(1, retry_after_s=40 * _DAY_S) == _DAY_S

    def test_are_no_shorter_than_ours(self) -> None:
        assert (delay_s(3, retry_after_s=1) or 0) >= 240


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("120", 120),
            (" 7 ", 7),
            ("Sun, 01 Mar 2026 12:02:00 GMT", 120),
            ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
            ("Sun, 01 Mar 2026 12:02:00 -0000", 120),
        ],
    )
    def test_is_a_number_or_a_time(self, text: str, seconds: float) -> None:
        assert read_retry_after(text, now=_NOW) == seconds

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "soon",
            "-5",
            "1e3",
            "٣",
            "9" * 5000,
            "Sun, 99 Mar 2026 12:02:00 GMT",
            "Sun, 01 Mar 99999999999 12:02:00 GMT",
            "Sun, 01 Mar 2026 12:02:00 +99999999999999999999",
        ],
    )
    def test_is_nothing_that_could_hurt(self, text: str) -> None:
        found = read_retry_after(text, now=_NOW)

        assert found is None or found > _DAY_S


class TestHealth:
    def test_is_whole_after_a_success(self) -> None:
        failing = _after(Health(), failures=4)

        healthy = health_after(failing, has_success=True, failures=0, error="", now=_NOW)

        assert healthy == Health(last_success_at=_NOW)

    def test_counts_failures_in_a_row(self) -> None:
        health = _after(_after(Health(), failures=2), failures=3, now=_NOW + timedelta(hours=1))

        assert (health.failures, health.failing_since, health.last_error) == (5, _NOW, "answers 500")
        assert health.open_until is None

    def test_opens_for_five_seconds_however_many_fail_at_once(self) -> None:
        health = _after(Health(), failures=16)

        assert health.failures == FAILURES_TO_OPEN
        assert health.open_until == _NOW + timedelta(seconds=5)
        assert health.is_probed

    def test_counts_once_what_was_still_under_way_when_it_was_left_alone(self) -> None:
        health = _after(_after(Health(), failures=10), failures=6)

        assert health.failures == FAILURES_TO_OPEN + 1
        assert health.open_until == _NOW + timedelta(seconds=10)

    def test_stays_open_twice_as_long_after_each_probe_that_fails(self) -> None:
        health, waits = _after(Health(), failures=10), []
        for _ in range(8):
            health = _after(health, failures=1)
            assert health.open_until is not None
            waits.append((health.open_until - _NOW).total_seconds())

        assert waits == [10, 20, 40, 80, 160, 300, 300, 300]
        assert open_s(10_000) == 300

    def test_begins_to_fail_anew_after_a_success_in_between(self) -> None:
        failing = _after(Health(), failures=5)

        later = _NOW + timedelta(hours=2)
        health = health_after(failing, has_success=True, failures=2, error="answers 500", now=later)

        assert (health.failures, health.failing_since, health.last_success_at) == (2, later, later)

    def test_is_given_up_after_five_days_without_a_success(self) -> None:
        health = _after(Health(), failures=10)

        assert not health.is_given_up(_NOW + timedelta(days=5, seconds=-1))
        assert health.is_given_up(_NOW + timedelta(days=5))
        assert not Health(last_success_at=_NOW - timedelta(days=50)).is_given_up(_NOW)

    def test_is_not_given_up_for_days_on_which_nothing_was_tried(self) -> None:
        # LiveHub was off for a week, and is started before its network.
        failing = _after(Health(), failures=1)

        assert not _after(failing, failures=1, now=_NOW + timedelta(days=7)).is_given_up(_NOW + timedelta(days=7))


def _after(health: Health, *, failures: int, now: datetime = _NOW) -> Health:
    return health_after(health, has_success=False, failures=failures, error="answers 500", now=now)
