"""More encoders than a machine has places for: the later one waits, is told why, and starts when a place is free."""

from pathlib import Path

import httpx
import pytest

from tests.e2e.client import Integrator, Stream
from tests.e2e.encoder import publishing
from tests.services import wait_until
from tests.stack.whole import running_stack

pytestmark = [pytest.mark.chaos, pytest.mark.e2e]

_REASON = "Waits for a free place: 1 of 1 broadcasts run on this machine"


def _waits(stream: Stream) -> str | None:
    answer: httpx.Response = stream.integrator.http.get(f"{stream.path}/active-livestream-session")
    assert answer.is_success, answer.text
    waits: str | None = answer.json()["data"]["session"]["waits"]
    return waits


def test_a_second_encoder_waits_for_the_only_place(tmp_path: Path) -> None:
    places = {"LIVEHUB_LIVE_SLOTS": "1", "LIVEHUB_MAX_SESSIONS_PER_ORGANIZATION": "5"}
    with running_stack(tmp_path, **places) as stack:
        integrator = Integrator.of(stack)
        first, second = integrator.create("First"), integrator.create("Second")
        with publishing(first.publish_url) as leaving:
            first.await_status("LIVE")
            with publishing(second.publish_url) as encoder:
                wait_until(lambda: len(second.sessions()) == 1, what="its session")
                wait_until(lambda: _waits(second) == _REASON, what="the reason")
                assert second.status == "INVOKED"
                assert encoder.is_connected
                assert leaving.is_connected
                assert _waits(first) is None

                integrator.call("POST", f"{first.path}/end")

                second.await_status("LIVE")
                assert _waits(second) is None
                assert encoder.is_connected
                assert len(second.sessions()) == 1
