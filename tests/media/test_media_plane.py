"""From an encoder to players, past a killed transcoder: what was written, read by programs that are not ours."""

import asyncio
import json
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import pairwise
from pathlib import Path

import httpx
import m3u8
import pytest

from streams.media.journal import Reader, RunBegan, SegmentClosed, init_name, segment_name, write_end
from streams.media.origin.server import serve
from tests.media.broadcasts import Broadcast
from tests.media.clips import flv
from tests.media.ingest import Ingest
from tests.plain_http import plain_client
from tests.services import HANG_S, wait_until

SLOTS = ("v0", "v1", "a0")
_SOUND_FRAME_S = 1024 / 48_000
_PICTURE_S = 1 / 30
# Two that are shown before the one that was sent before them.
_REORDERED = 3


@dataclass(frozen=True)
class Packet:
    shown_s: float
    decoded_s: float
    is_key_frame: bool


@dataclass(frozen=True)
class Segment:
    """A segment of one run, as ffprobe reads it behind that run's initialization section."""

    run: int
    packets: list[Packet]


@dataclass(frozen=True)
class Recorded:
    """A session of two runs that has its end."""

    root: Path
    folder: Path
    multivariant: str

    def segments(self, slot: str) -> list[Segment]:
        found: list[Segment] = []
        run, init = -1, ""
        for entry in Reader(self.folder).read()[1]:
            if isinstance(entry.record, RunBegan):
                run, init = entry.record.number, init_name(epoch=entry.epoch, run=entry.record.number)
            elif isinstance(entry.record, SegmentClosed) and entry.record.slot == slot:
                # What another epoch left belongs to the run before.
                name = segment_name(epoch=entry.epoch, msn=entry.record.msn)
                media = b"".join((self.folder / slot / part).read_bytes() for part in (init, name))
                found.append(Segment(run, _packets(media)))
        return found


@cache
def _packets(media: bytes) -> list[Packet]:
    argv = ["ffprobe", "-loglevel", "error", "-print_format", "json", "-show_packets", "-i", "pipe:0"]
    report = json.loads(subprocess.run(argv, input=media, capture_output=True, check=True).stdout)
    return [
        Packet(float(packet["pts_time"]), float(packet["dts_time"]), packet["flags"].startswith("K"))
        for packet in report["packets"]
    ]


@pytest.fixture(scope="module")
def recorded(ingest: Ingest, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """14 s with pictures that are shown in another order and scene cuts; the transcoder is killed after 5 s."""
    root: Path = tmp_path_factory.mktemp("plane")
    clip = root / "clip.flv"
    clip.write_bytes(flv(size="640x480", seconds=14, has_cuts=True, x264="bframes=2", profile="main"))
    broadcast = Broadcast(root / "pb_plane")
    with ingest.publishing("plane", clip, is_endless=False):
        broadcast.start(ingest.server, "plane")
        wait_until(lambda: broadcast.seconds("v0") >= 4 or broadcast.is_over, what="four seconds")
        broadcast.children()["transcoder"].send_signal(signal.SIGKILL)
        broadcast.await_end()
        assert broadcast.error is not None
        broadcast.start_again(ingest.server, "plane")
        broadcast.await_end()
    assert broadcast.outcome is not None, broadcast.error
    folder = root / "pb_plane" / "session"
    # As whoever closes the session does.
    assert write_end(folder)
    return Recorded(root, folder, broadcast.multivariant)


class TestSegments:
    @pytest.mark.parametrize("slot", SLOTS)
    def test_leave_no_gap_within_a_run(self, recorded: Recorded, slot: str) -> None:
        frame_s = _SOUND_FRAME_S if slot == "a0" else _PICTURE_S
        for run in (0, 1):
            segments = [segment for segment in recorded.segments(slot) if segment.run == run]
            packets = [packet for segment in segments for packet in segment.packets]

            assert len(packets) > 1 / frame_s
            # The run that was killed may lack what is shown before its last.
            shown_s = sorted(each.shown_s for each in packets)[: None if run else -_REORDERED]
            for times in ([each.decoded_s for each in packets], shown_s):
                steps_s = [after - before for before, after in pairwise(times)]
                assert 0.5 * frame_s < min(steps_s)
                assert max(steps_s) < 1.5 * frame_s

    @pytest.mark.parametrize("slot", ["v0", "v1"])
    def test_begin_with_key_frames(self, recorded: Recorded, slot: str) -> None:
        segments = recorded.segments(slot)

        assert len(segments) >= 4
        assert [segment.packets[0].is_key_frame for segment in segments] == [True] * len(segments)

    def test_begin_at_the_same_time_in_all_slots(self, recorded: Recorded) -> None:
        for run in (0, 1):
            # Key frames are shown when they are decoded; ffprobe says later where others have negative offsets.
            begins = [
                [segment.packets[0].decoded_s for segment in recorded.segments(slot) if segment.run == run]
                for slot in SLOTS
            ]

            # What was killed may have been further with one than with another.
            assert min(map(len, begins)) >= 1
            assert run == 0 or len({len(times) for times in begins}) == 1
            for times in zip(*begins, strict=False):
                # Times of encoders are whole milliseconds.
                assert max(times) - min(times) <= _PICTURE_S + 0.002

    def test_of_the_next_run_go_on_with_the_clock(self, recorded: Recorded) -> None:
        """Some players would stop there otherwise."""
        gaps_s = []
        for slot in SLOTS:
            killed, following = (
                [packet for segment in recorded.segments(slot) if segment.run == run for packet in segment.packets]
                for run in (0, 1)
            )
            gaps_s.append(following[0].decoded_s - killed[0].decoded_s)
            assert following[0].decoded_s > killed[-1].decoded_s

        assert max(gaps_s) - min(gaps_s) <= 2 * _PICTURE_S

    def test_of_the_next_run_are_dated_behind_those_before(self, recorded: Recorded) -> None:
        entries = Reader(recorded.folder).read()[1]
        for slot in SLOTS:
            closed = [each.record for each in entries if isinstance(each.record, SegmentClosed)]
            own = [each for each in closed if each.slot == slot]

            for before, after in pairwise(own):
                assert after.at_ms >= before.at_ms + before.duration_us // 1000 - 100


@pytest.fixture(scope="module")
def playlists(recorded: Recorded, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What the origin answers players that ask for each slot, beside the media that it names."""
    # Sessions are called so.
    address = "0123456789abcdef"
    (recorded.folder.parent / address).symlink_to(recorded.folder)
    found = {}
    with _origin(recorded.root, tmp_path_factory.mktemp("origin")) as origin:
        for slot in SLOTS:
            answer = origin.get(f"/{recorded.folder.parent.name}/{address}/{slot}/index.m3u8").raise_for_status()
            found[slot] = recorded.folder / slot / "index.m3u8"
            found[slot].write_text(answer.text)
    return found


class TestPlayers:
    def test_find_every_rendition(self, recorded: Recorded, playlists: dict[str, Path]) -> None:
        # m3u8 knows no FORMAT of session data. Source: RFC 8216bis 4.4.6.4.
        listed = m3u8.loads(re.sub(r"#EXT-X-SESSION-DATA:.*\n", "", recorded.multivariant))

        assert [each.uri for each in listed.playlists] == [f"session/{slot}/index.m3u8" for slot in SLOTS]
        assert [each.uri for each in listed.media] == ["session/a0/index.m3u8"]

    @pytest.mark.parametrize("slot", SLOTS)
    def test_are_told_the_same_of_every_rendition(self, playlists: dict[str, Path], slot: str) -> None:
        playlist, of_the_best = (m3u8.load(str(playlists[name])) for name in (slot, "v0"))

        assert playlist.is_endlist
        assert playlist.target_duration == 4
        assert all(segment.duration <= 4.4 for segment in playlist.segments)
        own, best = (_dates_by_run(each) for each in (playlist, of_the_best))
        assert len(own) == len(best) == 2
        assert len(own[1]) == len(best[1])
        for own_run, best_run in zip(own, best, strict=True):
            # What was killed may have been further with one than with another.
            for own_date, best_date in zip(own_run, best_run, strict=False):
                assert abs((own_date - best_date).total_seconds()) <= _PICTURE_S

    @pytest.mark.parametrize("slot", SLOTS)
    def test_read_every_rendition_to_its_end(self, playlists: dict[str, Path], slot: str) -> None:
        argv = ["ffmpeg", "-nostdin", "-loglevel", "error", "-allowed_extensions", "ALL", "-i", str(playlists[slot])]

        run = subprocess.run(
            [*argv, "-f", "null", "-progress", "pipe:1", "-"],
            capture_output=True,
            text=True,
            timeout=HANG_S,
            check=True,
        )

        played_s = int(re.findall(r"out_time_us=(\d+)", run.stdout)[-1]) / 1_000_000
        first, *_, last = m3u8.load(str(playlists[slot])).segments
        # With what is missing between the runs.
        lasts_s = (last.program_date_time - first.program_date_time).total_seconds() + last.duration
        assert played_s == pytest.approx(lasts_s, abs=0.3)
        assert run.stderr == ""


def _dates_by_run(playlist: m3u8.M3U8) -> list[list[datetime]]:
    runs: list[list[datetime]] = [[]]
    for segment in playlist.segments:
        if segment.discontinuity:
            runs.append([])
        runs[-1].append(segment.program_date_time)
    return runs


@contextmanager
def _origin(root: Path, folder: Path) -> Iterator[httpx.Client]:
    """Run the origin in a thread of its own for as long as the block lasts."""
    socket_path = str(folder / "origin.sock")
    loop = asyncio.new_event_loop()
    nudge_socket_path, web_socket_path = str(folder / "nudge.sock"), str(folder / "web.sock")
    serving = loop.create_task(
        serve(socket_path=socket_path, nudge_socket_path=nudge_socket_path, web_socket_path=web_socket_path, root=root)
    )
    thread = threading.Thread(target=_run_until_cancelled, args=(loop, serving))
    thread.start()
    try:
        wait_until(Path(socket_path).exists, what="the origin")
        with plain_client(uds=Path(socket_path), base_url="http://origin") as client:
            yield client
    finally:
        loop.call_soon_threadsafe(serving.cancel)
        thread.join(HANG_S)
        loop.close()


def _run_until_cancelled(loop: asyncio.AbstractEventLoop, serving: "asyncio.Task[None]") -> None:
    with suppress(asyncio.CancelledError):
        loop.run_until_complete(serving)
