"""The self-test of a running product: it passes, and names what is broken.

Its steps have bounds by the clock, and a machine that other tests keep busy may fail one honestly: so it is run again
until it says what is awaited, a few times. Support staff starts it: by then others use the instance as well.
"""

import json
import subprocess
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row

from tests.e2e.client import Integrator
from tests.e2e.pages import logged_in, submit
from tests.e2e.processes import hung
from tests.services import wait_until
from tests.stack.whole import RunningStack

pytestmark = pytest.mark.e2e

_TRIES = 4
_STEPS = [
    *("encoder", "ingest", "worker", "first_part", "renditions", "blocking_reload", "latency", "webhooks"),
    *("capacity", "viewers", "end", "clean_up"),
]
_Found = dict[str, Any]


@pytest.fixture(scope="module")
def staff(stack: RunningStack) -> httpx.Client:
    """Whoever runs the instance, logged in to its pages."""
    _rows(stack, "UPDATE streams_user SET is_staff = TRUE WHERE email = %s RETURNING id", stack.credentials["email"])
    return logged_in(stack)


def _rows(stack: RunningStack, statement: str, *values: object) -> list[_Found]:
    with psycopg.connect(
        host=str(stack.runtime_dir / "postgres"), user="livehub", dbname="livehub", row_factory=dict_row
    ) as connection:
        return connection.execute(statement, values).fetchall()


def _newest(stack: RunningStack) -> _Found:
    return _rows(stack, "SELECT * FROM streams_selftest ORDER BY created_at DESC LIMIT 1")[0]


def _run_until_named(stack: RunningStack, staff: httpx.Client, step: str, *, hanging: str) -> _Found:
    """Run it while this program hangs, which the supervisor starts again if it lasts, until it names that step."""
    found: _Found = {}
    for _ in range(_TRIES):
        wait_until(lambda: hanging in stack.pids(), what="the program")
        with hung([stack.pids()[hanging]]):
            assert "The self-test has begun." in submit(staff, {}, page="/system", to="/system/self-tests/start").text
            wait_until(lambda: _newest(stack)["state"] != "running", what="the end of the self-test")
        found = _newest(stack)
        if _failed(found) == [step]:
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

    found = _run_until_passed(stack)

    assert [step["name"] for step in found["steps"]] == _STEPS
    assert {step["state"] for step in found["steps"]} == {"passed"}
    assert all(step["ms"] >= 0 and step["detail"] for step in found["steps"])
    assert found["advice"] is None
    assert 0 <= found["encoder_to_fetchable_ms"] <= found["glass_to_fetchable_ms"]
    assert found["carries_more"] >= 0
    assert "cores" in _step(found, "capacity")["detail"]
    # A ladder of 720p: what it is passed through as, what is made of it, and the sound.
    assert len(_step(found, "renditions")["detail"].split(", ")) >= 3
    assert integrator.call("GET", "/livestreams")["paging"]["total_count"] == before
    for event in integrator.call("GET", "/events")["data"]:
        if event not in happened:
            # Of what a test before this one has left: that of the self-test is nobody's.
            integrator.call("GET", f"/livestreams/{event['livestream']['id']}")


def _run_until_passed(stack: RunningStack) -> _Found:
    """Run it as whoever has a shell on the machine does."""
    told = ""
    for _ in range(_TRIES):
        try:
            found: _Found = json.loads(stack.manage("self_test", "--json"))
        except subprocess.CalledProcessError as failure:
            told = f"{failure.stdout}{failure.stderr}"
        else:
            return found
    pytest.fail(f"not as awaited: {told}")


def test_names_a_worker_that_hangs(stack: RunningStack, staff: httpx.Client) -> None:
    found = _run_until_named(stack, staff, "worker", hanging="live")

    assert found["state"] == "failed"
    assert _step(found, "worker")["advice"].startswith("Look at the live worker on the System page")
    assert _step(found, "worker")["detail"] == "No worker took the session."
    assert [step["name"] for step in found["steps"]] == ["encoder", "ingest", "worker", "clean_up"]
    assert _step(found, "clean_up")["state"] == "passed"


def test_names_an_origin_that_hangs(stack: RunningStack, staff: httpx.Client) -> None:
    found = _run_until_named(stack, staff, "first_part", hanging="origin")

    assert found["state"] == "failed"
    assert _step(found, "first_part")["advice"].startswith("Look at Edge and Origin on the System page")
    assert "The edge" in _step(found, "first_part")["detail"]
    assert _step(found, "clean_up")["state"] == "passed"
