"""What encoders do to four broadcasts on two live workers, and a ledger at the end (make chaos)."""

import os
import signal
import time
from contextlib import ExitStack
from functools import partial

import pytest

from tests.chaos.ledger import watching
from tests.chaos.scenes import Scene, encoding, end, on_air
from tests.e2e.client import Stream
from tests.e2e.encoder import Encoder
from tests.e2e.processes import hung
from tests.services import wait_until
from tests.stack.whole import RunningStack

pytestmark = [pytest.mark.chaos, pytest.mark.e2e]

_SHORT_WINDOW_S = 4
# An encoder that has just come is not replaced.
_SETTLED_S = 11


def _is_reconnecting(stream: Stream) -> bool:
    active = stream.integrator.call("GET", f"{stream.path}/active-livestream-session")["data"]["session"]
    return active["reconnect_until"] is not None


def _has_encoder(stream: Stream) -> bool:
    return not _is_reconnecting(stream)


def _is_cut(encoder: Encoder) -> bool:
    return not encoder.is_connected


def _drop(scene: Scene) -> None:
    for encoder in scene.encoders:
        encoder.process.kill()
    for stream in scene.streams:
        wait_until(partial(_is_reconnecting, stream), what="the drop")


def _come_back(scene: Scene) -> None:
    for index, stream in enumerate(scene.streams):
        scene.publish_again(index)
        wait_until(partial(_has_encoder, stream), what="the return")


@pytest.mark.parametrize("away_s", [3, 10])
def test_encoders_that_drop_and_come_back(stack: RunningStack, away_s: int) -> None:
    with on_air(stack) as scene, watching(stack, scene.streams) as ledger:
        _drop(scene)
        time.sleep(away_s)
        _come_back(scene)
        ledger.await_media(what="the return")
        end(scene, ledger)
    ledger.check()


def test_encoders_that_drop_twice(stack: RunningStack) -> None:
    with on_air(stack) as scene, watching(stack, scene.streams) as ledger:
        for _ in range(2):
            _drop(scene)
            _come_back(scene)
            ledger.await_media(what="the return")
        end(scene, ledger)
    ledger.check()


def test_encoders_that_stay_away(stack: RunningStack) -> None:
    with on_air(stack, window_s=_SHORT_WINDOW_S) as scene, watching(stack, scene.streams) as ledger:
        _drop(scene)
        for stream in scene.streams:
            stream.await_status("OFFLINE")
    ledger.check()


def test_half_open_encoders(stack: RunningStack) -> None:
    """Alive, connected, and silent: until the ingest server cuts them."""
    with on_air(stack) as scene, watching(stack, scene.streams) as ledger:
        with hung([encoder.process.pid for encoder in scene.encoders]):
            for stream in scene.streams:
                wait_until(partial(_is_reconnecting, stream), what="the drop")
            ledger.await_media(what="the silence")
        _come_back(scene)
        ledger.await_media(what="the return")
        end(scene, ledger)
    ledger.check()


def test_encoders_that_hang_for_a_moment(stack: RunningStack) -> None:
    with on_air(stack) as scene, watching(stack, scene.streams) as ledger:
        with hung([encoder.process.pid for encoder in scene.encoders]):
            time.sleep(2)
        ledger.await_media(what="the moment")
        # A segment behind the last splice has to be closed, too: those alone count.
        ledger.await_media(what="the moment")
        assert all(encoder.is_connected for encoder in scene.encoders)
        end(scene, ledger)
    ledger.check()


def test_disabled_livestreams(stack: RunningStack) -> None:
    with on_air(stack) as scene, watching(stack, scene.streams) as ledger:
        for stream in scene.streams:
            stream.integrator.call("PUT", f"{stream.path}/disable")
        for encoder in scene.encoders:
            wait_until(partial(_is_cut, encoder), what="the cut")
        with encoding(scene.streams[0]) as refused:
            wait_until(lambda: not refused.is_connected, what="the refusal")
    ledger.check()


def test_two_encoders_at_once(stack: RunningStack) -> None:
    with on_air(stack) as scene, watching(stack, scene.streams) as ledger:
        with ExitStack() as others:
            for other in [others.enter_context(encoding(stream)) for stream in scene.streams]:
                wait_until(partial(_is_cut, other), what="the refusal")
        ledger.await_media(what="the refusal")
        assert all(encoder.is_connected for encoder in scene.encoders)
        end(scene, ledger)
    ledger.check()


def test_encoders_that_take_over(stack: RunningStack) -> None:
    with on_air(stack) as scene, watching(stack, scene.streams) as ledger:
        time.sleep(_SETTLED_S)
        before = list(scene.encoders)
        for index, stream in enumerate(scene.streams):
            stream.integrator.call("PATCH", stream.path, duplicate_publisher="replace")
            scene.publish_again(index)
        for encoder in before:
            wait_until(partial(_is_cut, encoder), what="the cut")
        ledger.await_media(what="the take-over")
        # A segment behind the last splice has to be closed, too: those alone count.
        ledger.await_media(what="the take-over")
        assert all(encoder.is_connected for encoder in scene.encoders)
        end(scene, ledger)
    ledger.check()


@pytest.mark.parametrize("hits", [1, 2], ids=["one worker", "all workers"])
def test_workers_killed_while_encoders_are_away(stack: RunningStack, hits: int) -> None:
    with on_air(stack) as scene, watching(stack, scene.streams) as ledger:
        _drop(scene)
        ledger.await_media(what="the drop")
        _kill_workers(scene, hits)
        ledger.await_media(what="the take-over")
        _come_back(scene)
        ledger.await_media(what="the return")
        end(scene, ledger)
    ledger.check()


def _kill_workers(scene: Scene, hits: int) -> None:
    for pid in [scene.busiest_worker()] if hits == 1 else scene.workers:
        os.kill(pid, signal.SIGKILL)
