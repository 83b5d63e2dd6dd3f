"""A machine that cannot hold real time: a real ffmpeg that gets next to no time."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from streams.media.errors import BrokenOffError
from tests.media.broadcasts import Broadcast
from tests.media.clips import flv
from tests.media.ingest import Ingest
from tests.media.recorded import Recorded
from tests.services import wait_until

pytestmark = pytest.mark.chaos

# Of each period the transcoder may run for so long.
_PERIOD_S, _SHARE = 0.2, 0.05
_LATE_MS = 2500


@contextmanager
def _slowed(child: psutil.Process) -> Iterator[None]:
    """Let a process run for a small share of the time, as on a machine that is far too busy."""
    is_over = threading.Event()

    def slow() -> None:
        with suppress(psutil.NoSuchProcess):
            while not is_over.is_set():
                child.send_signal(signal.SIGSTOP)
                time.sleep(_PERIOD_S * (1 - _SHARE))
                child.send_signal(signal.SIGCONT)
                time.sleep(_PERIOD_S * _SHARE)

    thread = threading.Thread(target=slow)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def test_is_found_and_mended_without_the_top_rung(ingest: Ingest, broadcast: Broadcast, tmp_path: Path) -> None:
    clip = tmp_path / "tall.flv"
    # Longer than the test lasts: where a clip begins again its frames are not evenly apart.
    clip.write_bytes(flv(size="1280x720", gop=30, seconds=60))
    broadcast.shed_after = 1
    with ingest.publishing("too-much", clip):
        broadcast.start_playable(ingest.server, "too-much")
        with _slowed(broadcast.children()["transcoder"]):
            wait_until(lambda: broadcast.is_over, what="the complaint")
        assert isinstance(broadcast.error, BrokenOffError), broadcast.error
        assert broadcast.complaints == ["480p"]
        assert broadcast.packager_latency_ms is not None
        assert broadcast.packager_latency_ms > _LATE_MS

        broadcast.shed = 1
        broadcast.start_again(ingest.server, "too-much")
        broadcast.await_playable()
        before_s = {slot: broadcast.seconds(slot) for slot in ("v1", "v2")}
        wait_until(
            lambda: all(broadcast.seconds(slot) > before_s[slot] + 12 for slot in before_s), what="more of its video"
        )
        assert broadcast.ladder is not None
        assert [rendition.name for rendition in broadcast.ladder.renditions] == ["720p", "360p", "audio"]
        assert broadcast.packager_latency_ms < _LATE_MS
        # Who comes now is not offered the rung; who plays it goes on with the one below.
        assert "/v1/" not in broadcast.multivariant
        broadcast.end()
    recorded = Recorded(broadcast.folder / "session")
    assert recorded.faults() == []
    assert {slot: timeline.run.epoch for slot, timeline in recorded.timeline.slots.items()} == dict.fromkeys(
        ("v0", "v1", "v2", "a0"), 2
    )
