"""Reading fragments of any shape that the standard knows, and writing those that players get."""

import subprocess
from itertools import chain
from random import Random

import pytest

from streams.media.fmp4 import Fmp4Error
from streams.media.fragments import Fragment, FragmentReader, Init, Sample, offsets, render_fragment
from tests.media.boxes import TIMESCALE, audio_init, box, video_init
from tests.media.clips import flv

_SYNC, _NON_SYNC = 0x2000000, 0x1010000
_PAYLOAD = b"abcdefghij"
_FRAGMENTS = "+frag_keyframe+empty_moov+default_base_moof+negative_cts_offsets+frag_discont"


def _words(*numbers: int) -> bytes:
    return b"".join((number & 0xFFFFFFFF).to_bytes(4) for number in numbers)


def _fragment(*, tfhd: bytes, tfdt: bytes, trun: bytes, payload: bytes = _PAYLOAD) -> bytes:
    track = box(b"tfhd", tfhd) + box(b"tfdt", tfdt) + box(b"trun", trun)
    return box(b"moof", box(b"mfhd", _words(0, 1)) + box(b"traf", track)) + box(b"mdat", payload)


# Five frames of two bytes, of which nothing is said.
_DEFAULTS = _words(0x000038, 1, 40, 2, _NON_SYNC)
_TIME = _words(0, 1234)
_RUN = _words(0, 5)


def _read(data: bytes, *, step: int = 1 << 30) -> list[Init | Fragment]:
    reader = FragmentReader()
    return [found for start in range(0, len(data), step) for found in reader.feed(data[start : start + step])]


def _only(data: bytes) -> Fragment:
    (found,) = _read(data)
    assert isinstance(found, Fragment)
    return found


class TestInit:
    @pytest.mark.parametrize("init", [video_init(), audio_init()], ids=["video", "audio"])
    def test_is_all_that_stands_before_the_first_fragment(self, init: bytes) -> None:
        assert _read(init) == [Init(init, TIMESCALE)]

    def test_has_its_time_scale_behind_longer_times_too(self) -> None:
        header = box(b"mdhd", b"\x01" + bytes(3) + bytes(16) + _words(48_000) + bytes(12))
        moov = box(b"moov", box(b"trak", box(b"mdia", header)))

        assert _read(moov) == [Init(moov, 48_000)]


class TestFragment:
    def test_takes_what_is_not_said_of_its_samples_from_the_defaults(self) -> None:
        fragment = _only(_fragment(tfhd=_DEFAULTS, tfdt=_TIME, trun=_RUN))

        assert fragment.samples == (Sample(duration=40, size=2, is_sync=False, composition=0),) * 5
        assert (fragment.decode_time, fragment.end_time) == (1234, 1434)
        assert bytes(fragment.payload) == _PAYLOAD

    def test_finds_the_defaults_behind_what_it_has_no_use_for(self) -> None:
        header = _words(0x02003B, 1) + bytes(8) + _words(1, 40, 2, _SYNC)

        assert _only(_fragment(tfhd=header, tfdt=_TIME, trun=_RUN)).samples == (Sample(40, 2, True, 0),) * 5

    def test_may_say_more_of_its_first_sample(self) -> None:
        run = _words(0x000005, 5, 100, _SYNC)

        samples = _only(_fragment(tfhd=_DEFAULTS, tfdt=_TIME, trun=run)).samples

        assert [sample.is_sync for sample in samples] == [True, False, False, False, False]

    @pytest.mark.parametrize(
        ("flag", "expected"),
        [
            (0x100, [Sample(7, 2, False, 0), Sample(8, 2, False, 0)]),
            (0x200, [Sample(40, 7, False, 0), Sample(40, 8, False, 0)]),
            (0x800, [Sample(40, 2, False, 7), Sample(40, 2, False, 8)]),
        ],
    )
    def test_may_say_one_thing_of_each_sample(self, flag: int, expected: list[Sample]) -> None:
        size = sum(sample.size for sample in expected)
        data = _fragment(tfhd=_DEFAULTS, tfdt=_TIME, trun=_words(flag, 2, 7, 8), payload=bytes(size))

        assert list(_only(data).samples) == expected

    def test_may_say_which_samples_are_key_frames(self) -> None:
        run = _words(0x000400, 5, _SYNC, _NON_SYNC, 0, 0x10000, _SYNC)

        samples = _only(_fragment(tfhd=_DEFAULTS, tfdt=_TIME, trun=run)).samples

        assert [sample.is_sync for sample in samples] == [True, False, True, False, True]

    def test_shows_pictures_before_they_are_decoded_if_it_says_so(self) -> None:
        run = _words(0x01000800, 5, -3, 0, 3, -3, 0)

        samples = _only(_fragment(tfhd=_DEFAULTS, tfdt=_TIME, trun=run)).samples

        assert [sample.composition for sample in samples] == [-3, 0, 3, -3, 0]

    def test_lasts_as_long_as_it_says(self) -> None:
        run = _words(0x000100, 5, 0xFFFFFFFF, 1, 1, 1, 1)

        assert _only(_fragment(tfhd=_DEFAULTS, tfdt=_TIME, trun=run)).samples[0].duration == 0xFFFFFFFF

    @pytest.mark.parametrize(("version", "time"), [(0, _words(0x7FFFFFFF)), (1, _words(0, 0x7FFFFFFF))])
    def test_begins_when_it_says_in_short_and_long(self, version: int, time: bytes) -> None:
        data = _fragment(tfhd=_DEFAULTS, tfdt=bytes([version, 0, 0, 0]) + time, trun=_RUN)

        assert _only(data).decode_time == 0x7FFFFFFF

    def test_may_begin_after_days(self) -> None:
        data = _fragment(tfhd=_DEFAULTS, tfdt=_words(1 << 24, 3, 5), trun=_RUN)

        assert _only(data).decode_time == 3 << 32 | 5


class TestFragmentReader:
    @pytest.mark.parametrize("step", [1, 7, 100])
    def test_does_not_mind_where_the_pieces_are_cut(self, step: int) -> None:
        data = video_init() + _fragment(tfhd=_DEFAULTS, tfdt=_TIME, trun=_RUN) * 3

        assert _read(data, step=step) == _read(data)
        assert len(_read(data)) == 4

    def test_yields_nothing_that_is_not_whole(self) -> None:
        data = _fragment(tfhd=_DEFAULTS, tfdt=_TIME, trun=_RUN)

        assert _read(data[:-1]) == []

    def test_passes_over_what_players_need_not_know(self) -> None:
        data = _fragment(tfhd=_DEFAULTS, tfdt=_TIME, trun=_RUN)

        assert len(_read(box(b"sidx", bytes(30)) + data + box(b"free", b"") + data + box(b"mfra", bytes(9)))) == 2

    @pytest.mark.parametrize("size", [0, 1, 7, (64 << 20) + 1, 0xFFFFFFFF])
    def test_refuses_sizes_that_cannot_be_before_they_come(self, size: int) -> None:
        with pytest.raises(Fmp4Error, match="cannot be"):
            _read(size.to_bytes(4) + b"mdat")

    @pytest.mark.parametrize(
        "data",
        [
            box(b"mdat", _PAYLOAD),
            box(b"ftyp", b"iso5") + box(b"mdat", _PAYLOAD),
            box(b"moof", b"") + box(b"mdat", _PAYLOAD),
            box(b"moof", box(b"traf", b"")) + box(b"mdat", _PAYLOAD),
            box(b"moov", b""),
            box(b"moov", box(b"trak", box(b"mdia", box(b"mdhd", b"")))),
            _fragment(tfhd=b"", tfdt=b"", trun=b""),
            _fragment(tfhd=_DEFAULTS, tfdt=b"", trun=_RUN),
            _fragment(tfhd=_DEFAULTS, tfdt=_TIME, trun=_RUN, payload=_PAYLOAD + b"k"),
            _fragment(tfhd=_DEFAULTS, tfdt=_TIME, trun=_RUN, payload=_PAYLOAD[:-1]),
            # More samples than are described, and more than can be.
            _fragment(tfhd=_DEFAULTS, tfdt=_TIME, trun=_words(0x000100, 5, 40, 40)),
            _fragment(tfhd=_words(0x10, 1, 0), tfdt=_TIME, trun=_words(0, 0xFFFFFFFF), payload=b""),
            _fragment(tfhd=_DEFAULTS, tfdt=_TIME, trun=_words(0x000200, 2, -5, 15)),
        ],
    )
    def test_refuses_what_is_not_fragments_of_one_track(self, data: bytes) -> None:
        with pytest.raises(Fmp4Error):
            _read(data)

    @pytest.mark.parametrize("seed", range(20))
    def test_refuses_or_reads_anything_and_fails_of_nothing_else(self, seed: int) -> None:
        random = Random(seed)  # noqa: S311  # Repeatable.
        whole = video_init() + _fragment(tfhd=_DEFAULTS, tfdt=_TIME, trun=_words(0x01000F01, 1, 0, 40, 10, _SYNC, 0))
        for _ in range(200):
            broken = bytearray(whole)
            for _ in range(random.randrange(1, 4)):
                broken[random.randrange(len(broken))] = random.randrange(256)
            try:
                _read(bytes(broken))
            except Fmp4Error:
                continue


class TestRenderFragment:
    @pytest.mark.parametrize("seed", range(10))
    def test_writes_what_is_read_again(self, seed: int) -> None:
        random = Random(seed)  # noqa: S311  # Repeatable.
        samples = tuple(
            Sample(
                random.randrange(1 << 20), random.randrange(1, 50), bool(random.randrange(2)), random.randrange(-99, 99)
            )
            for _ in range(random.randrange(1, 40))
        )
        payload, at = random.randbytes(sum(sample.size for sample in samples)), random.randrange(1 << 40)

        assert _only(render_fragment(7, at, samples) + payload) == Fragment(at, samples, memoryview(payload))

    def test_knows_where_each_sample_is(self) -> None:
        assert offsets([Sample(1, 3, True, 0), Sample(1, 4, False, 0)]) == [0, 3, 7]
        assert offsets([]) == [0]

    def test_of_other_sizes_show_the_same_pictures(self) -> None:
        """What the real ffmpeg wrote of pictures that are shown in another order, cut anew."""
        written = _written_by_ffmpeg(flv(size="320x180", seconds=3, x264="bframes=2", profile="main"))
        init, *fragments = _read(written)
        assert isinstance(init, Init)

        cut_anew = init.data + b"".join(_cut_anew([found for found in fragments if isinstance(found, Fragment)]))

        assert _pictures(cut_anew) == _pictures(written)
        assert len(_pictures(written)) > 85


def _sample(random: Random) -> Sample:
    is_sync = random.random() < 0.5
    return Sample(random.randrange(1 << 32), random.randrange(1, 50), is_sync, random.randrange(-99, 99))


def _cut_anew(fragments: list[Fragment]) -> list[bytes]:
    """Return the same samples in fragments of eleven."""
    made: list[bytes] = []
    at = fragments[0].decode_time
    taken = list(chain.from_iterable(_samples(fragment) for fragment in fragments))
    for first in range(0, len(taken), 11):
        group = taken[first : first + 11]
        samples = [sample for sample, _ in group]
        made += [render_fragment(len(made) + 1, at, samples), *(payload for _, payload in group)]
        at += sum(sample.duration for sample in samples)
    return made


def _samples(fragment: Fragment) -> list[tuple[Sample, bytes]]:
    bounds = offsets(fragment.samples)
    return [(sample, bytes(fragment.payload[bounds[i] : bounds[i + 1]])) for i, sample in enumerate(fragment.samples)]


def _written_by_ffmpeg(clip: bytes) -> bytes:
    argv = ["ffmpeg", "-nostdin", "-loglevel", "error", "-copyts", "-f", "flv", "-i", "pipe:0", "-map", "0:v"]
    argv += ["-c", "copy", "-f", "mp4", "-movflags", _FRAGMENTS, "-frag_duration", "127500", "pipe:1"]
    return subprocess.run(argv, input=clip, capture_output=True, check=True).stdout


def _pictures(media: bytes) -> list[str]:
    argv = ["ffmpeg", "-nostdin", "-loglevel", "error", "-copyts", "-i", "pipe:0", "-f", "framemd5", "pipe:1"]
    report = subprocess.run(argv, input=media, capture_output=True, check=True).stdout.decode()
    return [line for line in report.splitlines() if not line.startswith("#")]
