"""A segment's index: small, and the same again."""

from array import array

import pytest

from streams.media.recording.index import IndexHead, SegmentIndex, TrackKind, words


def index(*, decode_time: int = 900_000, count: int = 60) -> SegmentIndex:
    """Return a picture's, of frames with pictures that are shown later and sooner than decoded."""
    return SegmentIndex(
        TrackKind.VIDEO,
        90_000,
        decode_time,
        words([3000 + place % 3 for place in range(count)]),
        words([10_000 if place % 30 == 0 else 1000 + place * 7 for place in range(count)]),
        array("i", [(0, 6000, -3000)[place % 3] for place in range(count)]),
        words(range(0, count, 30)),
        words([100, 20, 60_000, count - 20]),
    )


def test_is_the_same_again() -> None:
    assert SegmentIndex.unpacked(index().packed()) == index()


def test_of_hours_before_the_clock_began_is_the_same_again() -> None:
    early = index(decode_time=-5_000_000_000)

    assert SegmentIndex.unpacked(early.packed()) == early


def test_takes_few_bytes() -> None:
    assert len(index(count=600).packed()) < 3 * 600


def test_tells_what_matters_without_being_unpacked() -> None:
    head = IndexHead.of(index().packed())

    # Twenty frames of each of three lengths.
    assert (head.decode_time, head.end_time) == (900_000, 900_000 + 20 * 9003)
    assert (head.key_time, head.key_composition, head.samples) == (900_000, 0, 60)
    # The last but one is shown 6000 later than decoded, and lasts 3001.
    assert head.shown_until == 900_000 + 20 * 9003 - 3002 - 3001 + 6000 + 3001


def test_of_something_else_is_refused() -> None:
    packed = index().packed()

    for wrong in (b"", packed[:20], packed[:-4], packed[:45] + bytes(30)):
        with pytest.raises(ValueError, match="index"):
            SegmentIndex.unpacked(wrong)


def test_of_some_samples_begins_where_they_do() -> None:
    some = index().sliced(30, 50)

    assert some.decode_time == 900_000 + 10 * 9003
    assert some.sizes == index().sizes[30:50]
    assert list(some.key_frames) == [0]
    # Ten samples of the second chunk, which begins with the twentieth, are before them.
    assert list(some.chunks) == [60_000 + sum(index().sizes[20:30]), 20]


def test_of_samples_of_two_chunks_has_both() -> None:
    some = index().sliced(19, 22)

    assert list(some.chunks) == [100 + sum(index().sizes[:19]), 1, 60_000, 2]


def test_in_another_time_scale_drifts_nowhere() -> None:
    scaled = index(decode_time=90_000).rescaled(1000)

    assert scaled.decode_time == 1000
    assert sum(scaled.durations) == round(20 * 9003 / 90)
    assert set(scaled.durations) <= {33, 34}
