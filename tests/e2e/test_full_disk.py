"""A disk that is really full: the broadcast waits for room, says so, and goes on (make chaos)."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.client import Integrator, run_of
from tests.e2e.encoder import publishing
from tests.e2e.pages import logged_in
from tests.services import HANG_S, wait_until
from tests.stack.whole import running_stack

pytestmark = [pytest.mark.chaos, pytest.mark.e2e]

_DISK_MB = 64
# A disk as small is always fuller than an instance wants it.
_UNGUARDED = {
    "LIVEHUB_DISK_WARN_PERCENT": "100",
    "LIVEHUB_DISK_STOP_PERCENT": "100",
    "LIVEHUB_DISK_WARN_MB": "0",
    "LIVEHUB_DISK_STOP_MB": "0",
}


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    """Have a small disk of its own at a folder for as long as the block lasts."""
    folder.mkdir(parents=True)
    options = f"size={_DISK_MB}m,mode=0700"
    mounting = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounting.returncode:
        pytest.skip(f"A disk can only be mounted by root: {mounting.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def _filled(folder: Path) -> Iterator[None]:
    """Leave no byte of a disk free for as long as the block lasts."""
    filler = folder / "filler"
    try:
        with pytest.raises(OSError, match="No space left"):
            _write_without_end(filler)
        yield
    finally:
        filler.unlink()


def _write_without_end(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 20))


def test_a_broadcast_waits_for_room_says_so_and_goes_on(tmp_path: Path) -> None:
    playback = tmp_path / "var" / "playback"
    with _small_disk(playback), running_stack(tmp_path, **_UNGUARDED) as stack:
        stream = Integrator.of(stack).create()
        operator, page = logged_in(stack), f"/livestreams/{stream.created['id']}"
        with publishing(stream.publish_url) as encoder:
            stream.await_status("LIVE")
            before = run_of(stream)

            with _filled(playback):
                wait_until(lambda: "disk is full" in operator.get(page).text, what="the notice")
                time.sleep(12)  # Several runs are tried meanwhile.
                assert shutil.disk_usage(playback).free == 0
                assert encoder.is_connected
                assert stream.status == "LIVE"

            wait_until(lambda: run_of(stream) not in {before, None}, what="a run with room")
            segment = stream.newest_segment()
            wait_until(lambda: stream.has_newer_than(segment), what="the next segment")
            assert 'data-testid="interruption"' not in operator.get(page).text
            assert encoder.is_connected
            assert stream.status == "LIVE"
            assert len(stream.sessions()) == 1


def test_files_of_what_is_over_make_room_for_what_is_live(tmp_path: Path) -> None:
    playback = tmp_path / "var" / "playback"
    guarded = {**_UNGUARDED, "LIVEHUB_DISK_WARN_MB": "30", "LIVEHUB_DISK_STOP_MB": "30"}
    with _small_disk(playback), running_stack(tmp_path, **guarded) as stack:
        integrator = Integrator.of(stack)
        over, live = integrator.create("Over"), integrator.create("Live")
        with publishing(over.publish_url):
            over.await_status("LIVE")
            over.newest_segment()
        over.await_status("OFFLINE")
        session_id = over.sessions()[0]["id"]
        files = next(playback.glob(f"*/{session_id.replace('-', '')[:16]}"))
        operator = logged_in(stack)
        with publishing(live.publish_url) as encoder:
            live.await_status("LIVE")
            assert files.exists()

            filler = playback / "filler"
            filler.write_bytes(bytes(40 << 20))
            # What is over is left alone for a minute.
            wait_until(lambda: not files.exists(), timeout_s=3 * HANG_S, what="the files have gone")

            page = f"/livestreams/{over.created['id']}/sessions/{session_id}"
            wait_until(lambda: "Files removed" in operator.get(page).text, what="the timeline says so")
            assert "The disk of main was full" in operator.get(page).text
            assert "Disk of main" in operator.get("/").text
            segment = live.newest_segment()
            wait_until(lambda: live.has_newer_than(segment), what="what is live goes on")
            assert encoder.is_connected
            assert live.status == "LIVE"

            filler.unlink()
            wait_until(lambda: "Disk of main" not in operator.get("/").text, what="there is room again")
