"""How soon a clip of what is live can be played, and how soon its MP4 is stored.

`make bench`, or `python -m pytest -m bench -s bench/test_clips.py`.
"""

import time
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.client import Integrator, Stream
from tests.e2e.encoder import publishing
from tests.services import HANG_S, wait_until
from tests.stack.whole import running_stack

pytestmark = pytest.mark.bench

_TURNS = 7
_CLIP_S = 30
_MOST_PLAYLIST_S, _MOST_MP4_S = 0.1, 1.0


def test_thirty_seconds_of_what_is_live(tmp_path: Path) -> None:
    """720p30 at 3 Mbit/s; the playlist as who asked fetches it, the MP4 as the rows tell."""
    with running_stack(tmp_path) as stack:
        integrator = Integrator.of(stack)
        stream = integrator.create()
        with publishing(stream.publish_url, size="1280x720", kbps=3000):
            wait_until(lambda: _window_s(stream) > _CLIP_S + 4, what="half a minute")
            # One for all: to make one takes as long as a clip does, since it reads whom it trusts first.
            with httpx.Client(timeout=HANG_S) as player:
                turns = [_turn(integrator, stream, player) for _ in range(_TURNS)]
    playlists, files, sizes = zip(*turns, strict=True)
    print(f"\nplaylist, s: {_row(playlists)}; MP4, s: {_row(files)}; {max(sizes) / 1e6:.1f} MB")

    assert sorted(playlists)[_TURNS // 2] <= _MOST_PLAYLIST_S
    assert sorted(files)[_TURNS // 2] <= _MOST_MP4_S


def _turn(integrator: Integrator, stream: Stream, player: httpx.Client) -> tuple[float, float, int]:
    began = time.monotonic()
    clip = integrator.call("POST", f"{stream.path}/clips", last_s=_CLIP_S)["data"]
    played = player.get(httpx.URL(clip["playback_url"]).join("video.m3u8"))
    assert "#EXTINF" in played.raise_for_status().text
    playlist_s = time.monotonic() - began

    def shown() -> dict[str, Any]:
        return dict(integrator.call("GET", f"/clips/{clip['id']}")["data"])

    wait_until(lambda: shown()["status"] == "READY", what="the MP4")
    ready = shown()
    file_s = (datetime.fromisoformat(ready["ready_at"]) - datetime.fromisoformat(ready["created_at"])).total_seconds()
    return playlist_s, file_s, int(ready["size"])


def _window_s(stream: Stream) -> float:
    try:
        playlist = next(iter(stream.playlists().values()), "")
    except httpx.HTTPError:
        return 0
    lengths = [line.partition(":")[2].rstrip(",") for line in playlist.splitlines() if line.startswith("#EXTINF")]
    return sum(map(float, lengths))


def _row(seconds: tuple[float, ...]) -> str:
    return " ".join(f"{each:.3f}" for each in seconds)
