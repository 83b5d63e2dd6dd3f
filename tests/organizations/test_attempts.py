"""Budgets of tries: strict whoever asks at the same moment, and whole again after a while."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from livehub.core import clock
from streams.models import AttemptBudget
from streams.organizations.attempts import (
    Budget,
    TooManyAttemptsError,
    check,
    forget_attempts,
    give_back,
    spend,
    ten_a_minute,
)

TEN = ten_a_minute("test")


def is_let_in(budget: Budget, subject: str) -> bool:
    try:
        spend(budget, subject)
    except TooManyAttemptsError:
        return False
    return True


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> "Clock":
    return Clock(monkeypatch)


class Clock:
    """Tells what time it is to be."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._start, self._monkeypatch = clock.now(), monkeypatch

    def __call__(self, second: float) -> None:
        now = self._start + timedelta(seconds=second)
        self._monkeypatch.setattr(clock, "now", lambda: now)


@pytest.mark.django_db
class TestSpend:
    def test_lets_nobody_have_more_than_ten_in_any_minute(self, at: Clock) -> None:
        tries = []
        for second in range(300):
            at(second)
            tries += [second for _ in range(4) if is_let_in(TEN, "guesser")]

        in_a_minute = [sum(start <= second < start + 60 for second in tries) for start in range(240)]
        assert max(in_a_minute) <= 10
        assert in_a_minute[-1] == 5

    def test_begins_anew_after_the_clock_was_set_back(self, at: Clock) -> None:
        while is_let_in(TEN, "owner"):
            pass
        at(-3600)

        check(TEN, "owner")
        assert [is_let_in(TEN, "owner") for _ in range(6)] == [True] * 5 + [False]

    def test_bears_clocks_that_are_a_little_apart(self, at: Clock) -> None:
        while is_let_in(TEN, "guesser"):
            pass
        at(-30)

        assert not is_let_in(TEN, "guesser")
        with pytest.raises(TooManyAttemptsError):
            check(TEN, "guesser")

    def test_says_when_the_next_one_is_let_in(self, at: Clock) -> None:
        at(0)
        assert [is_let_in(TEN, "owner") for _ in range(6)] == [True] * 5 + [False]
        with pytest.raises(TooManyAttemptsError) as refused:
            spend(TEN, "owner")

        at(refused.value.retry_after_s - 1)
        assert not is_let_in(TEN, "owner")
        at(refused.value.retry_after_s)
        assert is_let_in(TEN, "owner")

    def test_counts_each_subject_and_each_budget_by_itself(self) -> None:
        while is_let_in(TEN, "guesser"):
            pass

        assert is_let_in(TEN, "owner")
        assert is_let_in(ten_a_minute("other"), "guesser")

    def test_keeps_nothing_of_what_was_typed(self) -> None:
        spend(TEN, "hunter2@example.com")

        assert "hunter2" not in AttemptBudget.objects.get().key

    def test_is_whole_again_after_a_minute(self, at: Clock) -> None:
        at(0)
        while is_let_in(TEN, "owner"):
            pass

        at(60)
        assert sum(is_let_in(TEN, "owner") for _ in range(20)) == 5


@pytest.mark.django_db
class TestGiveBack:
    def test_is_as_if_nothing_had_been_tried(self) -> None:
        for _ in range(30):
            spend(TEN, "owner")
            give_back(TEN, "owner")

        assert sum(is_let_in(TEN, "owner") for _ in range(20)) == 5


@pytest.mark.django_db
class TestForgetAttempts:
    def test_removes_what_counts_no_more(self, at: Clock) -> None:
        at(0)
        spend(TEN, "gone")
        at(30)
        spend(TEN, "here")

        assert forget_attempts() == 1
        assert AttemptBudget.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_tries_at_the_same_moment_are_counted_one_by_one() -> None:
    def attempt(_: int) -> bool:
        try:
            return is_let_in(TEN, "guesser")
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=8) as executor:
        assert sum(executor.map(attempt, range(40))) == 5
