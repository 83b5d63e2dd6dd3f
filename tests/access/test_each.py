"""Many cases in one test: each is tried, takes back what it changed, and is told of where it fails."""

import pytest

from streams.models import User
from tests.access.each import for_each


def test_each_case_is_tried_and_finds_nothing_of_the_others(db: None) -> None:
    found = []

    @for_each("number, text", [(1, "one"), (2, "two")])
    def tried(number: int, text: str) -> None:
        User.objects.create_user(f"{text}@northwind.example", "correct horse battery")
        found.append((number, text, list(User.objects.values_list("email", flat=True))))

    tried()

    assert found == [(1, "one", ["one@northwind.example"]), (2, "two", ["two@northwind.example"])]
    assert not User.objects.exists()


def test_all_that_fail_are_told(db: None) -> None:
    @for_each("number", range(10))
    def tried(number: int) -> None:
        assert number % 2

    with pytest.raises(ExceptionGroup, match="5 of 10 cases\n0\n2\n4\n6\n8") as told:
        tried()

    assert [error.__notes__ for error in told.value.exceptions][:2] == [["Case: 0"], ["Case: 2"]]


def test_no_case_at_all_is_a_failure(db: None) -> None:
    @for_each("number", [])
    def tried(number: int) -> None: ...

    with pytest.raises(AssertionError):
        tried()
