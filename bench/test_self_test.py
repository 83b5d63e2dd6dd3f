"""Figures of the self-test: how long all of it takes, and what it says of this machine.

`python -m pytest -m bench -s bench/test_self_test.py`.
"""

from functools import partial
from pathlib import Path

import pytest

from tests.e2e.client import Integrator
from tests.services import wait_until
from tests.stack.whole import running_stack

pytestmark = pytest.mark.bench

_RUNS = 5
_BUDGET_MS = 30_000


def test_duration(tmp_path: Path) -> None:
    found = []
    with running_stack(tmp_path) as stack:
        integrator = Integrator.of(stack)
        for _ in range(_RUNS):
            there = f"/self-tests/{integrator.call('POST', '/self-tests')['data']['id']}"
            wait_until(partial(_is_over, integrator, there), what="its end")
            found.append(integrator.call("GET", there)["data"])

    for told in found:
        steps = ", ".join(f"{step['name']} {step['ms']}" for step in told["steps"])
        print(
            f"\n{told['state']} in {told['duration_ms']} ms; newest picture {told['encoder_to_fetchable_ms']} ms, "
            f"oldest {told['glass_to_fetchable_ms']} ms; carries {told['carries_more']} more; {steps}"
        )
    assert {told["state"] for told in found} == {"passed"}
    assert max(told["duration_ms"] for told in found) <= _BUDGET_MS


def _is_over(integrator: Integrator, there: str) -> bool:
    return bool(integrator.call("GET", there)["data"]["state"] != "running")
