"""What a session's files and journal are, whoever wrote them and however that ended."""

import gc
import re
import tracemalloc
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from streams.media.fragments import Sample, render_fragment
from streams.media.journal import (
    Dropped,
    Ended,
    Opened,
    PartMade,
    Reader,
    Record,
    RunBegan,
    SegmentClosed,
    SlateShown,
    SlotBegan,
    epochs,
    journal_path,
)
from streams.media.shelf import Made, Shelf, end_session
from streams.media.timeline import SessionTimeline
from tests.media.journals import no_room

_BEGAN_MS = 1_790_000_000_000


class Session:
    """A session's folder, and what is told of it."""

    def __init__(self, folder: Path, *, dvr_window_s: int = 60) -> None:
        self.folder = folder / "session"
        self.dvr_window_s = dvr_window_s
        self.told = 0

    def shelf(self, *, epoch: int, part_target_s: float = 0.3) -> Shelf:
        return Shelf(
            self.folder,
            epoch=epoch,
            part_target_s=part_target_s,
            target_s=4,
            dvr_window_s=self.dvr_window_s,
            told=self._tell,
        )

    def _tell(self) -> None:
        self.told += 1

    def records(self) -> list[Record]:
        return [entry.record for entry in Reader(self.folder).read()[1]]

    def closed(self, slot: str = "v0") -> list[SegmentClosed]:
        return [each for each in self.records() if isinstance(each, SegmentClosed) and each.slot == slot]

    def files(self, slot: str = "v0") -> set[str]:
        return {path.name for path in (self.folder / slot).iterdir()}

    def segments(self) -> set[str]:
        return {name for name in self.files() if re.fullmatch(r"\d+-\d+\.m4s", name)}

    def parts(self) -> set[str]:
        return {name for name in self.files() if re.fullmatch(r"\d+-\d+\.\d+\.m4s", name)}

    def content(self, name: str, slot: str = "v0") -> bytes:
        return (self.folder / slot / name).read_bytes()


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path)


def begin(shelf: Shelf, *slots: str, zero_ms: int = _BEGAN_MS) -> int:
    named = slots or ("v0",)
    return shelf.begin_run(
        {slot: SlotBegan(slot, "avc1.64001f", 640, 480, 30_000) for slot in named},
        {slot: f"init of {slot}".encode() for slot in named},
        zero_ms=zero_ms,
    )


def part(content: bytes = b"part", *, at_s: float = 0, is_hidden: bool = False, key_size: int = 0) -> Made:
    return Made(round(_BEGAN_MS + at_s * 1000), 300_000, key_size > 0, is_hidden, key_size, content)


def add_segment(shelf: Shelf, *, at_s: float = 0, slot: str = "v0") -> None:
    """Put a segment of two seconds on the shelf."""
    for number in range(2):
        at_ms = round(_BEGAN_MS + at_s * 1000) + number * 1000
        shelf.add(slot, Made(at_ms, 1_000_000, number == 0, is_hidden=False, key_size=2, content=b"part"))
    shelf.close_segment(slot)


def _add_segments(session: Session, numbers: Iterable[int], *, epoch: int, set_by_s: int = 0) -> None:
    """Put an epoch's segments of two seconds on the shelf, by a machine's clock that was set before it."""
    shelf = session.shelf(epoch=epoch)
    begin(shelf)
    for number in numbers:
        add_segment(shelf, at_s=number * 2 + set_by_s)
    shelf.close()


def _memory_of(files: str) -> int:
    gc.collect()
    snapshot = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(inclusive=True, filename_pattern=files)])
    return sum(statistic.size for statistic in snapshot.statistics("filename"))


class TestCut:
    def test_is_told_with_each_segment_that_follows(self, session: Session) -> None:
        shelf = session.shelf(epoch=1)
        begin(shelf, "v0", "a0")
        add_segment(shelf)
        shelf.cut(SlotBegan("v0", "avc1.4d401f", 1280, 720, 30_000), b"other init", number=1)
        for at_s in (2, 4):
            add_segment(shelf, at_s=at_s)
        add_segment(shelf, slot="a0")

        told = [record for record in session.records() if isinstance(record, RunBegan | SlotBegan | SegmentClosed)]
        again = [RunBegan(1, _BEGAN_MS), SlotBegan("v0", "avc1.4d401f", 1280, 720, 30_000)]
        assert told[4:6] == told[7:9] == again
        assert session.content("1-1.init.mp4") == b"other init"
        # The other slot is not there yet.
        assert not (session.folder / "a0" / "1-1.init.mp4").exists()

    def test_closes_the_segment_before(self, session: Session) -> None:
        shelf = session.shelf(epoch=1)
        begin(shelf)
        shelf.add("v0", part())
        shelf.cut(SlotBegan("v0", "avc1.4d401f", 1280, 720, 30_000), b"other init", number=1)

        assert session.segments() == {"1-0.m4s"}

    def test_to_a_slate_is_told_with_each_segment_of_it(self, session: Session) -> None:
        shelf = session.shelf(epoch=1)
        begin(shelf)
        slate = SlotBegan("v0", "avc1.4d401f", 1280, 720, 30_000)
        shelf.cut(slate, b"other init", number=1, shows_slate=True)
        for at_s in (2, 4):
            add_segment(shelf, at_s=at_s)
        shelf.cut(slate, b"first init", number=2)
        add_segment(shelf, at_s=6)

        told = [record for record in session.records() if isinstance(record, SlateShown | SlotBegan | SegmentClosed)]
        assert [type(record) for record in told[1:]] == [
            *[SlotBegan, SlateShown, SegmentClosed] * 2,
            *[SlotBegan, SegmentClosed],
        ]

    def test_is_no_run_of_the_next_epoch(self, session: Session) -> None:
        shelf = session.shelf(epoch=1)
        begin(shelf)
        shelf.cut(SlotBegan("v0", "avc1.4d401f", 1280, 720, 30_000), b"other init", number=3)
        add_segment(shelf)
        shelf.close()
        begin(session.shelf(epoch=2))

        assert [record.number for record in session.records() if isinstance(record, RunBegan)] == [0, 3, 4]

    def test_is_one_of_slots_that_others_stand_in_for(self, session: Session) -> None:
        first = session.shelf(epoch=1)
        begin(first, "v0", "v1")
        first.close()
        shelf = session.shelf(epoch=2)
        begin(shelf, "v0")
        shelf.cut(SlotBegan("v0", "avc1.4d401f", 1280, 720, 30_000), b"other init", number=1)
        add_segment(shelf)

        assert session.content("2-2.init.mp4", "v1") == b"other init"
        began = [record.slot for record in session.records() if isinstance(record, SlotBegan)]
        assert began[-2:] == ["v0", "v1"]


class TestAdd:
    def test_tells_of_a_part_that_can_be_fetched(self, session: Session) -> None:
        shelf = session.shelf(epoch=1)
        begin(shelf)

        shelf.add("v0", part(b"first", key_size=3))

        assert session.records()[-1] == PartMade("v0", 0, 0, _BEGAN_MS, 300_000, 1, 5)
        assert session.content("1-0.0.m4s") == b"first"

    def test_numbers_parts_anew_in_each_segment(self, session: Session) -> None:
        shelf = session.shelf(epoch=1)
        begin(shelf)
        for _ in range(2):
            shelf.add("v0", part())
            shelf.add("v0", part())
            shelf.close_segment("v0")

        parts = [record for record in session.records() if isinstance(record, PartMade)]
        assert [(each.msn, each.part) for each in parts] == [(0, 0), (0, 1), (1, 0), (1, 1)]

    def test_gives_nobody_a_segment_that_grows(self, session: Session) -> None:
        shelf = session.shelf(epoch=1)
        begin(shelf)

        shelf.add("v0", part())

        assert session.files() == {"1-0.init.mp4", "1-0.0.m4s"}

    def test_keeps_what_is_too_long_for_a_part_to_its_segment(self, session: Session) -> None:
        shelf = session.shelf(epoch=1)
        begin(shelf)
        told = session.told

        shelf.add("v0", part(b"long", is_hidden=True))

        assert session.told == told
        shelf.close_segment("v0")
        assert session.content("1-0.m4s") == b"long"
        assert not [record for record in session.records() if isinstance(record, PartMade)]

    def test_fails_on_a_full_disk_and_the_torn_line_does_not_count(self, session: Session) -> None:
        shelf = session.shelf(epoch=1)
        begin(shelf)
        shelf.add("v0", part(b"first"))
        size = journal_path(session.folder, epoch=1).stat().st_size
        # The beginning of a line.
        with no_room(above=size + 10), pytest.raises(OSError, match="No space left"):
            shelf.add("v0", part(b"second"))
        shelf.close()

        following = session.shelf(epoch=2)
        begin(following)

        assert [(each.msn, each.size) for each in session.closed()] == [(0, len(b"first"))]
        assert session.content("2-0.m4s") == b"first"


class TestCloseSegment:
    def test_shows_all_of_it_in_one_step(self, session: Session) -> None:
        shelf = session.shelf(epoch=1)
        begin(shelf)
        shelf.add("v0", part(b"first", key_size=4))
        shelf.add("v0", part(b"second", at_s=0.3))

        shelf.close_segment("v0")

        assert session.closed() == [SegmentClosed("v0", 0, _BEGAN_MS, 600_000, 11, 4)]
        assert session.content("1-0.m4s") == b"firstsecond"
        assert ".1-0.m4s" not in session.files()

    def test_without_anything_to_close_does_nothing(self, session: Session) -> None:
        shelf = session.shelf(epoch=1)
        begin(shelf)
        before = session.records()

        shelf.close_segment("v0")
        shelf.close_segment("a0")

        assert session.records() == before

    def test_measures_what_it_has_made(self, session: Session) -> None:
        shelf = session.shelf(epoch=1)
        begin(shelf)

        add_segment(shelf)

        measured = shelf.bitrates["v0"]
        assert (measured.average, measured.key_frames_peak) == (8 * 8 // 2, 2 * 8 // 2)

    def test_removes_parts_that_are_in_no_playlist_any_more(self, session: Session) -> None:
        shelf = session.shelf(epoch=1)
        begin(shelf)
        for number in range(8):
            add_segment(shelf, at_s=number * 2)

        assert session.parts() == {f"1-{msn}.{number}.m4s" for msn in range(3, 8) for number in range(2)}
        assert {f"1-{msn}.m4s" for msn in range(8)} <= session.files()


class TestWindow:
    def test_drops_what_has_left_it_and_says_so_first(self, tmp_path: Path) -> None:
        session = Session(tmp_path, dvr_window_s=60)
        shelf = _Watching(session).shelf()
        begin(shelf)
        for number in range(60):
            add_segment(shelf, at_s=number * 2)

        # As long as it is, and some more for who reads an older playlist: 90 s behind the newest.
        assert session.segments() == {f"1-{msn}.m4s" for msn in range(59 - 45, 60)}
        assert [record for record in session.records() if isinstance(record, Dropped)][-1] == Dropped("v0", 59 - 45)

    def test_keeps_some_segments_without_any(self, tmp_path: Path) -> None:
        session = Session(tmp_path, dvr_window_s=0)
        shelf = session.shelf(epoch=1)
        begin(shelf)
        for _ in range(12):
            shelf.add("v0", Made(_BEGAN_MS, 8_000_000, is_independent=True, is_hidden=False, key_size=2, content=b"p"))
            shelf.close_segment("v0")

        assert session.segments() == {f"1-{msn}.m4s" for msn in range(4, 12)}

    @pytest.mark.parametrize("set_by_s", [-86_400, 86_400])
    def test_goes_by_the_medias_time_when_the_machines_clock_is_set(self, tmp_path: Path, set_by_s: int) -> None:
        session = Session(tmp_path, dvr_window_s=60)
        _add_segments(session, range(40), epoch=1)

        _add_segments(session, range(40, 60), epoch=2, set_by_s=set_by_s)

        assert session.segments() == {f"{1 if msn < 40 else 2}-{msn}.m4s" for msn in range(59 - 45, 60)}

    def test_is_that_of_the_beginning_for_as_long_as_the_session_lasts(self, tmp_path: Path) -> None:
        """Operators may choose another one meanwhile; the next session has it."""
        session = Session(tmp_path, dvr_window_s=60)
        session.shelf(epoch=1).close()
        session.dvr_window_s = 0

        following = session.shelf(epoch=2)
        begin(following)
        for number in range(60):
            add_segment(following, at_s=number * 2)

        assert len(session.segments()) == 46
        opened = [record for record in session.records() if isinstance(record, Opened)]
        assert [record.dvr_window_s for record in opened] == [60, 60]

    def test_costs_little_memory_for_each_segment_that_is_kept(self, tmp_path: Path) -> None:
        session = Session(tmp_path, dvr_window_s=43_200)
        shelf = session.shelf(epoch=1)
        begin(shelf)
        tracemalloc.start()
        sizes = []
        for count in (20, 100):
            for _ in range(count):
                for _ in range(10):
                    shelf.add("v0", part())
                shelf.close_segment("v0")
            sizes.append(_memory_of("*/streams/media/*"))
        tracemalloc.stop()

        # Names of parts that are gone would take several times that.
        assert sizes[1] - sizes[0] < 100 * 400

    def test_goes_on_in_another_epoch(self, tmp_path: Path) -> None:
        session = Session(tmp_path, dvr_window_s=0)
        _add_segments(session, range(20), epoch=1)

        _add_segments(session, range(20, 60), epoch=2)

        # 30 s behind the newest.
        assert session.segments() == {f"2-{msn}.m4s" for msn in range(44, 60)}
        assert not [name for name in session.parts() if name.startswith("1-")]


class _Watching:
    """Looks, whenever something is told, whether all is there that was told of: files go after that."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._reader = Reader(session.folder)
        self._present: dict[int, str] = {}

    def shelf(self) -> Shelf:
        session = self._session
        return Shelf(
            session.folder, epoch=1, part_target_s=0.3, target_s=4, dvr_window_s=session.dvr_window_s, told=self._look
        )

    def _look(self) -> None:
        for entry in self._reader.read()[1]:
            if isinstance(entry.record, SegmentClosed):
                self._present[entry.record.msn] = f"1-{entry.record.msn}.m4s"
            elif isinstance(entry.record, Dropped):
                for msn in [msn for msn in self._present if msn < entry.record.first_msn]:
                    # Still there when players are told that it goes.
                    assert self._present.pop(msn) in self._session.files()
        assert set(self._present.values()) <= self._session.files()


class TestNextEpoch:
    def test_closes_what_another_left_in_a_file_of_its_own(self, session: Session) -> None:
        killed = session.shelf(epoch=1)
        begin(killed)
        add_segment(killed)
        killed.add("v0", part(b"left", at_s=2, key_size=2))
        killed.add("v0", part(b"over", at_s=2.3))

        session.shelf(epoch=2)

        assert session.closed()[-1] == SegmentClosed("v0", 1, _BEGAN_MS + 2000, 600_000, 8, 0)
        assert session.content("2-1.m4s") == b"leftover"

    @pytest.mark.parametrize("slot", ["v0", "a0"])
    @pytest.mark.parametrize("is_sync", [True, False])
    def test_says_how_much_of_that_shows_its_first_picture(self, session: Session, slot: str, is_sync: bool) -> None:
        samples = [Sample(3000, 7, is_sync=is_sync, composition=0), Sample(3000, 4, is_sync=False, composition=0)]
        head = render_fragment(1, 0, samples)
        killed = session.shelf(epoch=1)
        begin(killed, slot)
        for number in range(2):
            killed.add(slot, part(head + bytes(11), at_s=number * 0.3, key_size=len(head) + 7))

        following = session.shelf(epoch=2)

        key_size = len(head) + 7 if is_sync and slot == "v0" else 0
        assert [closed.key_size for closed in session.closed(slot)] == [key_size]
        assert following.bitrates[slot].key_frames_peak == key_size * 8_000_000 // 600_000

    def test_closes_what_grew_without_parts(self, session: Session) -> None:
        killed = session.shelf(epoch=1, part_target_s=0)
        begin(killed)
        for number in range(3):
            killed.add("v0", part(b"chunk", at_s=number * 0.3, is_hidden=True, key_size=0 if number else 2))
        told = session.told

        following = session.shelf(epoch=2, part_target_s=0)
        begin(following)
        # It wakes.
        killed.add("v0", part(b"chunk", at_s=0.9, is_hidden=True))
        following.add("v0", part(b"next", at_s=5, is_hidden=True))
        following.close_segment("v0")

        assert [(each.msn, each.duration_us, each.key_size) for each in session.closed()] == [
            (0, 900_000, 2),
            (1, 300_000, 0),
        ]
        assert session.content("2-0.m4s") == b"chunk" * 3
        assert told < session.told

    @pytest.mark.parametrize("left", [b"", b"chun", None])
    def test_makes_anew_what_is_not_there_as_a_whole(self, session: Session, left: bytes | None) -> None:
        killed = session.shelf(epoch=1, part_target_s=0)
        begin(killed)
        killed.add("v0", part(b"chunk", is_hidden=True))
        growing = session.folder / "v0" / ".1-0.m4s"
        growing.unlink() if left is None else growing.write_bytes(left)

        following = session.shelf(epoch=2, part_target_s=0)
        begin(following)
        following.add("v0", part(b"again", at_s=5, is_hidden=True))
        session.shelf(epoch=3, part_target_s=0)

        assert session.closed() == [SegmentClosed("v0", 0, _BEGAN_MS + 5000, 300_000, 5, 0)]
        assert session.content("3-0.m4s") == b"again"

    @pytest.mark.parametrize("loss", ["gone", "empty"])
    def test_leaves_out_what_another_told_of_and_is_lost(self, session: Session, loss: str) -> None:
        """When the machine lost its power, or somebody made room on its disk."""
        killed = session.shelf(epoch=1)
        begin(killed)
        add_segment(killed)
        for number in range(2):
            killed.add("v0", part(at_s=2 + number * 0.3))
        lost = session.folder / "v0" / "1-1.1.m4s"
        lost.unlink() if loss == "gone" else lost.write_bytes(b"")

        second = session.shelf(epoch=2)
        begin(second)
        second.add("v0", part(at_s=4))
        third = session.shelf(epoch=3)
        begin(third)
        add_segment(third, at_s=6)

        assert [record.msn for record in session.closed()] == [0, 2, 3]
        assert session.content("3-2.m4s") == b"part"
        timeline = SessionTimeline()
        timeline.feed(Reader(session.folder).read()[1])
        listed = timeline.listed(timeline.slots["v0"])
        assert [(segment.name, segment.is_gap) for segment in listed] == [
            ("1-0.m4s", False),
            ("1-1.m4s", True),
            ("3-2.m4s", False),
            ("3-3.m4s", False),
        ]

    def test_goes_on_with_the_clock_of_the_first_run(self, session: Session) -> None:
        behind_ms = [
            begin(session.shelf(epoch=epoch), zero_ms=_BEGAN_MS + later_ms)
            for epoch, later_ms in ((1, 0), (2, 7_000), (3, 60_000), (4, -5_000))
        ]

        # Set back further than to the beginning: there is nothing before it.
        assert behind_ms == [0, 7_000, 60_000, 0]
        assert {each.zero_ms for each in session.records() if isinstance(each, RunBegan)} == {_BEGAN_MS}

    def test_goes_on_with_the_numbers_and_another_run(self, session: Session) -> None:
        killed = session.shelf(epoch=1)
        begin(killed)
        add_segment(killed)
        killed.add("v0", part(at_s=2))
        following = session.shelf(epoch=2)

        begin(following)
        add_segment(following, at_s=10)

        assert [record.number for record in session.records() if isinstance(record, RunBegan)] == [0, 1]
        assert [record.msn for record in session.closed()] == [0, 1, 2]
        assert {"1-0.init.mp4", "2-1.init.mp4", "2-2.m4s"} <= session.files()

    def test_is_not_harmed_by_a_writer_that_wakes(self, session: Session) -> None:
        stale = session.shelf(epoch=1)
        begin(stale)
        add_segment(stale)
        stale.add("v0", part(b"before", at_s=2))
        following = session.shelf(epoch=2)
        begin(following)
        content = session.content("2-1.m4s")

        stale.add("v0", part(b"too late", at_s=2.3))
        stale.close_segment("v0")
        add_segment(stale, at_s=4)
        add_segment(following, at_s=10)

        assert [(record.msn, record.at_ms) for record in session.closed()] == [
            (0, _BEGAN_MS),
            (1, _BEGAN_MS + 2000),
            (2, _BEGAN_MS + 10_000),
        ]
        assert session.content("2-1.m4s") == content == b"before"
        assert session.content("2-2.m4s") == b"partpart"

    def test_keeps_what_players_were_promised(self, session: Session) -> None:
        session.shelf(epoch=1, part_target_s=0.3)

        shelf = session.shelf(epoch=2, part_target_s=0.51)

        opened = [record for record in session.records() if isinstance(record, Opened)]
        assert [record.part_target_us for record in opened] == [300_000, 300_000]
        assert shelf.part_target_s == 0.3
        assert (opened[1].after_epoch, opened[1].after_offset) == (
            1,
            journal_path(session.folder, epoch=1).stat().st_size,
        )

    def test_has_a_journal_that_nobody_else_has(self, session: Session) -> None:
        session.shelf(epoch=1)

        with pytest.raises(FileExistsError):
            session.shelf(epoch=1)


def test_a_full_disk_leaves_no_file_open(session: Session) -> None:
    first = session.shelf(epoch=1)
    begin(first)
    first.add("v0", part(bytes(4000)))
    first.add("v0", part(bytes(4000)))
    before = psutil.Process().num_fds()

    with no_room(above=6000), pytest.raises(OSError, match="File too large"):
        session.shelf(epoch=2)

    assert psutil.Process().num_fds() == before


class TestEnd:
    def test_keeps_the_parts_that_players_were_told_of(self, session: Session) -> None:
        shelf = session.shelf(epoch=1)
        begin(shelf, "v0", "a0")
        for slot in ("v0", "a0"):
            add_segment(shelf, slot=slot)
        for number in range(2):
            shelf.add("v0", part(f"part {number} ".encode(), at_s=2 + number * 0.3))

        assert end_session(session.folder)
        assert not end_session(session.folder)

        timeline = SessionTimeline()
        timeline.feed(Reader(session.folder).read()[1])
        listed = timeline.listed(timeline.slots["v0"])
        assert timeline.is_ended
        assert [segment.duration_us for segment in listed] == [2_000_000, 600_000]
        assert session.content(f"{listed[-1].name}") == b"part 0 part 1 "
        # As all of a session, which has no discontinuity there.
        assert {segment.run for segment in listed} == {timeline.slots["a0"].run}

    def test_is_the_end_for_one_who_has_not_heard_of_it(self, session: Session) -> None:
        shelf = session.shelf(epoch=1)
        begin(shelf)
        shelf.add("v0", part(at_s=0))

        end_session(session.folder)
        before = session.records()
        shelf.add("v0", part(at_s=0.3))
        shelf.close_segment("v0")

        assert session.records() == before
        assert not end_session(session.folder)

    def test_needs_no_epoch_of_its_own_where_all_is_closed(self, session: Session) -> None:
        shelf = session.shelf(epoch=1)
        begin(shelf)
        add_segment(shelf)

        assert end_session(session.folder)

        assert epochs(session.folder) == [1]
        assert session.records()[-1] == Ended()

    def test_comes_although_there_is_no_room_for_what_is_open(self, session: Session) -> None:
        shelf = session.shelf(epoch=1)
        begin(shelf)
        shelf.add("v0", part(bytes(4000)))
        shelf.add("v0", part(bytes(4000)))

        with no_room(above=6000):
            assert end_session(session.folder)

        assert session.records()[-1] == Ended()

    def test_of_nothing_is_no_news(self, session: Session) -> None:
        assert not end_session(session.folder)


class TestBeginRun:
    def test_tells_of_all_slots_at_once(self, session: Session) -> None:
        shelf = session.shelf(epoch=1)
        told = session.told

        begin(shelf, "v0", "v1", "a0")

        assert session.told == told + 1
        assert [session.content("1-0.init.mp4", slot) for slot in ("v0", "v1", "a0")] == [
            f"init of {slot}".encode() for slot in ("v0", "v1", "a0")
        ]

    def test_shows_the_smallest_picture_where_there_are_fewer(self, session: Session) -> None:
        first = session.shelf(epoch=1)
        begin(first, "v0", "v1", "v2", "a0")
        for slot in ("v0", "v1", "v2", "a0"):
            add_segment(first, slot=slot)
        first.close()
        second = session.shelf(epoch=2)

        begin(second, "v0", "v1", "a0")
        for slot in ("v0", "v1", "a0"):
            second.add(slot, part(slot.encode() * 2, at_s=2))
            second.close_segment(slot)

        contents = {slot: session.content("2-1.m4s", slot) for slot in ("v0", "v1", "v2", "a0")}
        assert contents == {"v0": b"v0v0", "v1": b"v1v1", "v2": b"v1v1", "a0": b"a0a0"}
        assert session.content("2-1.init.mp4", "v2") == b"init of v1"
        assert len(session.closed("v2")) == 2

    def test_shows_the_next_smaller_picture_where_one_in_between_is_missing(self, session: Session) -> None:
        first = session.shelf(epoch=1)
        begin(first, "v0", "v1", "v2", "v3")
        first.close()
        second = session.shelf(epoch=2)

        begin(second, "v0", "v2", "v3")
        for slot in ("v0", "v2", "v3"):
            second.add(slot, part(slot.encode() * 2))
            second.close_segment(slot)

        assert session.content("2-0.m4s", "v1") == b"v2v2"

    def test_begins_further_slots_where_there_are_more(self, session: Session) -> None:
        first = session.shelf(epoch=1)
        begin(first, "v0", "a0")
        add_segment(first, slot="v0")
        add_segment(first, slot="a0")
        first.close()
        second = session.shelf(epoch=2)

        begin(second, "v0", "v1", "a0")
        add_segment(second, at_s=2, slot="v1")

        assert [record.msn for record in session.closed("v1")] == [0]
        assert session.files("v1") >= {"2-1.init.mp4", "2-0.m4s"}
        began = [record.slot for record in session.records() if isinstance(record, SlotBegan)]
        assert began == ["v0", "a0", "v0", "v1", "a0"]


def test_a_journal_reads_as_it_was_told(session: Session) -> None:
    """Each step is one more line, and what was read before stays."""
    shelf = session.shelf(epoch=1)
    seen = [session.records()]
    begin(shelf, "v0", "a0")
    seen.append(session.records())
    for slot in ("v0", "a0"):
        add_segment(shelf, slot=slot)
        seen.append(session.records())

    for before, after in pairwise(seen):
        assert after[: len(before)] == before
        assert len(after) > len(before)
