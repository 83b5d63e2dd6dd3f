"""Which closed segments a journal tells of, with what each begins."""

import pytest

from streams.media.journal import (
    Ended,
    Entry,
    JournalError,
    PartMade,
    Record,
    RunBegan,
    SegmentClosed,
    SegmentGrown,
    SlateShown,
    SlotBegan,
)
from streams.media.recording.closed import ClosedSegment, ClosedSegments


def _began(slot: str) -> SlotBegan:
    return SlotBegan(slot, "avc1.64001f", 1280, 720, 30_000)


def _closed(msn: int, *, slot: str = "v0") -> SegmentClosed:
    return SegmentClosed(slot, msn, 5_000 + msn, 2_000_000, 700, 80)


def _fed(*records: Record, epoch: int = 3) -> list[ClosedSegment]:
    return list(ClosedSegments().feed([Entry(epoch, record) for record in records]))


def test_names_its_files() -> None:
    (found,) = _fed(RunBegan(4, 0), _began("v0"), _closed(9))

    assert found == ClosedSegment("v0", 9, "3-9.m4s", "3-4.init.mp4", 4, 3, 5_009, 2_000_000, 700, False, True)


def test_tells_slates_from_pictures_in_each_slot() -> None:
    found = _fed(
        *(RunBegan(0, 0), _began("v0"), SlateShown("v0"), _began("a0"), SlateShown("a0")),
        *(_closed(0), _closed(0, slot="a0")),
        *(RunBegan(1, 0), _began("v0"), _closed(1)),
        # The sound gets there later.
        *(_closed(1, slot="a0"), RunBegan(1, 0), _began("a0"), _closed(2, slot="a0")),
    )

    assert [(each.slot, each.msn, each.run, each.shows_slate) for each in found] == [
        ("v0", 0, 0, True),
        ("a0", 0, 0, True),
        ("v0", 1, 1, False),
        ("a0", 1, 0, True),
        ("a0", 2, 1, False),
    ]


@pytest.mark.parametrize(
    "grown",
    [PartMade("v0", 7, 0, 5_000, 500_000, 1, 100), SegmentGrown("v0", 7, 5_000, 500_000, 100, 80)],
)
def test_that_another_epoch_closed_is_of_the_run_that_it_began_in(grown: Record) -> None:
    follower = ClosedSegments()
    assert not list(follower.feed([Entry(1, each) for each in (RunBegan(2, 0), _began("v0"), grown)]))

    (found,) = follower.feed([Entry(2, _closed(7)), Entry(2, RunBegan(3, 0)), Entry(2, _began("v0"))])

    assert (found.name, found.init_name, found.run_epoch) == ("2-7.m4s", "1-2.init.mp4", 1)


def test_that_was_given_up_does_not_count_for_the_next() -> None:
    torn = PartMade("v0", 7, 0, 5_000, 500_000, 1, 100)

    (found,) = _fed(RunBegan(2, 0), _began("v0"), torn, RunBegan(3, 0), _began("v0"), _closed(8))

    assert found.run == 3


def test_behind_the_end_there_are_none() -> None:
    follower = ClosedSegments()

    assert not list(follower.feed([Entry(1, each) for each in (RunBegan(0, 0), _began("v0"), Ended(), _closed(0))]))
    assert follower.is_ended


def test_of_a_slot_that_has_not_begun_is_refused() -> None:
    with pytest.raises(JournalError, match="v0 has not begun"):
        _fed(_closed(0))
