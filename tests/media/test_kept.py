"""Broadcasts of weeks: whoever reads their journals reads of what is kept, and comes to the same."""

from pathlib import Path

import pytest

from streams.media.journal import (
    Dropped,
    Entry,
    Opened,
    PartMade,
    Reader,
    Record,
    RunBegan,
    SegmentClosed,
    SlateShown,
    SlotBegan,
    Writer,
    journal_path,
)
from streams.media.media_playlist import Form, render_key_frames, render_media
from streams.media.timeline import SessionTimeline

SLOTS = ("v0", "v1", "a0")
WINDOW_S = 60
# What the window takes, and some more.
KEPT = 45
# Segments; many times what is looked at in one go.
LONG = 1200
BEGAN_MS = 1_790_000_000_000


def _made(slot: str, msn: int) -> list[Record]:
    """Return what is told of a segment; sound's numbers are others than the picture's."""
    at_ms, msn = BEGAN_MS + msn * 2000, msn + (3 if slot == "a0" else 0)
    made: list[Record] = [PartMade(slot, msn, part, at_ms + part * 500, 500_000, 1, 1000) for part in range(4)]
    return [*made, SegmentClosed(slot, msn, at_ms, 2_000_000, 4000, 900)]


def _write(
    folder: Path,
    *,
    epoch: int,
    segments: range,
    first_kept: int = 0,
    spliced_every: int = 0,
    begins_with: tuple[Record, ...] = (),
) -> None:
    """Write an epoch that made those segments, and all of them in the order of their times.

    From every so many segments on it shows what was spliced in; the sound gets there a segment later.
    """
    before = Reader(folder)
    before.read()
    writer = Writer(folder, Opened(epoch, 500_000, 4, WINDOW_S, *before.position))
    writer.write(RunBegan(epoch - 1, 0), *(SlotBegan(slot, "avc1.64001f", 640, 480, 30_000) for slot in SLOTS))
    records: list[Record] = list(begins_with)
    for msn in segments:
        for slot in SLOTS:
            splices = (msn - (slot == "a0")) // spliced_every if spliced_every else 0
            if splices:
                records += [RunBegan(epoch - 1 + splices, 0), SlotBegan(slot, "avc1.64001f", 640, 480, 30_000)]
            records += _made(slot, msn)
            if msn - KEPT > first_kept:
                records.append(Dropped(slot, msn - KEPT + (3 if slot == "a0" else 0)))
    writer.write(*records)
    writer.close()


def _playlists(entries: list[Entry]) -> list[str]:
    timeline = SessionTimeline()
    timeline.feed(entries)
    slots = [timeline.slots[slot] for slot in SLOTS]
    forms = (Form(), Form(is_edge=True), Form(is_delta=True))
    rendered = [render_media(timeline, slot, form) for slot in slots for form in forms]
    return [*rendered, *(render_key_frames(timeline, slot) for slot in slots)]


def _read(folder: Path) -> list[Entry]:
    return Reader(folder, leaves_old_parts_out=True).read()[1]


@pytest.mark.parametrize(
    "last",
    [
        range(0),
        # As much as nothing, less than the window, and enough to need no other.
        range(LONG, LONG + 1),
        range(LONG, LONG + KEPT + 5),
        range(LONG, LONG + 400),
    ],
)
def test_says_the_same_as_all_of_it(tmp_path: Path, last: range) -> None:
    _write(tmp_path, epoch=1, segments=range(LONG))
    if last:
        _write(tmp_path, epoch=2, segments=last)

    entries = _read(tmp_path)

    assert _playlists(entries) == _playlists(Reader(tmp_path).read()[1])
    assert Reader(tmp_path, leaves_old_parts_out=True).read() == (False, entries)


@pytest.mark.parametrize("every", [LONG - 10, LONG // 2, 100])
def test_says_the_same_of_what_was_spliced(tmp_path: Path, every: int) -> None:
    _write(tmp_path, epoch=1, segments=range(LONG), spliced_every=every)

    assert _playlists(_read(tmp_path)) == _playlists(Reader(tmp_path).read()[1])


def test_says_which_slots_have_shown_a_slate_from_the_beginning(tmp_path: Path) -> None:
    shown = [SlateShown(slot) for slot in SLOTS]
    _write(tmp_path, epoch=1, segments=range(LONG), begins_with=tuple(shown))

    assert [entry.record for entry in _read(tmp_path) if isinstance(entry.record, SlateShown)] == shown


def test_goes_on_as_it_grows(tmp_path: Path) -> None:
    _write(tmp_path, epoch=1, segments=range(LONG))
    reader = Reader(tmp_path, leaves_old_parts_out=True)
    entries = reader.read()[1]

    _write(tmp_path, epoch=2, segments=range(LONG, LONG + 3))

    is_anew, more = reader.read()
    assert not is_anew
    assert _playlists(entries + more) == _playlists(Reader(tmp_path).read()[1])


def test_does_not_count_what_a_stale_writer_added(tmp_path: Path) -> None:
    _write(tmp_path, epoch=1, segments=range(LONG))
    _write(tmp_path, epoch=2, segments=range(LONG, LONG + 3))
    with journal_path(tmp_path, epoch=1).open("a") as stale:
        stale.write(f"D v0 {LONG} ;\nD v1 {LONG} ;\nD a0 {LONG} ;\n" * 3000)

    assert _playlists(_read(tmp_path)) == _playlists(Reader(tmp_path).read()[1])


def test_is_no_more_however_long_the_broadcast_lasts(tmp_path: Path) -> None:
    lengths = {LONG: tmp_path / "long", 4 * LONG: tmp_path / "longer"}
    for length, folder in lengths.items():
        folder.mkdir()
        _write(folder, epoch=1, segments=range(length))

    long, longer = (len(_read(folder)) for folder in lengths.values())

    assert longer < 1.5 * long < 10_000
