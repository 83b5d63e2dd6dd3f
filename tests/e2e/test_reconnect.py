"""An encoder drops, and comes back or does not: through the real nginx, Celery, ffmpeg, PostgreSQL and Redis."""

import os
import re
from typing import Any

import httpx
import pytest

from tests.e2e.client import Integrator, Stream, run_of
from tests.e2e.encoder import publishing
from tests.services import HANG_S, wait_until
from tests.stack.whole import RunningStack

pytestmark = pytest.mark.e2e

# Longer than anything that is to happen within.
_LONG_S = 600


def _is_reconnecting(stream: Stream) -> bool:
    active = stream.integrator.call("GET", f"{stream.path}/active-livestream-session")["data"]["session"]
    return active["reconnect_until"] is not None


def _events(stream: Stream) -> list[dict[str, Any]]:
    """Return what happened to the newest session, oldest first."""
    session_id = stream.sessions()[0]["id"]
    events: list[dict[str, Any]] = stream.integrator.call("GET", f"/livestreams/sessions/{session_id}/events")["data"]
    return events[::-1]


def _dropped(stream: Stream) -> None:
    """Publish, and drop as an encoder does whose machine dies."""
    with publishing(stream.publish_url) as encoder:
        stream.await_status("LIVE")
        encoder.process.kill()
        wait_until(lambda: _is_reconnecting(stream), what="the drop")


class TestWithinTheWindow:
    def test_the_broadcast_goes_on_where_it_was(self, stack: RunningStack) -> None:
        stream = Integrator.of(stack).create(window_s=_LONG_S)
        _dropped(stream)
        before = run_of(stream)
        assert stream.status == "LIVE"
        assert not any("#EXT-X-ENDLIST" in text for text in stream.playlists().values())

        with publishing(stream.publish_url):
            wait_until(lambda: not _is_reconnecting(stream), what="the return")
            wait_until(lambda: run_of(stream) not in {before, None}, what="its picture")

            assert len(stream.sessions()) == 1
            for text in stream.playlists().values():
                assert "#EXT-X-DISCONTINUITY\n" in text
                assert "#EXT-X-ENDLIST" not in text
            stream.integrator.call("POST", f"{stream.path}/end")
        stream.await_status("OFFLINE")
        kinds = [event["kind"] for event in _events(stream)]
        assert kinds == ["connecting", "live", "reconnecting", "connected", "live", "ended"]

    def test_another_worker_waits_when_the_first_is_killed(self, stack: RunningStack) -> None:
        stream = Integrator.of(stack).create(window_s=_LONG_S)
        _dropped(stream)
        os.kill(stack.pids()["live"], 9)
        wait_until(lambda: "run_lost" in {event["kind"] for event in _events(stream)}, what="the take-over")
        assert _is_reconnecting(stream)

        with publishing(stream.publish_url):
            wait_until(lambda: not _is_reconnecting(stream), what="the return")

            assert len(stream.sessions()) == 1
            stream.integrator.call("POST", f"{stream.path}/end", end_hold_s=0)

    def test_ending_it_ends_it(self, stack: RunningStack) -> None:
        stream = Integrator.of(stack).create(window_s=_LONG_S)
        _dropped(stream)

        stream.integrator.call("POST", f"{stream.path}/end")

        assert stream.status == "OFFLINE"
        wait_until(lambda: _has_end(stream), what="the end for viewers")
        with publishing(stream.publish_url) as encoder:
            wait_until(lambda: not encoder.is_connected, what="the refusal")


class TestBeyondTheWindow:
    def test_it_ends_once(self, stack: RunningStack) -> None:
        stream = Integrator.of(stack).create(window_s=2)
        _dropped(stream)

        stream.await_status("OFFLINE", timeout_s=HANG_S)

        wait_until(lambda: _has_end(stream), what="the end for viewers")
        ends = [event["reason"] for event in _events(stream) if event["kind"] == "ended"]
        assert ends == ["The encoder did not come back within 2 seconds"]
        assert stream.sessions()[0]["err_message"] is None
        with publishing(stream.publish_url):
            wait_until(lambda: len(stream.sessions()) == 2, what="another session")


class TestEnd:
    def test_leaves_players_what_they_were_shown(self, stack: RunningStack) -> None:
        stream = Integrator.of(stack).create()
        with publishing(stream.publish_url):
            stream.await_status("LIVE")
            # Of a segment that is far from its own end.
            wait_until(lambda: 2 <= _open_parts(stream) <= 4, what="some parts")
            shown = {address: _seconds(text) for address, text in stream.playlists().items()}
            stream.integrator.call("POST", f"{stream.path}/end")
        wait_until(lambda: _has_end(stream), what="the end for viewers")

        left = {address: _seconds(text) for address, text in stream.playlists().items()}
        assert {address: left[address] >= shown[address] - 0.001 for address in shown} == dict.fromkeys(shown, True)


class TestReplacing:
    def test_the_second_encoder_takes_over(self, stack: RunningStack) -> None:
        stream = Integrator.of(stack).create(window_s=_LONG_S)
        stream.integrator.call("PATCH", stream.path, duplicate_publisher="replace")
        with publishing(stream.publish_url) as first:
            stream.await_status("LIVE")
            before = run_of(stream)
            # Until the first one may be replaced.
            with publishing(stream.publish_url) as early:
                wait_until(lambda: not early.is_connected, what="the refusal")

            def has_taken_over() -> bool:
                if first.is_connected:
                    with publishing(stream.publish_url) as second:
                        wait_until(lambda: not (first.is_connected and second.is_connected), what="an answer")
                        if first.is_connected:
                            return False
                        wait_until(lambda: run_of(stream) not in {before, None}, what="the second one's picture")
                return True

            wait_until(has_taken_over, what="the take-over")

        assert len(stream.sessions()) == 1
        assert "replaced" in {event["kind"] for event in _events(stream)}
        stream.integrator.call("POST", f"{stream.path}/end")


def _has_end(stream: Stream) -> bool:
    try:
        return all(text.endswith("#EXT-X-ENDLIST\n") for text in stream.playlists().values())
    except httpx.HTTPError:
        return False


def _behind_segments(playlist: str) -> str:
    """Return what stands behind the last segment: parts of the one that is being made."""
    segments = re.findall(r"^[^#].*$", playlist, re.MULTILINE)
    return playlist.rpartition(f"{segments[-1]}\n")[2] if segments else ""


def _open_parts(stream: Stream) -> int:
    return min(_behind_segments(text).count("#EXT-X-PART:") for text in stream.playlists().values())


def _seconds(playlist: str) -> float:
    """Return how much can be played."""
    parts = re.findall(r"#EXT-X-PART:DURATION=([\d.]+)", _behind_segments(playlist))
    return sum(map(float, [*re.findall(r"#EXTINF:([\d.]+)", playlist), *parts]))
