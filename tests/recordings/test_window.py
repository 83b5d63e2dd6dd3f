"""Which segments of a broadcast are needed to show a stretch of it: decoders begin before what is seen and heard."""

from pathlib import Path

import pytest

from streams.media.recording.closed import ClosedSegment
from streams.recordings.clips.window import Window

# A second each. Of the picture each second one begins with a key frame.
_KEYS = {0, 2, 4}


def _segment(slot: str, msn: int) -> ClosedSegment:
    names = (f"1-{msn}.m4s", "1-0.init.mp4")
    return ClosedSegment(slot, msn, *names, 0, 1, msn * 1000, 1_000_000, 700, False, slot == "v0" and msn in _KEYS)


@pytest.fixture
def window() -> Window:
    return Window(Path("nowhere"), [_segment(slot, msn) for msn in range(6) for slot in ("v0", "a0")])


@pytest.mark.parametrize(
    ("slot", "from_ms", "until_ms", "needed"),
    [
        ("v0", 2000, 4000, [2, 3]),
        ("v0", 3999, 4001, [2, 3, 4]),
        ("v0", 0, 1, [0]),
        # Before there was anything.
        ("v0", -500, 1500, [0, 1]),
        # What sound is heard at once needs the frame before it.
        ("a0", 2000, 4000, [1, 2, 3]),
        ("a0", 2049, 4000, [1, 2, 3]),
        ("a0", 2050, 4000, [2, 3]),
        ("a0", 0, 1000, [0]),
    ],
)
def test_is_what_is_shown_from_where_it_can_be_decoded(
    window: Window, slot: str, from_ms: int, until_ms: int, needed: list[int]
) -> None:
    assert [each.msn for each in window.needed(slot, from_ms=from_ms, until_ms=until_ms)] == needed


def test_lasts_as_long_as_all_tracks_do() -> None:
    behind = Window(
        Path("nowhere"), [*(_segment("v0", msn) for msn in range(4)), *(_segment("a0", msn) for msn in range(3))]
    )

    assert (behind.slot, behind.first_ms, behind.until_ms) == ("v0", 0, 3000)


def test_of_sound_alone_is_told_by_it() -> None:
    assert Window(Path("nowhere"), [_segment("a0", 7)]).slot == "a0"
