"""A broadcast as other platforms get it: in order and whole, from a key frame on, whatever becomes of its files."""

from itertools import pairwise
from pathlib import Path

import pytest

from streams.media import journal
from streams.media.flv import TagType
from streams.media.journal import Opened, RunBegan, SlotBegan, Writer
from streams.media.rtmp.feed import Feed
from streams.media.rtmp.media import Frame
from tests.media.clips import flv
from tests.media.shelved_clips import ShelvedClip, ShelvedSession


@pytest.fixture(scope="module")
def clip() -> ShelvedClip:
    """2 s with sound: a key frame every second, 30 pictures in it."""
    return ShelvedClip(flv(size="160x90", gop=30, seconds=2))


class _Taker:
    """Reads a session as a target does that is connected at once."""

    def __init__(self, folder: Path) -> None:
        self.feed = Feed(folder)
        self.frames: list[Frame] = []
        self.feed.read()
        rendition = self.feed.rendition(most_lines=0)
        assert rendition is not None
        self.feed.read()
        self.frames += rendition.recent
        rendition.takers.add(self.frames.extend)

    @property
    def pictures(self) -> list[Frame]:
        return [frame for frame in self.frames if frame.is_picture]


def _made(folder: Path, clip: ShelvedClip, *, parts: int, has_parts: bool = True) -> ShelvedSession:
    session = ShelvedSession(folder / "session", clip, has_parts=has_parts)
    _add(session, parts)
    return session


def _add(session: ShelvedSession, parts: int) -> None:
    for _ in range(parts):
        session.add_part()


def test_begins_with_the_newest_key_frame_that_begins_a_segment(tmp_path: Path, clip: ShelvedClip) -> None:
    session = _made(tmp_path, clip, parts=12)

    taker = _Taker(session.folder)

    # 2.4 s: the newest segment began at 2 s.
    assert taker.frames[0].is_key_frame
    assert (taker.frames[0].type, taker.frames[0].at_ms) == (TagType.VIDEO, 2000)
    assert all(frame.at_ms >= 2000 for frame in taker.frames)


@pytest.mark.parametrize("has_parts", [True, False], ids=["in parts", "in segments"])
def test_everything_comes_once_and_in_order(tmp_path: Path, clip: ShelvedClip, *, has_parts: bool) -> None:
    session = _made(tmp_path, clip, parts=1, has_parts=has_parts)
    taker = _Taker(session.folder)

    for _ in range(29):
        session.add_part()
        taker.feed.read()
    session.end()
    taker.feed.read()

    times = [frame.at_ms for frame in taker.frames]
    assert times == sorted(times)
    # 6 s of 30 pictures a second.
    assert len(taker.pictures) == 180
    assert len({frame.at_ms for frame in taker.pictures}) == 180
    sounds = [frame.at_ms for frame in taker.frames if frame.type == TagType.AUDIO]
    assert max(later - earlier for earlier, later in pairwise(sounds)) < 50


def test_parts_that_are_gone_are_read_from_their_segments(tmp_path: Path, clip: ShelvedClip) -> None:
    """The program was stopped for a while: parts are kept for five segments only."""
    session = _made(tmp_path, clip, parts=1)
    taker = _Taker(session.folder)
    _add(session, 59)

    taker.feed.read()
    session.end()
    taker.feed.read()

    assert len({frame.at_ms for frame in taker.pictures}) == 360


def test_another_run_says_what_it_is_decoded_with(tmp_path: Path, clip: ShelvedClip) -> None:
    session = _made(tmp_path, clip, parts=5)
    taker = _Taker(session.folder)
    session.run_epoch(ShelvedClip(flv(size="320x180", gop=30, seconds=2)), later_s=3)
    _add(session, 5)
    taker.feed.read()

    first, second = taker.pictures[0], taker.pictures[-1]
    assert first.head != second.head
    began = next(frame for frame in taker.pictures if frame.head == second.head)
    assert began.is_key_frame
    # A gap is a gap.
    assert began.at_ms == 4000


def test_times_never_go_back_where_a_machines_clock_did(tmp_path: Path, clip: ShelvedClip) -> None:
    session = _made(tmp_path, clip, parts=10)
    taker = _Taker(session.folder)
    last_ms = taker.pictures[-1].at_ms

    session.run_epoch(clip, later_s=-1.5)
    _add(session, 10)
    taker.feed.read()

    times = [frame.at_ms for frame in taker.frames]
    assert times == sorted(times)
    later = [frame.at_ms for frame in taker.pictures if frame.at_ms > last_ms]
    # One frame after the last, and then as the new run goes: picture and sound alike.
    assert later[0] - last_ms < 50
    assert later[-1] - later[0] > 1500
    assert abs(max(frame.at_ms for frame in taker.frames if frame.type == TagType.AUDIO) - later[-1]) < 250


def test_a_run_without_sound_goes_on_at_once(tmp_path: Path, clip: ShelvedClip) -> None:
    session = _made(tmp_path, clip, parts=5)
    taker = _Taker(session.folder)

    session.run_epoch(ShelvedClip(flv(size="160x90", gop=30, seconds=2, has_audio=False), has_sound=False))
    _add(session, 2)
    taker.feed.read()

    assert taker.pictures[-1].at_ms > 1300


def test_a_rendition_that_is_wanted_later_begins_with_its_own_key_frame_and_its_sound(
    tmp_path: Path, clip: ShelvedClip
) -> None:
    two = ShelvedClip(flv(size="160x90", gop=30, seconds=2))
    two.tracks["v1"] = two.tracks["v0"]
    session = _made(tmp_path, two, parts=7)
    taker = _Taker(session.folder)

    smaller = taker.feed.rendition(most_lines=100)
    taker.feed.read()

    assert smaller is not None
    assert (smaller.slot, smaller.is_fresh) == ("v1", True)
    first = smaller.recent[0]
    assert (first.is_key_frame, first.at_ms) == (True, 1000)
    sounds = [frame.at_ms for frame in smaller.recent if frame.type == TagType.AUDIO]
    assert sounds[0] < 1050


@pytest.mark.parametrize(
    ("most_lines", "slot"), [(0, "v0"), (2160, "v0"), (1080, "v0"), (1079, "v1"), (360, "v2"), (100, "v2")]
)
def test_the_picture_is_no_taller_than_wanted(tmp_path: Path, most_lines: int, slot: str) -> None:
    folder = tmp_path / "session"
    folder.mkdir()
    slots = [
        SlotBegan(f"v{number}", "avc1.64001f", 0, height, 30_000) for number, height in enumerate((1080, 720, 360))
    ]
    writer = Writer(folder, Opened(1, 200_000, 2, 60, 0, 0))
    writer.write(RunBegan(0, 0), *slots)
    feed = Feed(folder)

    feed.read()

    rendition = feed.rendition(most_lines=most_lines)
    assert rendition is not None
    assert rendition.slot == slot


def test_there_is_nothing_before_the_first_run(tmp_path: Path) -> None:
    feed = Feed(tmp_path)

    feed.read()

    assert feed.rendition(most_lines=0) is None
    assert not feed.is_over


def test_the_end_is_known(tmp_path: Path, clip: ShelvedClip) -> None:
    session = _made(tmp_path, clip, parts=5)
    taker = _Taker(session.folder)
    session.end()

    taker.feed.read()

    assert taker.feed.is_over
    assert journal.has_end(session.folder)


def test_pieces_that_are_no_media_are_left_out_up_to_the_next_key_frame(tmp_path: Path, clip: ShelvedClip) -> None:
    session = _made(tmp_path, clip, parts=5)
    taker = _Taker(session.folder)
    seen = len(taker.pictures)
    session.add_part()
    for path in (session.folder / "v0").glob("1-1.0.m4s"):
        path.write_bytes(bytes(path.stat().st_size))
    _add(session, 5)

    taker.feed.read()

    # The second segment is lost but for what nothing decodes.
    assert all(frame.at_ms >= 2000 for frame in taker.pictures[seen:])
