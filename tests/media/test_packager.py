"""From pipes to the shelf: what is told of, and when."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from fcntl import ioctl
from pathlib import Path
from termios import FIONREAD
from typing import Any

import pytest

from streams.media import packager
from streams.media.errors import TranscoderFailedError
from streams.media.fmp4 import codec_strings
from streams.media.fragments import Fragment, FragmentReader, Sample, render_fragment
from streams.media.journal import Entry, PartMade, Reader, Record, RunBegan, SegmentClosed, SlotBegan
from streams.media.ladder import Kind, Ladder, Rendition, build_ladder
from streams.media.marks import Cut, Cuts, KeyFrameMarks, Marks
from streams.media.packager import Packager, slots_of
from streams.media.recording.closed import ClosedSegments
from streams.media.shelf import Shelf
from streams.media.targets import Latency, Targets, choose_targets
from streams.media.timeline import SessionTimeline
from tests.media.boxes import audio_init, video_init
from tests.media.crafted import configuration, parameter_set
from tests.media.test_source import GOOD
from tests.services import HANG_S, wait_until

_TARGETS = choose_targets(Latency.LOW, fps=10)
_SLOTS = {
    "v0": Rendition("480p", Kind.TRANSCODE, 640, 480, 10.0, 800),
    "a0": Rendition("audio", Kind.AUDIO, audio_kbps=128),
}
# Of time scales, so that nobody takes one for the other.
_PER_MS = {"v0": 90, "a0": 48}
_SIZE = 4


class Pipes:
    """A packager whose pipes a test writes."""

    def __init__(
        self,
        folder: Path,
        *,
        epoch: int = 1,
        targets: Targets = _TARGETS,
        marks: Marks | None = None,
        kind: Kind = Kind.TRANSCODE,
        clock_ms: Callable[[], float] = lambda: 0.0,
        cuts: Cuts | None = None,
        copies_audio: bool = False,
    ) -> None:
        self._folder = folder / "session"
        self.shelf = Shelf(
            self._folder, epoch=epoch, part_target_s=targets.part_s, target_s=4, dvr_window_s=60, told=lambda: None
        )
        pipes = {slot: os.pipe() for slot in _SLOTS}
        self._writing = {slot: writing for slot, (_, writing) in pipes.items()}
        renditions = _SLOTS | {"v0": replace(_SLOTS["v0"], kind=kind)}
        reading = {slot: (rendition, pipes[slot][0]) for slot, rendition in renditions.items()}
        self.packager = Packager(
            self.shelf, reading, targets=targets, marks=marks, clock_ms=clock_ms, cuts=cuts, copies_audio=copies_audio
        )
        for slot in _SLOTS:
            make = audio_init if slot == "a0" else video_init
            self.send(slot, make(timescale=1000 * _PER_MS[slot]))

    def send(self, slot: str, data: bytes) -> None:
        os.write(self._writing[slot], data)

    def frames(self, slot: str, *, at_ms: int = 0, count: int = 20, duration_ms: int = 100) -> None:
        """Write frames, of which the first is a key frame."""
        frame = Sample(duration_ms * _PER_MS[slot], _SIZE, is_sync=False, composition=0)
        samples = [frame._replace(is_sync=True), *[frame] * (count - 1)]
        self.send(slot, render_fragment(1, at_ms * _PER_MS[slot], samples) + bytes(_SIZE * count))

    def is_read(self, slot: str) -> bool:
        """Tell whether the packager has taken all that was written."""
        return ioctl(self._writing[slot], FIONREAD, bytes(4)) == bytes(4)

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

    def parts(self, slot: str) -> list[PartMade]:
        return [each for each in self.records() if isinstance(each, PartMade) and each.slot == slot]

    def content(self, name: str) -> bytes:
        return (self._folder / name).read_bytes()

    def fragments(self, name: str) -> list[Fragment]:
        """Return what players find in a segment or a part, behind its initialization section."""
        slot, epoch = name.partition("/")[0], name.partition("/")[2].partition("-")[0]
        (init,) = (self._folder / slot).glob(f"{epoch}-*.init.mp4")
        _, *found = FragmentReader().feed(init.read_bytes() + self.content(name))
        return [each for each in found if isinstance(each, Fragment)]


def _cuts(*cuts: Cut) -> Cuts:
    noted = Cuts()
    for each in cuts:
        noted.note(each)
    return noted


class TestCuts:
    _RECORD = configuration(parameter_set(1280, 720, level=40))

    def _cut_at_1000(self, folder: Path, **how: Any) -> Pipes:
        """Return what was made of media of two seconds with a cut in the middle."""
        cuts = _cuts(Cut(1000, picture=self._RECORD, sound=bytes.fromhex("1208")))
        pipes = Pipes(folder, cuts=cuts, **how)
        for slot in _SLOTS:
            pipes.frames(slot, count=10)
            pipes.frames(slot, at_ms=1000, count=10)
        pipes.end()
        return pipes

    def test_begin_another_run_in_every_slot(self, tmp_path: Path) -> None:
        pipes = self._cut_at_1000(tmp_path)

        for slot in _SLOTS:
            assert [(each.at_ms, each.duration_us) for each in pipes.closed(slot)] == [
                (0, 1_000_000),
                (1000, 1_000_000),
            ]
            found = [line for line in pipes.records() if not isinstance(line, SlotBegan) or line.slot == slot]
            kinds = [type(line) for line in found if isinstance(line, SlotBegan) or getattr(line, "slot", "") == slot]
            first_closed = kinds.index(SegmentClosed)
            assert SlotBegan in kinds[first_closed:]
        assert {line.number for line in pipes.records() if isinstance(line, RunBegan)} == {0, 1}

    def test_tell_of_another_picture_where_it_is_passed_through(self, tmp_path: Path) -> None:
        pipes = self._cut_at_1000(tmp_path, kind=Kind.COPY)

        assert codec_strings(pipes.content("v0/1-1.init.mp4")) == ["avc1.640028"]
        began = [line for line in pipes.records() if isinstance(line, SlotBegan) and line.slot == "v0"]
        assert [(line.codecs, line.width, line.height) for line in began][-1] == ("avc1.640028", 1280, 720)

    def test_leave_what_we_encode_as_it_is(self, tmp_path: Path) -> None:
        pipes = self._cut_at_1000(tmp_path)

        for slot in _SLOTS:
            assert pipes.content(f"{slot}/1-1.init.mp4") == pipes.content(f"{slot}/1-0.init.mp4")

    def test_tell_of_other_sound_where_it_is_passed_through(self, tmp_path: Path) -> None:
        pipes = self._cut_at_1000(tmp_path, copies_audio=True)

        assert bytes.fromhex("1208") in pipes.content("a0/1-1.init.mp4")
        assert bytes.fromhex("1208") not in pipes.content("a0/1-0.init.mp4")

    def test_to_a_slate_are_told_in_every_slot_where_its_media_begins(self, tmp_path: Path) -> None:
        cuts = _cuts(Cut(1000, shows_slate=True), Cut(2000))
        pipes = Pipes(tmp_path, cuts=cuts)
        for slot in _SLOTS:
            for at_ms in (0, 1000, 2000):
                pipes.frames(slot, at_ms=at_ms, count=10)
        pipes.end()

        closed = ClosedSegments().feed([Entry(1, record) for record in pipes.records()])
        told = sorted((each.slot, each.at_ms, each.shows_slate) for each in closed)
        assert told == sorted((slot, at_ms, at_ms == 1000) for slot in _SLOTS for at_ms in (0, 1000, 2000))

    def test_may_be_behind_a_beginning_with_a_slate(self, tmp_path: Path) -> None:
        cuts = _cuts(Cut(1000))
        cuts.begins_with_slate = True
        pipes = Pipes(tmp_path, cuts=cuts)
        for slot in _SLOTS:
            pipes.frames(slot, count=10)
            pipes.frames(slot, at_ms=1000, count=10)
        pipes.end()

        closed = ClosedSegments().feed([Entry(1, record) for record in pipes.records()])
        assert {(each.at_ms, each.shows_slate) for each in closed} == {(0, True), (1000, False)}

    def test_may_be_two_where_a_slot_has_nothing_in_between(self, tmp_path: Path) -> None:
        pipes = Pipes(tmp_path, cuts=_cuts(Cut(990), Cut(995)))
        for slot in _SLOTS:
            pipes.frames(slot, count=10)
            pipes.frames(slot, at_ms=1000, count=10)
        pipes.end()

        timeline = SessionTimeline()
        timeline.feed([Entry(1, record) for record in pipes.records()])
        assert [[each.run.number for each in timeline.slots[slot].segments] for slot in _SLOTS] == [[0, 2], [0, 2]]

    def test_date_pictures_by_when_they_are_shown(self, tmp_path: Path) -> None:
        pipes = Pipes(tmp_path, cuts=_cuts(Cut(1080)))
        pipes.frames("v0", count=10)
        late = Sample(100 * 90, _SIZE, is_sync=True, composition=80 * 90)
        pipes.send("v0", render_fragment(2, 1000 * 90, [late] * 5) + bytes(_SIZE * 5))
        pipes.frames("a0", count=15)
        pipes.end()

        assert [each.at_ms for each in pipes.closed("v0")] == [0, 1080]


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
        wait_until(lambda: pipes.is_read("a0"), what="the sound's way")
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


class TestSegments:
    def test_begin_where_the_marks_are(self, tmp_path: Path) -> None:
        pipes = Pipes(tmp_path)
        for slot in _SLOTS:
            pipes.frames(slot, count=20)
            pipes.frames(slot, at_ms=2000, count=20)
            pipes.frames(slot, at_ms=4000, count=5)
        pipes.end()

        for slot in _SLOTS:
            assert [(each.at_ms, each.duration_us) for each in pipes.closed(slot)] == [
                *((0, 2_000_000), (2000, 2_000_000), (4000, 500_000))
            ]
            parts = pipes.parts(slot)
            assert [each.at_ms for each in parts if each.part == 0] == [0, 2000, 4000]
            assert [each.at_ms for each in parts if each.is_independent] == [0, 2000, 4000]
            assert {each.duration_us for each in parts[:20]} == {200_000}

    def test_hold_what_their_parts_do_numbered_and_timed(self, tmp_path: Path) -> None:
        pipes = Pipes(tmp_path)
        for slot in _SLOTS:
            pipes.frames(slot, at_ms=700, count=6)
        pipes.end()

        parts = [pipes.content(f"v0/1-0.{number}.m4s") for number in range(3)]
        assert pipes.content("v0/1-0.m4s") == b"".join(parts)
        found = pipes.fragments("v0/1-0.m4s")
        assert [each.decode_time for each in found] == [at_ms * 90 for at_ms in (700, 900, 1100)]
        assert [len(each.samples) for each in found] == [2, 2, 2]
        # Behind size and kind of the moof and of its header, version and flags.
        assert [int.from_bytes(part[20:24]) for part in parts] == [1, 2, 3]

    def test_begin_with_what_shows_their_first_picture(self, tmp_path: Path) -> None:
        pipes = Pipes(tmp_path)
        for slot in _SLOTS:
            pipes.frames(slot)
        pipes.end()

        (closed,) = pipes.closed("v0")
        whole = pipes.content("v0/1-0.m4s")
        # All of the first fragment but the other pictures in it.
        assert closed.key_size == whole.index(b"mdat") + 4 + _SIZE
        assert pipes.closed("a0")[0].key_size == 0

    def test_are_told_of_alone_where_there_are_no_parts(self, tmp_path: Path) -> None:
        targets = choose_targets(Latency.STANDARD, fps=10)
        pipes = Pipes(tmp_path, targets=targets)
        for slot in _SLOTS:
            pipes.frames(slot, count=50)
        wait_until(lambda: pipes.closed("v0"), what="a segment")
        pipes.end()

        assert [each.duration_us for each in pipes.closed("v0")] == [4_000_000, 1_000_000]
        assert pipes.parts("v0") == []

    def test_of_what_is_passed_on_wait_for_the_key_frame(self, tmp_path: Path) -> None:
        marks = KeyFrameMarks(segment_s=2)
        for at_ms in (0, 2300, 4600):
            marks.note(at_ms)
        pipes = Pipes(tmp_path, marks=marks)
        for slot in _SLOTS:
            for number in range(3):
                pipes.frames(slot, at_ms=2300 * number, count=23)
        pipes.end()

        assert [each.at_ms for each in pipes.closed("v0")] == [0, 2300, 4600]

    def test_are_there_with_their_last_picture(self, tmp_path: Path) -> None:
        pipes = Pipes(tmp_path)
        for slot in _SLOTS:
            pipes.frames(slot, count=20)

        wait_until(lambda: pipes.closed("v0"), what="the segment, with nothing behind it")
        pipes.end()

    def test_begin_at_marks_that_are_not_known_before_they_come(self, tmp_path: Path) -> None:
        marks = KeyFrameMarks(segment_s=2)
        marks.note(0)
        pipes = Pipes(tmp_path, marks=marks, kind=Kind.COPY)
        for slot in _SLOTS:
            pipes.frames(slot, count=20)
        wait_until(lambda: len(pipes.parts("a0")) == 10, what="all parts")
        marks.note(2000)
        for slot in _SLOTS:
            pipes.frames(slot, at_ms=2000, count=5)
        pipes.end()

        for slot in _SLOTS:
            assert [each.duration_us for each in pipes.closed(slot)] == [2_000_000, 500_000]

    @pytest.mark.parametrize(("kind", "second_at_ms"), [(Kind.TRANSCODE, 2000), (Kind.COPY, 2100)])
    def test_of_what_ffmpeg_moved_begin_at_the_nearest_picture(
        self, tmp_path: Path, kind: Kind, second_at_ms: int
    ) -> None:
        marks = KeyFrameMarks(segment_s=2)
        for at_ms in (0, 2040):
            marks.note(at_ms)
        pipes = Pipes(tmp_path, marks=marks, kind=kind)
        for slot in _SLOTS:
            pipes.frames(slot, count=20)
            pipes.frames(slot, at_ms=2000, count=5)
        pipes.end()

        assert pipes.closed("v0")[1].at_ms == second_at_ms
        assert pipes.closed("a0")[1].at_ms == 2000

    def test_of_our_own_begin_with_the_first_picture_that_is_due(self, tmp_path: Path) -> None:
        pipes = Pipes(tmp_path)
        for slot in _SLOTS:
            pipes.frames(slot, count=14, duration_ms=150)
            pipes.frames(slot, at_ms=2100, count=4, duration_ms=150)
        pipes.end()

        # The picture at 1950 is nearer to the mark, and no key frame.
        assert [each.at_ms for each in pipes.closed("v0")] == [0, 2100]

    def test_are_all_that_is_told_of_pictures_that_last_too_long(self, tmp_path: Path) -> None:
        pipes = Pipes(tmp_path)
        for slot in _SLOTS:
            pipes.frames(slot, count=2, duration_ms=900)
        pipes.end()

        assert [each.duration_us for each in pipes.closed("v0")] == [900_000, 900_000]
        assert pipes.parts("v0") == []


class TestAnotherRun:
    def test_goes_on_in_the_sessions_own_time(self, tmp_path: Path) -> None:
        """Some players follow no clock that begins anew."""
        for epoch, clock_ms in ((1, 1_790_000_000_000.0), (2, 1_790_000_060_000.0)):
            pipes = Pipes(tmp_path, epoch=epoch, clock_ms=lambda told_ms=clock_ms: told_ms)  # type: ignore[misc]
            for slot in _SLOTS:
                pipes.frames(slot, at_ms=500, count=4)
            pipes.end()

        for slot in _SLOTS:
            times = [pipes.fragments(f"{slot}/{name}.m4s")[0].decode_time for name in ("1-0", "2-1")]
            assert times == [500 * _PER_MS[slot], 60_500 * _PER_MS[slot]]
            assert [each.at_ms for each in pipes.closed(slot)] == [1_790_000_000_500, 1_790_000_060_500]


class TestRest:
    """What comes bit by bit is taken at once, as long as nothing is late."""

    @pytest.mark.parametrize(("after_s", "rest_s"), [(0.2, 0.14), (0.3, 0.14), (0.16, 0.14), (0.14, 0), (0.0, 0)])
    def test_is_for_most_of_a_part_unless_it_was_late(
        self, after_s: float, rest_s: float, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now_s = 1000.0
        monkeypatch.setattr("streams.media.packager.time.monotonic", lambda: now_s)
        pipe = packager._Pipe("v0", _SLOTS["v0"], 0)
        pipe.rest(0.2)
        # The first is no reason to expect another.
        assert pipe.due_at <= now_s

        now_s += after_s
        pipe.rest(0.2)

        assert max(0.0, pipe.due_at - now_s) == pytest.approx(rest_s)


def test_costs_nothing_while_nothing_comes(tmp_path: Path) -> None:
    pipes = Pipes(tmp_path)
    time.sleep(0.1)
    before_s = time.process_time()
    time.sleep(0.5)
    assert time.process_time() - before_s < 0.2
    pipes.end()


class TestLatency:
    def test_is_a_mean_in_which_the_newest_counts_a_tenth(self, tmp_path: Path) -> None:
        packager = Pipes(tmp_path).packager

        for latency_ms in (4800, 4600, 4800, 4600):
            packager._note_latency(latency_ms)

        assert packager.latency_ms == pytest.approx(4763.8)

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

    def test_is_no_less_where_the_stream_has_got_ahead_of_its_first_picture(self, tmp_path: Path) -> None:
        behind_s = 5.0
        pipes = Pipes(tmp_path, clock_ms=lambda: (time.time() - behind_s) * 1000)
        for slot in _SLOTS:
            pipes.frames(slot)
        wait_until(lambda: pipes.packager.has_begun, what="the beginning")

        behind_s += 100
        for slot in _SLOTS:
            pipes.frames(slot, at_ms=102_000)
        pipes.end()

        assert pipes.packager.latency_ms is not None
        assert 0 < pipes.packager.latency_ms < 4700 + HANG_S * 1000


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

    def test_leaves_no_file_open(self, tmp_path: Path) -> None:
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # What is asked is how many.
        pipes = Pipes(tmp_path)
        for slot in _SLOTS:
            pipes.frames(slot)
        pipes.end()

        assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208

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
        assert pipes.packager.failure is None

    def test_comes_without_an_end_of_pipes_when_nobody_waits_any_longer(self, tmp_path: Path) -> None:
        pipes = Pipes(tmp_path)
        for slot in _SLOTS:
            pipes.frames(slot, count=3)
        wait_until(lambda: pipes.packager.has_begun, what="the beginning")

        pipes.packager.stop(timeout_s=0)

        wait_until(lambda: len(pipes.closed("a0")) == 1, what="what there was")
        pipes.end()


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

        ladder = Ladder((best, small, _SLOTS["a0"]), copies_audio=True, source_pixels=0)

        assert slots_of(ladder) == {"v0": best, "v1": small, "a0": _SLOTS["a0"]}

    def test_stay_those_of_the_rest_when_rungs_are_left_out(self) -> None:
        ladder = build_ladder(GOOD)
        copied, _, small, sound = ladder.renditions

        assert slots_of(ladder.without_top(1)) == {"v0": copied, "v2": small, "a0": sound}
        assert slots_of(ladder.without_top(2)) == {"v0": copied, "a0": sound}
