"""What becomes of the pictures that ffmpeg writes into a session's folder."""

import logging
import shutil
from pathlib import Path

import pytest

from streams.media.stills import storyboard
from streams.media.stills.gallery import Gallery
from streams.media.stills.storyboard import Picture
from tests.media.stills.made import frames, pictures, pixels

_CLOCK_MS = 1_795_338_000_000.0
# The hundredths of a second that names are made of.
_STEP_CS = 1000
_PER_STRIP = 25


class _Session:
    """A session's folder in which a test writes what ffmpeg would."""

    def __init__(self, root: Path, *, dvr_window_s: int = 3600) -> None:
        self.folder = root / "session"
        self.preview = root / "preview.webp"
        self._window_s = dvr_window_s
        self.begin(epoch=1)

    def begin(self, *, epoch: int) -> None:
        self.epoch = epoch
        self.gallery = Gallery(self.folder, epoch=epoch, dvr_window_s=self._window_s, preview_path=self.preview)

    def write(self, *shown_cs: int, suffix: str = "jpg", epoch: int | None = None) -> None:
        kinds = pictures(suffix=suffix)
        for each in shown_cs:
            path = self.folder / "pictures" / f"{epoch or self.epoch}-{each}.{suffix}"
            path.write_bytes(kinds[each // _STEP_CS % len(kinds)])

    def show(self, count: int, *, first: int = 0) -> None:
        """Write so many pictures, and look at each when it is there."""
        for number in range(first, first + count):
            self.write(number * _STEP_CS)
            self.look()

    def look(self) -> None:
        self.gallery.look(clock_ms=_CLOCK_MS)

    @property
    def listed(self) -> list[Picture]:
        return storyboard.parse((self.folder / "storyboard.vtt").read_text())

    @property
    def files(self) -> set[str]:
        return {f"pictures/{path.name}" for path in (self.folder / "pictures").glob("*.jpg")}


@pytest.fixture
def session(tmp_path: Path) -> _Session:
    return _Session(tmp_path)


def _seconds(listed: list[Picture]) -> list[float]:
    return [(picture.at_ms - _CLOCK_MS) / 1000 for picture in listed]


class TestStoryboard:
    def test_lists_each_picture_as_soon_as_it_is_there(self, session: _Session) -> None:
        session.write(7, 1000)
        session.look()
        session.write(2003)
        session.look()

        assert _seconds(session.listed) == [0.07, 10, 20.03]
        assert [picture.file for picture in session.listed] == [
            *("pictures/1-7.jpg", "pictures/1-1000.jpg", "pictures/1-2003.jpg")
        ]

    def test_shows_the_same_in_a_strip_as_before(self, session: _Session) -> None:
        session.show(_PER_STRIP + 1)

        listed = session.listed
        assert _seconds(listed) == [number * 10 for number in range(_PER_STRIP + 1)]
        assert {picture.file for picture in listed[:-1]} == {"pictures/1-0-25.jpg"}
        strip = pixels((session.folder / "pictures/1-0-25.jpg").read_bytes())
        for number, picture in enumerate(listed[:-1]):
            shown = strip[picture.top * 256 : (picture.top + picture.height) * 256]
            assert shown == pixels(pictures()[number % 10])

    def test_names_only_what_can_be_fetched_for_as_long_as_anybody_reads_it(self, session: _Session) -> None:
        before: set[str] = set()
        for number in range(3 * _PER_STRIP):
            session.show(1, first=number)
            listed = {picture.file for picture in session.listed}
            assert before | listed <= session.files
            before = listed
        # Of the strip that is growing, and of the one before.
        assert len(session.files) == 3 + _PER_STRIP

    @pytest.mark.parametrize(("dvr_window_s", "most_files"), [(0, 8), (3600, 70)])
    def test_keeps_no_more_than_the_window(self, tmp_path: Path, dvr_window_s: int, most_files: int) -> None:
        session = _Session(tmp_path, dvr_window_s=dvr_window_s)
        session.show(500)

        listed = session.listed
        assert listed[-1].at_ms - listed[0].at_ms == dvr_window_s * 1000 + 60_000
        assert {picture.file for picture in listed} <= session.files
        assert len(session.files) < most_files

    def test_is_coarser_for_the_longest_windows(self, tmp_path: Path) -> None:
        session = _Session(tmp_path, dvr_window_s=43_200)

        assert session.gallery.stills(thumbnail_path=tmp_path, thumbnail_s=5).small_s == 60

    def test_leaves_out_what_was_shown_before_the_last(self, session: _Session) -> None:
        session.show(2)
        session.begin(epoch=2)
        session.write(300)
        session.look()

        assert _seconds(session.listed) == [0, 10]
        assert len(session.files) == 2


class TestTakeOver:
    def test_goes_on_with_what_there_is(self, session: _Session) -> None:
        session.show(_PER_STRIP + 3)
        session.begin(epoch=2)
        session.show(2, first=_PER_STRIP + 3)

        assert _seconds(session.listed) == [number * 10 for number in range(_PER_STRIP + 5)]
        assert {picture.file for picture in session.listed} <= session.files

    def test_takes_nothing_of_a_run_that_is_over(self, session: _Session) -> None:
        session.begin(epoch=2)
        session.write(0, epoch=1)
        session.show(1, first=1)

        assert [picture.file for picture in session.listed] == ["pictures/2-1000.jpg"]

    def test_removes_what_nobody_lists(self, session: _Session) -> None:
        session.show(_PER_STRIP)
        session.write(_PER_STRIP * _STEP_CS)
        for half_done in ("1-30000.jpg.tmp", "1-30000.webp.tmp", ".storyboard.vtt"):
            (session.folder / "pictures" / half_done).write_bytes(b"half a pict")
        session.begin(epoch=2)
        session.show(_PER_STRIP, first=_PER_STRIP)

        assert not session.files & {"pictures/1-0.jpg", "pictures/1-25000.jpg"}
        assert {path.suffix for path in (session.folder / "pictures").iterdir()} == {".jpg"}
        assert {picture.file for picture in session.listed} == {"pictures/1-0-25.jpg", "pictures/2-25000-25.jpg"}


class TestPreview:
    def test_has_the_last_pictures_whoever_made_them(self, session: _Session) -> None:
        session.write(*range(0, 6000, _STEP_CS), suffix="webp")
        session.look()
        session.begin(epoch=2)
        session.write(*range(0, 4000, _STEP_CS), suffix="webp")
        session.look()

        kinds = list(map(pixels, pictures(suffix="webp")))
        shown = list(map(pixels, frames(session.preview.read_bytes())))
        assert shown == [kinds[number] for number in (2, 3, 4, 5, 0, 1, 2, 3)]
        assert len(list((session.folder / "pictures").glob("*.webp"))) == 8

    def test_is_written_when_there_is_something_new(self, session: _Session) -> None:
        session.write(0, suffix="webp")
        session.look()
        session.preview.unlink()

        session.look()
        assert not session.preview.exists()
        session.write(_STEP_CS, suffix="webp")
        session.look()
        assert session.preview.exists()


class TestTrouble:
    def test_ends_the_pictures_and_not_the_broadcast(self, session: _Session, caplog: pytest.LogCaptureFixture) -> None:
        session.show(1)
        (session.folder / "pictures" / "1-1000.jpg").write_bytes(b"something else")
        with caplog.at_level(logging.ERROR):
            session.look()
            session.look()

        assert [record.message for record in caplog.records] == [
            f"no more pictures of this run folder={session.folder / 'pictures'}"
        ]
        assert _seconds(session.listed) == [0]

    def test_is_none_when_the_livestream_was_deleted(self, session: _Session) -> None:
        shutil.rmtree(session.folder)

        session.look()

        assert not session.folder.exists()

    def test_is_told_when_the_disk_is_full(self, session: _Session) -> None:
        session.write(0)
        (session.folder / "pictures" / ".storyboard.vtt").symlink_to("/dev/full")

        with pytest.raises(OSError, match="No space left"):
            session.look()
