"""How long work may still wait."""

from types import SimpleNamespace

import pytest

from livehub.core import deadline as module
from livehub.core.deadline import deadline, remaining_s, suspended_deadline


def test_waiting_for_somebody_else_takes_nothing_from_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    with deadline(10):
        now[0] += 4
        with suspended_deadline():
            assert remaining_s(at_most=100) == 100
            with deadline(20):
                now[0] += 15
                assert remaining_s(at_most=100) == 5

        assert remaining_s(at_most=100) == 6
        now[0] += 6
        assert remaining_s(at_most=100) == 0

    assert remaining_s(at_most=100) == 100


def test_there_is_nothing_to_suspend_without_one() -> None:
    with suspended_deadline():
        assert remaining_s(at_most=100) == 100

    assert remaining_s(at_most=100) == 100
