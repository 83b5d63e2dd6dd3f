"""The self-test of a running product: it passes, and names what is broken.

Its steps have bounds by the clock, and a machine that other tests keep busy may fail one honestly: so it is run again
until it says what is awaited, a few times.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.client import Integrator
from tests.e2e.processes import hung
from tests.services import wait_until
from tests.stack.whole import RunningStack

pytestmark = pytest.mark.e2e

_TRIES = 4
_STEPS = [
    *("encoder", "ingest", "worker", "first_part", "renditions", "blocking_reload", "latency", "webhooks"),
    *("capacity", "end", "clean_up"),
]
_Found = dict[str, Any]


def _run(integrator: Integrator) -> _Found:
    """Start one, and return it when it is over."""
    there = f"/self-tests/{integrator.call('POST', '/self-tests')['data']['id']}"

    def found() -> _Found:
        told: _Found = integrator.call("GET", there)["data"]
        return told

    wait_until(lambda: found()["state"] != "running", what="the end of the self-test")
    return found()


def _run_until(stack: RunningStack, is_awaited: Callable[[_Found], bool], *, hanging: str = "") -> _Found:
    """Run it until it says that, while this program hangs, which the supervisor starts again if it lasts."""
    found: _Found = {}
    for _ in range(_TRIES):
        wait_until(lambda: not hanging or hanging in stack.pids(), what="the program")
        with hung([stack.pids()[hanging]] if hanging else []):
            found = _run(Integrator.of(stack))
        if is_awaited(found):
            return found
    pytest.fail(f"not as awaited: {found}")


def _failed(found: _Found) -> list[str]:
    return [step["name"] for step in found["steps"] if step["state"] == "failed"]


def _step(found: _Found, name: str) -> _Found:
    return next(step for step in found["steps"] if step["name"] == name)


def test_passes_step_by_step_and_leaves_nothing(stack: RunningStack) -> None:
    integrator = Integrator.of(stack)
    before = integrator.call("GET", "/livestreams")["paging"]["total_count"]
    happened = integrator.call("GET", "/events")["data"]

    found = _run_until(stack, lambda told: told["state"] == "passed")

    assert [step["name"] for step in found["steps"]] == _STEPS
    assert {step["state"] for step in found["steps"]} == {"passed"}
    assert all(step["ms"] >= 0 and step["detail"] for step in found["steps"])
    assert found["advice"] is None
    assert 0 <= found["encoder_to_fetchable_ms"] <= found["glass_to_fetchable_ms"]
    assert found["carries_more"] >= 0
    assert "cores" in _step(found, "capacity")["detail"]
    # A ladder of 720p: what it is passed through as, what is made of it, and the sound.
    assert len(_step(found, "renditions")["detail"].split(", ")) >= 3
    assert integrator.call("GET", "/self-tests")["data"][0] == found
    assert integrator.call("GET", "/livestreams")["paging"]["total_count"] == before
    assert integrator.call("GET", "/events")["data"] == happened


def test_names_a_worker_that_hangs(stack: RunningStack) -> None:
    found = _run_until(stack, lambda told: _failed(told) == ["worker"], hanging="live")

    assert found["state"] == "failed"
    assert found["advice"].startswith("Look at the live worker on the System page")
    assert _step(found, "worker")["detail"] == "No worker took the session."
    assert _step(found, "first_part")["state"] == "skipped"
    assert _step(found, "clean_up")["state"] == "passed"


def test_names_an_origin_that_hangs(stack: RunningStack) -> None:
    found = _run_until(stack, lambda told: _failed(told) == ["first_part"], hanging="origin")

    assert found["state"] == "failed"
    assert found["advice"].startswith("Look at Edge and Origin on the System page")
    assert "The edge" in _step(found, "first_part")["detail"]
    assert _step(found, "clean_up")["state"] == "passed"
