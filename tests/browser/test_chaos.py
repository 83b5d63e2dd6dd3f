"""What a person at the livestream page sees when something is killed (make chaos)."""

import os

import pytest
from playwright.sync_api import expect

from tests.browser.operator import Operator
from tests.e2e.encoder import publishing
from tests.services import wait_until
from tests.stack.whole import RunningStack

pytestmark = [pytest.mark.chaos, pytest.mark.e2e, pytest.mark.browser]

_FETCHED_S = "(video => video.buffered.end(video.buffered.length - 1))(document.querySelector('video'))"


def test_the_picture_comes_back_after_a_takeover_without_a_reload(operator: Operator, stack: RunningStack) -> None:
    operator.create_livestream("Takeover")
    operator.page.evaluate("window.sameDocument = true")
    url = f"rtmp://127.0.0.1:{stack.rtmp_port}/live/{operator.stream_key()}"
    with publishing(url) as encoder:
        expect(operator.status).to_have_text("Live")
        operator.watch(for_s=2)

        os.kill(stack.pids()["live"], 9)
        fetched_s = float(operator.page.evaluate(_FETCHED_S))

        wait_until(lambda: operator.played_s() > fetched_s + 2, what="the picture of the next run")
        assert encoder.is_connected
        assert operator.page.evaluate("window.sameDocument") is True
        expect(operator.status).to_have_text("Live")
