import time
from dataclasses import replace
from pathlib import Path

import pytest

from streams.media.journal import (
    Dropped,
    Ended,
    Entry,
    JournalError,
    Opened,
    PartMade,
    Reader,
    Record,
    RunBegan,
    SegmentClosed,
    SegmentGrown,
    SlotBegan,
    Writer,
    journal_path,
)
from streams.media.media_playlist import Form, render_media
from streams.media.timeline import SessionTimeline
from tests.media.histories import History

OPENED = Opened(1, 300_000, 4, 3600, 0, 0)
BEGAN: list[Record] = [OPENED, RunBegan(0, 0), SlotBegan("v0", "avc1.64001f", 1280, 720, 30_000)]


def part(msn: int, number: int) -> PartMade:
    return PartMade("v0", msn, number, 1_790_000_000_000 + msn * 600 + number * 300, 300_000, int(number == 0), 1000)


def closed(msn: int) -> SegmentClosed:
    return SegmentClosed("v0", msn, 1_790_000_000_000 + msn * 600, 600_000, 2000, 500)


def fed(*records: Record, epoch: int = 1) -> SessionTimeline:
    timeline = SessionTimeline()
    timeline.feed([Entry(1, record) for record in BEGAN])
    timeline.feed([Entry(epoch, record) for record in records])
    return timeline


class TestHas:
    """What a playlist may be answered with. Source: RFC 8216bis 6.2.5.2."""

    timeline = fed(part(0, 0), part(0, 1), closed(0), part(1, 0), part(1, 1), closed(1), part(2, 0))

    @pytest.mark.parametrize(
        ("msn", "number", "is_there"),
        [
            (0, None, True),
            (1, None, True),
            (2, None, False),
            (2, 0, True),
            (2, 1, False),
            (3, 0, False),
            (1, 1, True),
            # Behind a segment's last part comes the next one's first, which is there.
            (1, 2, True),
            (1, 99, True),
            (0, 99, True),
        ],
    )
    def test_tells_what_is_there(self, msn: int, number: int | None, is_there: bool) -> None:
        assert self.timeline.slots["v0"].has(msn=msn, part=number) is is_there

    def test_is_of_what_is_there_before_anything_is_closed(self) -> None:
        # A reader that comes late, to whom nothing older matters.
        slot = fed(part(3, 0)).slots["v0"]

        assert not slot.is_empty
        assert slot.has(msn=2, part=0)
        assert slot.has(msn=3, part=0)
        assert not slot.has(msn=3, part=1)
        assert not slot.has(msn=3, part=None)

    def test_is_any_part_of_a_segment_that_is_told_of_as_a_whole(self) -> None:
        assert fed(closed(0)).slots["v0"].has(msn=0, part=7)

    def test_waits_for_the_next_first_part_where_a_segment_has_no_more(self) -> None:
        slot = fed(part(0, 0), part(0, 1), closed(0)).slots["v0"]

        assert slot.has(msn=0, part=1)
        assert not slot.has(msn=0, part=2)
        assert not slot.has(msn=1, part=0)


class TestPart:
    def test_is_found_for_as_long_as_it_is_listed_and_a_moment_more(self) -> None:
        slot = fed(
            *(record for msn in range(6) for record in (part(msn, 0), part(msn, 1), closed(msn))), part(6, 0)
        ).slots["v0"]

        found = {name for msn in range(8) for number in range(3) if slot.part(name := f"1-{msn}.{number}.m4s")}

        assert found == {f"1-{msn}.{number}.m4s" for msn in range(2, 6) for number in range(2)} | {"1-6.0.m4s"}


class TestFeed:
    def test_makes_anew_what_another_epoch_begins_from_its_beginning(self) -> None:
        timeline = fed(part(0, 0), part(0, 1))

        timeline.feed([Entry(2, part(0, 0))])

        slot = timeline.slots["v0"]
        assert slot.opening is not None
        assert [made.name for made in slot.opening.parts] == ["2-0.0.m4s"]
        assert slot.segments == []

    def test_passes_over_what_it_has_not_read_the_beginning_of(self) -> None:
        timeline = fed(part(5, 3), part(5, 4))
        assert timeline.slots["v0"].is_empty

        timeline.feed([Entry(1, closed(5)), Entry(1, part(6, 0))])

        slot = timeline.slots["v0"]
        assert [(segment.msn, segment.parts) for segment in slot.segments] == [(5, ())]
        assert slot.next_part == (6, 1)

    def test_lists_nothing_before_a_hole_in_the_numbers(self) -> None:
        slot = fed(closed(0), closed(1), closed(4)).slots["v0"]

        assert [segment.msn for segment in slot.segments] == [4]
        assert slot.next_msn == 5

    def test_forgets_what_is_dropped(self) -> None:
        timeline = fed(*(closed(msn) for msn in range(5)))
        for first_msn, left in ((2, [2, 3, 4]), (1, [2, 3, 4]), (9, [])):
            timeline.feed([Entry(1, Dropped("v0", first_msn))])
            assert [segment.msn for segment in timeline.slots["v0"].segments] == left

        timeline.feed([Entry(1, Dropped("v0", 10)), Entry(1, closed(5))])
        assert [segment.msn for segment in timeline.slots["v0"].segments] == [5]

    def test_keeps_what_was_promised_first_in_each_epoch(self) -> None:
        timeline = fed(*(closed(msn) for msn in range(100)))

        timeline.feed([Entry(2, Opened(2, 200_000, 6, 7200, 1, 1))])

        assert (timeline.part_target_us, timeline.target_s, timeline.dvr_window_s) == (300_000, 4, 7200)
        assert len(timeline.slots["v0"].segments) == 100

    def test_never_goes_back_to_what_a_longer_window_would_list_again(self) -> None:
        timeline = SessionTimeline()
        timeline.feed([Entry(1, record) for record in (Opened(1, 300_000, 4, 30, 0, 0), *BEGAN[1:])])
        timeline.feed([Entry(1, closed(msn)) for msn in range(100)])
        before = [segment.msn for segment in timeline.listed(timeline.slots["v0"])]

        timeline.feed([Entry(2, Opened(2, 300_000, 4, 3600, 1, 1))])

        assert [segment.msn for segment in timeline.listed(timeline.slots["v0"])] == before == [*range(50, 100)]

    def test_counts_nothing_behind_the_end(self) -> None:
        timeline = fed(closed(0), Ended(), closed(1), part(2, 0))

        assert [segment.msn for segment in timeline.slots["v0"].segments] == [0]
        assert timeline.is_ended
        assert not timeline.has_parts

    def test_minds_nothing_that_is_for_packagers(self) -> None:
        timeline = fed(part(0, 0), SegmentGrown("v0", 0, 1_790_000_000_000, 300_000, 1000, 500))

        assert timeline.slots["v0"].next_part == (0, 1)

    def test_says_where_each_segment_begins(self) -> None:
        timeline = fed(closed(0), closed(1), part(2, 0), part(2, 1))
        timeline.feed([Entry(2, RunBegan(1, 0)), Entry(2, part(3, 0))])

        starts = [(segment.start_us, segment.duration_us) for segment in timeline.slots["v0"].segments]
        assert starts == [(0, 600_000), (600_000, 600_000), (1_200_000, 600_000)]

    def test_hints_at_the_next_segment_only_once_one_is_closed(self) -> None:
        assert fed(part(0, 0), part(0, 1)).slots["v0"].next_part == (0, 2)
        assert fed(part(0, 0), part(0, 1), closed(0)).slots["v0"].next_part == (1, 0)

    def test_marks_what_nobody_lived_to_close(self) -> None:
        timeline = fed(part(0, 0), closed(0), part(1, 0))
        timeline.feed(
            [Entry(2, RunBegan(1, 0)), Entry(2, SlotBegan("v0", "avc1", 1280, 720, 30_000)), Entry(2, part(2, 0))]
        )

        abandoned = timeline.slots["v0"].segments[-1]
        assert (abandoned.msn, abandoned.is_gap, abandoned.run.number) == (1, True, 0)
        assert timeline.slots["v0"].next_part == (2, 1)

    def test_lets_another_close_what_somebody_began(self) -> None:
        timeline = fed(part(0, 0), part(0, 1), closed(0), part(1, 0), part(1, 1))

        timeline.feed([Entry(2, closed(1))])

        segment = timeline.slots["v0"].segments[-1]
        assert (segment.name, segment.run.number) == ("2-1.m4s", 0)
        assert [made.name for made in segment.parts] == ["1-1.0.m4s", "1-1.1.m4s"]

    def test_marks_what_was_not_closed_before_the_next_one_was(self) -> None:
        slot = fed(part(0, 0), closed(1)).slots["v0"]

        assert [(segment.msn, segment.is_gap, segment.parts) for segment in slot.segments] == [
            *((0, True, ()), (1, False, ()))
        ]
        assert slot.opening is None

    def test_marks_what_was_not_closed_before_the_next_one_began(self) -> None:
        slot = fed(part(0, 0), part(0, 1), part(1, 0)).slots["v0"]

        assert [(segment.msn, segment.is_gap, segment.duration_us) for segment in slot.segments] == [(0, True, 600_000)]
        assert slot.next_part == (1, 1)

    def test_lets_slots_get_to_a_splice_one_after_the_other(self) -> None:
        sound = SlotBegan("a0", "mp4a.40.2", 0, 0, 0)
        timeline = fed(sound, part(0, 0), RunBegan(1, 0), BEGAN[-1], closed(0), part(1, 0))
        late = PartMade("a0", 0, 0, 1_790_000_000_000, 300_000, 1, 100)
        ends = SegmentClosed("a0", 0, 1_790_000_000_000, 300_000, 100, 0)
        timeline.feed([Entry(1, record) for record in (late, ends, RunBegan(1, 0), sound, replace(late, msn=1))])

        for slot in ("v0", "a0"):
            found = timeline.slots[slot]
            assert found.opening is not None
            assert ([segment.run.number for segment in found.segments], found.opening.run.number) == ([0], 1)
            assert timeline.is_current(found)

    def test_takes_a_segment_for_what_it_began_as(self) -> None:
        slot = fed(part(0, 0), RunBegan(1, 0), BEGAN[-1], closed(0), closed(1)).slots["v0"]

        assert [segment.run.number for segment in slot.segments] == [0, 1]

    def test_lists_no_parts_of_a_segment_that_has_more_in_it(self) -> None:
        timeline = fed(part(0, 0), closed(0))

        assert timeline.slots["v0"].segments[-1].parts == ()

    def test_refuses_numbers_that_go_back(self) -> None:
        with pytest.raises(JournalError, match="cannot come after"):
            fed(closed(0), closed(1), closed(1))

    def test_refuses_slots_that_have_not_begun(self) -> None:
        timeline = SessionTimeline()
        with pytest.raises(JournalError, match="v0 has not begun"):
            timeline.feed([Entry(1, closed(0))])

    def test_keeps_the_parts_of_the_last_segments_only(self) -> None:
        timeline = fed(*(record for msn in range(20) for record in (part(msn, 0), part(msn, 1), closed(msn))))

        assert sum(len(segment.parts) for segment in timeline.slots["v0"].segments) <= 8


class TestLoading:
    def test_is_the_same_with_old_parts_left_out(self, tmp_path: Path) -> None:
        _write(tmp_path, seed=4, steps=6000)
        whole, fast = SessionTimeline(), SessionTimeline()

        whole.feed(Reader(tmp_path).read()[1])
        entries = Reader(tmp_path, leaves_old_parts_out=True).read()[1]
        fast.feed(entries)

        assert sum(isinstance(entry.record, PartMade) for entry in entries) < 15_000
        for name in whole.slots:
            assert render_media(fast, fast.slots[name], Form()) == render_media(whole, whole.slots[name], Form())

    def test_of_twelve_hours_takes_a_moment(self, tmp_path: Path) -> None:
        _write_long(tmp_path, segments=21_600)
        started = time.monotonic()

        timeline = SessionTimeline()
        timeline.feed(Reader(tmp_path, leaves_old_parts_out=True).read()[1])

        assert len(timeline.slots["v3"].segments) == 21_600
        # It takes about a second on an idle core; that is enough to see one that parses every part.
        assert time.monotonic() - started < 10


def _write(folder: Path, *, seed: int, steps: int) -> None:
    writer: Writer | None = None
    for entries in History(seed, dvr_window_s=3600, changes_epochs=False).steps(steps, ends=False):
        records = [entry.record for entry in entries]
        if writer is None:
            opened = records.pop(0)
            assert isinstance(opened, Opened)
            writer = Writer(folder, opened)
        writer.write(*records)


def _write_long(folder: Path, *, segments: int) -> None:
    writer = Writer(folder, OPENED)
    slots = [f"v{number}" for number in range(4)]
    writer.write(RunBegan(0, 0), *(SlotBegan(slot, "avc1.64001f", 1280, 720, 30_000) for slot in slots))
    head = "\n".join(f"P {{slot}} {{msn}} {number} {{at_ms}} 285714 {int(number == 0)} 107000 ;" for number in range(7))
    lines = f"{head}\nS {{slot}} {{msn}} {{at_ms}} 2000000 750000 60000 ;\n"
    with journal_path(folder, epoch=1).open("a") as journal:
        for msn in range(segments):
            at_ms = 1_790_000_000_000 + msn * 2000
            journal.writelines(lines.format(slot=slot, msn=msn, at_ms=at_ms) for slot in slots)
