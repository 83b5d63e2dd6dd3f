"""A broadcast is started before its encoder: through the real nginx, Celery, ffmpeg, PostgreSQL and Redis."""

import os
import re
from typing import Any

import httpx
import pytest

from tests.conftest import STANDBY_S
from tests.e2e.client import Integrator, Stream, run_of
from tests.e2e.encoder import publishing
from tests.services import wait_until
from tests.stack.whole import RunningStack

pytestmark = pytest.mark.e2e

# Longer than anything that is to happen within.
_LONG_S = 600


def _started(stack: RunningStack, *, window_s: int = _LONG_S) -> Stream:
    """Start one with the slate, and return once viewers see it."""
    stream = Integrator.of(stack).create(window_s=window_s)
    stream.integrator.call("POST", f"{stream.path}/activate")
    assert stream.status == "INVOKED"
    wait_until(lambda: run_of(stream) is not None, what="the slate")
    return stream


def _events(stream: Stream) -> list[dict[str, Any]]:
    """Return what happened to the newest session, oldest first."""
    session_id = stream.sessions()[0]["id"]
    events: list[dict[str, Any]] = stream.integrator.call("GET", f"/livestreams/sessions/{session_id}/events")["data"]
    return events[::-1]


def _sequences(stream: Stream) -> dict[str, int]:
    """Return the number of the newest segment of each playlist, by its address."""
    found = {}
    for address, text in stream.playlists().items():
        first = re.search(r"^#EXT-X-MEDIA-SEQUENCE:(\d+)$", text, re.MULTILINE)
        assert first is not None, text
        found[address] = int(first[1]) + text.count("#EXTINF:")
    return found


def _has_end(stream: Stream) -> bool:
    try:
        return all(text.endswith("#EXT-X-ENDLIST\n") for text in stream.playlists().values())
    except httpx.HTTPError:
        return False


def test_the_encoders_picture_follows_the_slate_in_the_same_session(stack: RunningStack) -> None:
    stream = _started(stack)
    slate, before = run_of(stream), _sequences(stream)
    (session,) = stream.sessions()
    assert session["started_time"] is None

    with publishing(stream.publish_url):
        stream.await_status("LIVE")
        wait_until(lambda: run_of(stream) not in {slate, None}, what="the encoder's picture")
        after = _sequences(stream)

        (session,) = stream.sessions()
        assert session["started_time"] is not None
        # The same playlists, which have gone on.
        assert after.keys() == before.keys()
        assert all(after[address] > number for address, number in before.items())
        for text in stream.playlists().values():
            assert "#EXT-X-ENDLIST" not in text
        assert any("#EXT-X-DISCONTINUITY\n" in text for text in stream.playlists().values())
        stream.integrator.call("POST", f"{stream.path}/end")
    stream.await_status("OFFLINE")
    kinds = [event["kind"] for event in _events(stream)]
    assert kinds == ["standby", "slate_shown", "connected", "live", "ended"]


def test_idling_it_ends_it_for_viewers(stack: RunningStack) -> None:
    stream = _started(stack)

    stream.integrator.call("POST", f"{stream.path}/idle")

    assert stream.status == "OFFLINE"
    wait_until(lambda: _has_end(stream), what="the end for viewers")


def test_it_ends_once_when_no_encoder_comes(stack: RunningStack) -> None:
    stream = _started(stack, window_s=1)

    stream.await_status("OFFLINE")

    wait_until(lambda: _has_end(stream), what="the end for viewers")
    ends = [event["reason"] for event in _events(stream) if event["kind"] == "ended"]
    assert ends == [f"No encoder came within {STANDBY_S} seconds"]


def test_another_worker_shows_the_slate_when_the_first_is_killed(stack: RunningStack) -> None:
    stream = _started(stack)
    before = _sequences(stream)
    os.kill(stack.pids()["live"], 9)

    wait_until(lambda: "resumed" in {event["kind"] for event in _events(stream)}, what="the slate again")

    after = _sequences(stream)
    assert all(after[address] >= number for address, number in before.items())
    with publishing(stream.publish_url):
        stream.await_status("LIVE")
        assert len(stream.sessions()) == 1
        stream.integrator.call("POST", f"{stream.path}/end", end_hold_s=0)
