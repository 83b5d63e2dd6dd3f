"""When what was recorded is shown, of segments without media."""

from array import array
from itertools import accumulate, pairwise
from operator import mul
from random import Random

import pytest

from streams.media.recording.index import SegmentIndex, TrackKind, words
from streams.media.recording.movie import Gap, Movie, MovieError, RecordedInit, RecordedPiece
from streams.media.recording.stored import read_init
from tests.media.boxes import audio_init, video_init

_FPS, _RATE = 30, 48_000
_SECOND = 1_000_000
_MONO = bytes.fromhex("1188")
# A frame of sound, and what rounding makes of two.
_CLOSE_US = 22_000


class Reel:
    """Pieces of two tracks; times in seconds by the session's clock."""

    def __init__(self) -> None:
        inits = [video_init(timescale=90_000), audio_init(timescale=_RATE), audio_init(_MONO, timescale=_RATE)]
        self.inits = {number: RecordedInit(number * 1000, read_init(data)) for number, data in enumerate(inits)}
        self.pieces: list[RecordedPiece] = []

    def add(self, at_s: float, length_s: float, *, run: int = 0, left_out: str = "", gap_before: str = "") -> None:
        """Add picture and sound that lie beside each other."""
        self.picture(at_s, length_s, run=run, left_out=left_out, gap_before=gap_before)
        self.sound(at_s, length_s, run=run, left_out=left_out)

    def picture(self, at_s: float, length_s: float, *, key: int | None = 0, run: int = 0, **how: str) -> None:
        count = round(length_s * _FPS)
        index = SegmentIndex(
            TrackKind.VIDEO,
            90_000,
            round(at_s * 90_000),
            words([3000] * count),
            words([100] * count),
            array("i", [0] * count),
            words([] if key is None else [key]),
            words([16, count]),
        )
        self._add(index, init=0, run=run, **how)

    def sound(self, at_s: float, length_s: float, *, init: int = 1, run: int = 0, **how: str) -> None:
        count = round(length_s * _RATE / 1024)
        index = SegmentIndex(
            TrackKind.AUDIO,
            _RATE,
            round(at_s * _RATE),
            words([1024] * count),
            words([50] * count),
            array("i", [0] * count),
            words([]),
            words([16, count]),
        )
        self._add(index, init=init, run=run, **how)

    def _add(self, index: SegmentIndex, *, init: int, run: int, left_out: str = "", gap_before: str = "") -> None:
        size = 16 + sum(index.sizes)
        offset = 10_000 + sum(piece.size for piece in self.pieces)
        at_ms = index.start_us // 1000
        piece = RecordedPiece(index.kind, offset, size, index.packed(), init, run, at_ms, left_out, gap_before)
        self.pieces.append(piece)

    def movie(self) -> Movie:
        return Movie(self.inits, self.pieces)


def _times(movie: Movie) -> list[tuple[float, float]]:
    """Return where each stretch is shown, and where it was in the session, in seconds."""
    return [(round(each.start_us / _SECOND, 1), round(each.media_start_us / _SECOND, 1)) for each in movie.stretches]


def test_begins_with_the_first_picture_wherever_that_was() -> None:
    reel = Reel()
    for at_s in (100, 102):
        reel.add(at_s, 2)

    movie = reel.movie()

    assert _times(movie) == [(0, 100)]
    assert movie.duration_us == pytest.approx(4 * _SECOND, abs=_CLOSE_US)
    assert movie.gaps == ()


def test_goes_on_behind_a_hole_where_the_longer_track_ended() -> None:
    reel = Reel()
    reel.picture(0, 2)
    reel.sound(0, 3)
    reel.add(60, 2, run=1, gap_before="takeover")

    movie = reel.movie()

    assert _times(movie) == [(0, 0), (3, 60)]
    (gap,) = movie.gaps
    assert gap.reason == "takeover"
    assert gap.at_us == movie.stretches[1].start_us
    assert gap.length_us == pytest.approx(57 * _SECOND, abs=_CLOSE_US)
    assert movie.duration_us == pytest.approx(5 * _SECOND, abs=_CLOSE_US)


def test_holds_the_last_picture_until_the_sound_has_ended() -> None:
    reel = Reel()
    reel.picture(0, 2)
    reel.sound(0, 3)
    reel.add(60, 2, run=1)

    durations = reel.movie().tables(TrackKind.VIDEO).durations

    # 59 frames, the last one for a second more, and those behind the hole.
    assert list(durations[:2]) == [59, 3000]
    assert durations[2] == 1
    assert durations[3] / 90_000 == pytest.approx(1 + 1 / 30, abs=0.022)
    assert durations[4:6] == words([59, 3000])


def test_of_a_hole_that_nobody_explained_says_lost() -> None:
    reel = Reel()
    reel.add(0, 2)
    reel.add(10, 2)

    assert [gap.reason for gap in reel.movie().gaps] == ["lost"]


def test_leaves_out_what_it_is_told_to() -> None:
    reel = Reel()
    reel.add(0, 4, left_out="slate")
    reel.add(4, 2, run=1)
    reel.add(6, 30, run=2, left_out="slate")
    reel.add(36, 2, run=3)
    reel.add(38, 1, run=4, left_out="slate")

    movie = reel.movie()

    assert _times(movie) == [(0, 4), (2, 36)]
    assert [(round(gap.at_us / _SECOND, 1), round(gap.length_us / _SECOND), gap.reason) for gap in movie.gaps] == [
        (0, 4, "slate"),
        (2, 30, "slate"),
        (4, 1, "slate"),
    ]


def test_tells_what_was_lost_beside_what_was_left_out() -> None:
    reel = Reel()
    reel.add(0, 2)
    reel.add(2, 5, run=1, left_out="slate")
    reel.add(17, 2, run=2, gap_before="paused")

    assert {gap.reason: round(gap.length_us / _SECOND) for gap in reel.movie().gaps} == {"slate": 5, "paused": 10}


def test_goes_on_behind_a_clock_that_was_set_back() -> None:
    reel = Reel()
    reel.add(50, 4)
    reel.add(20, 4, run=1)

    movie = reel.movie()

    assert _times(movie) == [(0, 50), (4, 20)]
    assert movie.duration_us == pytest.approx(8 * _SECOND, abs=2 * _CLOSE_US)


def test_keeps_a_little_hole_of_both_tracks_as_it_is() -> None:
    reel = Reel()
    reel.add(0, 2)
    reel.add(2.06, 2, run=1)

    movie = reel.movie()

    assert _times(movie) == [(0, 0)]
    assert movie.duration_us == pytest.approx(4_060_000, abs=_CLOSE_US)


def test_holds_the_picture_while_the_sound_goes_on() -> None:
    reel = Reel()
    reel.picture(0, 2)
    reel.sound(0, 10)
    reel.picture(8, 2)

    movie = reel.movie()

    assert movie.gaps == ()
    durations = movie.tables(TrackKind.VIDEO).durations
    assert durations[2:4] == words([1, 3000 + 6 * 90_000])


def test_begins_pictures_with_a_key_frame() -> None:
    reel = Reel()
    reel.picture(0, 2, key=None)
    reel.picture(2, 2, key=30)
    reel.sound(0, 4)

    movie = reel.movie()
    tables = movie.tables(TrackKind.VIDEO)

    assert len(tables.sizes) == 30
    assert list(tables.key_frames) == [1]
    # The sound is worth more than a second without a picture.
    assert _times(movie) == [(0, 0)]


def test_cuts_sound_that_is_a_little_before_the_picture() -> None:
    reel = Reel()
    reel.sound(0, 4)
    reel.picture(0.5, 3.5)

    movie = reel.movie()

    assert _times(movie) == [(0, 0.5)]
    tables = movie.tables(TrackKind.AUDIO)
    assert abs(tables.first_at) <= 512
    assert len(tables.sizes) == pytest.approx(3.5 * _RATE / 1024, abs=1)


def test_of_sound_that_is_told_in_milliseconds_has_frames_of_one_length() -> None:
    reel = Reel()
    count, ends = 938, [round(place * 1024 / 48) for place in range(939)]
    durations = words([(ends[place + 1] - ends[place]) * 48 for place in range(count)])
    index = SegmentIndex(
        *(TrackKind.AUDIO, _RATE, 0, durations, words([50] * count), array("i", [0] * count), words([])),
        words([16, count]),
    )
    reel._add(index, init=1, run=0)

    assert list(reel.movie().tables(TrackKind.AUDIO).durations) == [count, 1024]


def test_is_silent_where_sound_is_in_another_format() -> None:
    reel = Reel()
    reel.picture(0, 6)
    reel.sound(0, 2)
    reel.sound(2, 2, init=2, run=1)
    reel.sound(4, 2, run=2)

    movie = reel.movie()

    (gap,) = movie.gaps
    assert gap == Gap(gap.at_us, gap.length_us, "sound")
    assert (round(gap.at_us / _SECOND, 1), round(gap.length_us / _SECOND, 1)) == (2, 2)
    tables = movie.tables(TrackKind.AUDIO)
    assert len(tables.sizes) == 2 * round(2 * _RATE / 1024)
    assert (tables.end - tables.first_at) / _RATE == pytest.approx(6, abs=0.05)


def test_of_nothing_is_refused() -> None:
    reel = Reel()
    reel.add(0, 2, left_out="slate")

    with pytest.raises(MovieError, match="Nothing was recorded"):
        reel.movie()


def test_far_into_a_file_is_told_in_64_bits() -> None:
    reel = Reel()
    reel.add(0, 2)
    assert b"stco" in reel.movie().moov()
    assert b"co64" not in reel.movie().moov()

    far = [
        RecordedPiece(each.kind, each.offset + (5 << 30), each.size, each.index, each.init, each.run, each.at_ms)
        for each in reel.pieces
    ]

    moov = Movie(reel.inits, far).moov()
    assert moov.count(b"co64") == 2
    assert (far[0].offset + 16).to_bytes(8) in moov


def test_of_pictures_that_are_told_in_milliseconds_has_frames_of_one_length() -> None:
    reel = Reel()
    for at in range(0, 600, 60):
        times = [round((at + place) * 1000 / _FPS) for place in range(61)]
        durations = words([(times[place + 1] - times[place]) * 90 for place in range(60)])
        # Each third one is decoded before those that are shown before it.
        shown = [round((at + place + (0, 2, -1)[place % 3]) * 1000 / _FPS) for place in range(60)]
        late = array("i", [(time - times[place]) * 90 for place, time in enumerate(shown)])
        index = SegmentIndex(
            *(TrackKind.VIDEO, 90_000, times[0] * 90, durations, words([100] * 60), late, words([0]), words([16, 60])),
        )
        reel._add(index, init=0, run=0)

    tables = reel.movie().tables(TrackKind.VIDEO)

    # The one before the last is shown until a frame after the last was decoded.
    assert list(tables.durations[:3]) == [599, 3000, 1]
    assert set(tables.compositions[1::2]) == {0, 6000, -3000}


def _by_chance(seed: int) -> Reel:
    """Return runs with holes, slates, clocks that are set back, tracks that end apart, and encoders that wait."""
    random, reel, at_s = Random(seed), Reel(), 100.0  # noqa: S311  # Repeatable.
    for run in range(random.randrange(1, 12)):
        left_out = random.choice(("", "", "", "slate"))
        at_s += random.choice((0, 0, 0.02, 0.3, 5, -40 if run else 0))
        for _ in range(random.randrange(1, 5)):
            length_s = random.choice((0.5, 1, 2, 4))
            reel.picture(at_s, length_s, run=run, left_out=left_out)
            reel.sound(at_s, length_s, run=run, left_out=left_out)
            at_s += length_s
        if not left_out:
            reel.sound(at_s, random.choice((0.1, 0.3, 3)), run=run)
        at_s += random.choice((0, 3, 4))
    reel.add(at_s + 10, 2, run=12)
    return reel


@pytest.mark.parametrize("seed", range(60))
def test_holds_whatever_happened(seed: int) -> None:
    movie = _by_chance(seed).movie()

    for before, after in pairwise(movie.stretches):
        assert before.end_us <= after.start_us < before.end_us + _CLOSE_US
    for kind in TrackKind:
        tables = movie.tables(kind)
        kept = [each for _, each in movie.shown(kind)]
        assert sum(tables.durations[::2]) == sum(tables.compositions[::2]) == sum(tables.chunk_counts)
        assert sum(tables.chunk_counts) == len(tables.sizes)
        assert min(tables.durations[1::2]) > 0
        assert sum(map(mul, tables.durations[::2], tables.durations[1::2])) == tables.end - tables.first_at
        assert tables.end / tables.timescale <= movie.duration_us / _SECOND + 0.03
        # Sound is cut where a stretch begins, and where it goes on over the beginning of the next run.
        assert len(tables.sizes) <= sum(each.head.samples for each in kept)
    _check_pictures(movie)


def _check_pictures(movie: Movie) -> None:
    """Check that each picture is shown as much later than in the session as all of its stretch."""
    tables = movie.tables(TrackKind.VIDEO)
    lengths = [
        duration for count, duration in zip(tables.durations[::2], tables.durations[1::2], strict=True)
        for _ in range(count)
    ]  # fmt: skip
    times, number = list(accumulate(lengths, initial=tables.first_at)), 0
    for stretch, each in movie.shown(TrackKind.VIDEO):
        expected_s = (each.start_us + stretch.shift_us) / _SECOND
        assert times[number] / tables.timescale == pytest.approx(expected_s, abs=0.002)
        number += each.head.samples
    assert number == len(tables.sizes)
