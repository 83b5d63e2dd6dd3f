"""From pipes to the shelf: what is told of, and when."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.media.errors import TranscoderFailedError
from streams.media.fragments import Sample, render_fragment
from streams.media.journal import PartMade, Reader, Record, RunBegan, SegmentClosed, SlotBegan
from streams.media.ladder import Kind, Rendition
from streams.media.packager import Packager, slots_of
from streams.media.shelf import Shelf
from streams.media.targets import Latency, choose_targets
from tests.media.boxes import audio_init, video_init
from tests.services import HANG_S, wait_until

_TARGETS = choose_targets(Latency.LOW, fps=10)
_SLOTS = {
    "v0": Rendition("480p", Kind.TRANSCODE, 640, 480, 10.0, 800),
    "a0": Rendition("audio", Kind.AUDIO, audio_kbps=128),
}
_FRAME = Sample(duration=100, size=4, is_sync=False, composition=0)


class Pipes:
    """A packager whose pipes a test writes: a tenth of a second a frame."""

    def __init__(self, folder: Path, *, clock_ms: Callable[[], float] = lambda: 0.0) -> None:
        self._folder = folder / "session"
        self.shelf = Shelf(
            self._folder, epoch=1, part_target_s=_TARGETS.part_s, target_s=4, dvr_window_s=60, told=lambda: None
        )
        pipes = {slot: os.pipe() for slot in _SLOTS}
        self._writing = {slot: writing for slot, (_, writing) in pipes.items()}
        reading = {slot: (rendition, pipes[slot][0]) for slot, rendition in _SLOTS.items()}
        self.packager = Packager(self.shelf, reading, targets=_TARGETS, marks=None, clock_ms=clock_ms)
        for slot in _SLOTS:
            self.send(slot, audio_init() if slot == "a0" else video_init())

    def send(self, slot: str, data: bytes) -> None:
        os.write(self._writing[slot], data)

    def frames(self, slot: str, *, at_ms: int = 0, count: int = 20) -> None:
        """Write frames, of which the first is a key frame."""
        samples = [_FRAME._replace(is_sync=True), *[_FRAME] * (count - 1)]
        self.send(slot, render_fragment(1, at_ms, samples) + bytes(4 * count))

    def close(self, slot: str) -> None:
        os.close(self._writing.pop(slot))

    def end(self) -> None:
        for slot in list(self._writing):
            self.close(slot)
        self.packager.stop(timeout_s=HANG_S)

    def records(self) -> list[Record]:
        return [entry.record for entry in Reader(self._folder).read()[1]]

    def closed(self, slot: str) -> list[SegmentClosed]:
        return [each for each in self.records() if isinstance(each, SegmentClosed) and each.slot == slot]


class TestBeginning:
    def test_tells_nothing_before_every_slot_has_something(self, tmp_path: Path) -> None:
        pipes = Pipes(tmp_path)
        pipes.frames("v0")
        time.sleep(0.2)
        assert not pipes.packager.has_begun
        assert len(pipes.records()) == 1

        pipes.frames("a0")

        wait_until(lambda: pipes.packager.has_begun, what="the beginning")
        kinds = [type(record) for record in pipes.records()]
        assert kinds[1:5] == [RunBegan, SlotBegan, SlotBegan, PartMade]
        pipes.end()

    def test_leaves_out_sound_that_came_before_the_first_picture(self, tmp_path: Path) -> None:
        pipes = Pipes(tmp_path)
        pipes.frames("a0", at_ms=0, count=40)
        pipes.frames("v0", at_ms=1500)
        pipes.end()

        assert {slot: pipes.closed(slot)[0].at_ms for slot in _SLOTS} == {"v0": 1500, "a0": 1500}
        assert sum(each.duration_us for each in pipes.closed("a0")) == 2_500_000

    def test_says_what_each_slot_shows(self, tmp_path: Path) -> None:
        pipes = Pipes(tmp_path)
        for slot in _SLOTS:
            pipes.frames(slot)
        pipes.end()

        assert [each for each in pipes.records() if isinstance(each, SlotBegan)] == [
            SlotBegan("v0", "avc1.64001f", 640, 480, 10_000),
            SlotBegan("a0", "mp4a.40.2", 0, 0, 0),
        ]
        assert pipes.packager.codecs == {"v0": "avc1.64001f", "a0": "mp4a.40.2"}

    def test_dates_pictures_by_the_encoders_clock(self, tmp_path: Path) -> None:
        pipes = Pipes(tmp_path, clock_ms=lambda: 1_790_000_000_000.4)
        for slot in _SLOTS:
            pipes.frames(slot, at_ms=700)
        pipes.end()

        assert pipes.closed("v0")[0].at_ms == 1_790_000_000_700


class TestLatency:
    def test_is_from_a_parts_last_picture_until_it_can_be_fetched(self, tmp_path: Path) -> None:
        # Pictures of two seconds, the last of which was taken three seconds ago.
        pipes = Pipes(tmp_path, clock_ms=lambda: (time.time() - 5) * 1000)
        assert pipes.packager.latency_ms is None
        for slot in _SLOTS:
            pipes.frames(slot)
        pipes.end()

        assert pipes.packager.parts_made == len([each for each in pipes.records() if isinstance(each, PartMade)])
        assert pipes.packager.latency_ms is not None
        # The first part's waited 4.7 s; a mean of what came since is less.
        assert 3000 < pipes.packager.latency_ms < 4700 + HANG_S * 1000

    @pytest.mark.parametrize("set_by_s", [-86_400, 86_400])
    def test_is_the_same_when_the_machines_clock_is_set(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, set_by_s: int
    ) -> None:
        pipes = Pipes(tmp_path, clock_ms=lambda: time.time() * 1000)
        for slot in _SLOTS:
            pipes.frames(slot)
        wait_until(lambda: pipes.packager.has_begun, what="the beginning")

        began_at, began_s = time.time(), time.monotonic()
        monkeypatch.setattr(time, "time", lambda: began_at + time.monotonic() - began_s + set_by_s)
        for slot in _SLOTS:
            pipes.frames(slot, at_ms=2000)
        pipes.end()

        assert pipes.packager.latency_ms is not None
        # Pictures of up to four seconds that are there before they are due.
        assert -5_000 < pipes.packager.latency_ms < HANG_S * 1000


class TestEnd:
    def test_puts_everything_on_the_shelf(self, tmp_path: Path) -> None:
        pipes = Pipes(tmp_path)
        for slot in _SLOTS:
            pipes.frames(slot, count=23)
        pipes.end()

        assert {slot: sum(each.duration_us for each in pipes.closed(slot)) for slot in _SLOTS} == {
            "v0": 2_300_000,
            "a0": 2_300_000,
        }
        assert pipes.packager.failure is None

    def test_of_one_pipe_keeps_no_other_from_going_on(self, tmp_path: Path) -> None:
        pipes = Pipes(tmp_path)
        for slot in _SLOTS:
            pipes.frames(slot)
        pipes.close("a0")
        pipes.frames("v0", at_ms=2000)
        pipes.end()

        assert [len(pipes.closed(slot)) for slot in _SLOTS] == [2, 1]
        assert pipes.packager.failure is None

    def test_before_a_slot_had_anything_is_no_beginning(self, tmp_path: Path) -> None:
        pipes = Pipes(tmp_path)
        pipes.close("a0")
        pipes.frames("v0")
        pipes.end()

        assert not pipes.packager.has_begun
        assert len(pipes.records()) == 1


class TestFailure:
    @pytest.mark.parametrize(
        "garbage", [b"HTTP/1.1 404 Not Found\r\n", b"\0\0\0\x10moof" + bytes(8) + b"\0\0\0\x09mdatx"]
    )
    def test_is_the_transcoders_when_it_writes_garbage(self, tmp_path: Path, garbage: bytes) -> None:
        pipes = Pipes(tmp_path)
        pipes.send("v0", garbage)
        wait_until(lambda: pipes.packager.failure, what="the failure")
        pipes.end()

        assert isinstance(pipes.packager.failure, TranscoderFailedError)

    def test_is_the_disks_when_it_cannot_be_written(self, tmp_path: Path) -> None:
        pipes = Pipes(tmp_path)
        (tmp_path / "session" / "v0").write_text("not a folder")
        for slot in _SLOTS:
            pipes.frames(slot)
        wait_until(lambda: pipes.packager.failure, what="the failure")
        pipes.end()

        assert isinstance(pipes.packager.failure, OSError)


class TestSlotsOf:
    def test_are_the_best_picture_first_and_the_sound(self) -> None:
        best, small = _SLOTS["v0"], Rendition("360p", Kind.TRANSCODE, 480, 360, 10.0, 500)

        assert slots_of((best, small, _SLOTS["a0"])) == {"v0": best, "v1": small, "a0": _SLOTS["a0"]}
