import time
from pathlib import Path

import pytest

from streams.media.journal import (
    Entry,
    JournalError,
    Opened,
    PartMade,
    Reader,
    Record,
    RunBegan,
    SegmentClosed,
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

    def test_waits_for_the_next_first_part_where_a_segment_has_no_more(self) -> None:
        slot = fed(part(0, 0), part(0, 1), closed(0)).slots["v0"]

        assert slot.has(msn=0, part=1)
        assert not slot.has(msn=0, part=2)
        assert not slot.has(msn=1, part=0)


class TestFeed:
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
