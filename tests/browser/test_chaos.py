"""What a person at the livestream page sees when something is killed (make chaos)."""

import os

import pytest
from playwright.sync_api import expect

from tests.browser.operator import Operator
from tests.e2e.encoder import publishing
from tests.services import wait_until
from tests.stack.whole import RunningStack

pytestmark = [pytest.mark.chaos, pytest.mark.e2e, pytest.mark.browser]

# The lease runs out after 5 s, the sweep comes every 5 s, and the next run needs about 5 s to be playable.
_TAKEOVER_TIMEOUT_S = 40


def test_the_picture_comes_back_after_a_takeover_without_a_reload(operator: Operator, stack: RunningStack) -> None:
    operator.create_livestream("Takeover")
    operator.page.evaluate("window.sameDocument = true")
    url = f"rtmp://127.0.0.1:{stack.rtmp_port}/live/{operator.stream_key()}"
    with publishing(url) as encoder:
        expect(operator.status).to_have_text("Live")
        operator.watch(for_s=2)
        operator.page.locator("video").evaluate("video => { video.dataset.firstRun = 'yes'; }")

        os.kill(stack.pids()["live"], 9)

        fresh = operator.page.locator("video:not([data-first-run])")
        wait_until(lambda: fresh.count() == 1, timeout_s=_TAKEOVER_TIMEOUT_S, what="the next run's player")
        operator.watch(for_s=2)
        assert encoder.is_connected
        assert operator.page.evaluate("window.sameDocument") is True
        expect(operator.status).to_have_text("Live")
