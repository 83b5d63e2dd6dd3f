"""A session's journal."""

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
    RunBegan,
    SegmentClosed,
    SlotBegan,
    Writer,
    journal_path,
    parse_line,
    write_end,
)
from tests.media.journals import last_record, no_room

FIRST = Opened(epoch=1, part_target_us=300_000, target_s=4, dvr_window_s=3600, after_epoch=0, after_offset=0)
RECORDS = (
    RunBegan(0, 0),
    SlotBegan("v0", "avc1.64001f", 1280, 720, 30_000),
    PartMade("v0", 0, 0, 1_763_800_000_123, 266_667, 1, 12_345),
    SegmentClosed("v0", 0, 1_763_800_000_123, 2_000_000, 99_999, 4_321),
    Dropped("v0", 1),
    Ended(),
)


def test_reads_what_was_written(tmp_path: Path) -> None:
    Writer(tmp_path, FIRST).write(*RECORDS)

    assert Reader(tmp_path).read() == (False, [Entry(1, record) for record in (FIRST, *RECORDS)])


def test_goes_on_where_it_stopped(tmp_path: Path) -> None:
    writer, reader = Writer(tmp_path, FIRST), Reader(tmp_path)
    reader.read()

    writer.write(RECORDS[0])

    assert reader.read() == (False, [Entry(1, RECORDS[0])])
    assert reader.read() == (False, [])


def test_reads_no_line_before_its_end(tmp_path: Path) -> None:
    Writer(tmp_path, FIRST)
    reader = Reader(tmp_path)
    reader.read()

    with journal_path(tmp_path, epoch=1).open("a") as journal:
        journal.write("R 7")
    assert reader.read() == (False, [])

    write_end(tmp_path)
    assert reader.read() == (False, [Entry(1, Ended())])


def test_goes_on_with_the_next_epoch(tmp_path: Path) -> None:
    Writer(tmp_path, FIRST).write(RECORDS[0])
    reader = Reader(tmp_path)
    reader.read()
    second = Opened(2, 300_000, 4, 3600, *reader.position)

    Writer(tmp_path, second).write(RunBegan(1, 0))

    assert reader.read() == (False, [Entry(2, second), Entry(2, RunBegan(1, 0))])


def test_takes_back_what_a_stale_writer_added(tmp_path: Path) -> None:
    stale, successor, reader = Writer(tmp_path, FIRST), Reader(tmp_path), Reader(tmp_path)
    successor.read()
    stale.write(RunBegan(0, 0))
    reader.read()
    second = Opened(2, 300_000, 4, 3600, *successor.position)

    Writer(tmp_path, second)

    counted = [Entry(1, FIRST), Entry(2, second)]
    assert reader.read() == (True, counted)
    assert Reader(tmp_path).read() == (True, counted)
    assert reader.read() == (False, [])


def test_passes_over_what_never_began(tmp_path: Path) -> None:
    """As it is left by whoever is killed at its very beginning, or by a machine that lost its power."""
    Writer(tmp_path, FIRST)
    reader = Reader(tmp_path)
    reader.read()
    for epoch, beginning in ((2, ""), (3, "O 3 300000 4 36"), (4, "O 4 300000 4 3600 1 7 ;")):
        journal_path(tmp_path, epoch=epoch).write_text(beginning)
    fifth = Opened(5, 300_000, 4, 3600, *reader.position)

    Writer(tmp_path, fifth)

    assert reader.read() == (False, [Entry(5, fifth)])
    assert Reader(tmp_path).read() == (False, [Entry(1, FIRST), Entry(5, fifth)])


def test_ends_what_counts_and_not_what_never_began(tmp_path: Path) -> None:
    Writer(tmp_path, FIRST)
    journal_path(tmp_path, epoch=2).touch()

    assert write_end(tmp_path)

    assert last_record(tmp_path) == Ended()


def test_leaves_nothing_behind_where_there_is_no_room(tmp_path: Path) -> None:
    open_before = len(list(Path("/proc/self/fd").iterdir()))

    with no_room(above=10), pytest.raises(OSError, match="No space left"):
        Writer(tmp_path, FIRST)

    assert not list(tmp_path.iterdir())
    assert len(list(Path("/proc/self/fd").iterdir())) == open_before


def test_reads_up_to_the_newest_at_once_although_a_stale_writer_added_something(tmp_path: Path) -> None:
    stale, successor = Writer(tmp_path, FIRST), Reader(tmp_path)
    successor.read()
    second = Opened(2, 300_000, 4, 3600, *successor.position)
    Writer(tmp_path, second).write(RunBegan(0, 0))
    successor.read()
    third = Opened(3, 300_000, 4, 3600, *successor.position)
    Writer(tmp_path, third)

    stale.write(RunBegan(7, 0))

    assert Reader(tmp_path).read() == (
        True,
        [Entry(1, FIRST), Entry(2, second), Entry(2, RunBegan(0, 0)), Entry(3, third)],
    )


def test_has_one_writer_for_each_epoch(tmp_path: Path) -> None:
    Writer(tmp_path, FIRST)

    with pytest.raises(FileExistsError):
        Writer(tmp_path, FIRST)


@pytest.mark.parametrize("line", ["X 1 ;", "R ;", "R 1 2 3 ;", "R one ;"])
def test_refuses_what_is_no_journal(line: str) -> None:
    with pytest.raises(JournalError):
        parse_line(line)


def test_refuses_what_begins_with_something_else(tmp_path: Path) -> None:
    journal_path(tmp_path, epoch=1).write_text("R 0 0 ;\nO 1 300000 4 3600 0 0 ;\n")

    with pytest.raises(JournalError):
        Reader(tmp_path).read()


def test_refuses_what_a_disk_has_spoiled(tmp_path: Path) -> None:
    Writer(tmp_path, FIRST)
    with journal_path(tmp_path, epoch=1).open("ab") as journal:
        journal.write(b"R \xff\xfe ;\n")

    with pytest.raises(JournalError):
        Reader(tmp_path).read()


def test_refuses_to_go_on_where_less_is_left_than_was_read(tmp_path: Path) -> None:
    Writer(tmp_path, FIRST).write(*RECORDS)
    reader, path = Reader(tmp_path), journal_path(tmp_path, epoch=1)
    reader.read()
    path.write_bytes(path.read_bytes()[:-10])

    with pytest.raises(JournalError, match="less is there"):
        reader.read()


def test_has_no_end_where_nothing_began(tmp_path: Path) -> None:
    assert not write_end(tmp_path)
