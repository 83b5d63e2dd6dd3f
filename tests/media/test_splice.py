"""One stream of several connections: times and rules, without processes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from streams.media.avc import find_parameter_sets
from streams.media.errors import SourceChangedError
from streams.media.feeds import Slate, read_slate, silence_like
from streams.media.flv import Tag, TagReader, TagType, file_header
from streams.media.marks import Cut, Cuts, KeyFrameMarks
from streams.media.silences import SilenceBegan, SilenceEnded
from streams.media.splice import Splicer
from tests.media.clips import flv

_FRAME_MS = 1000 / 30
_AAC_MS = 1024 / 48
_STEP_MS = 5.0


@pytest.fixture(scope="module")
def slate() -> Slate:
    return read_slate(flv(size="320x180", gop=600, seconds=2, has_audio=False), fps=30)


@pytest.fixture(scope="module")
def other_slate() -> Slate:
    """One whose frames are not those of the clips."""
    return read_slate(flv(size="352x192", gop=600, seconds=2, has_audio=False), fps=30)


@pytest.fixture(scope="module")
def still() -> Slate:
    return read_slate(flv(size="336x192", gop=600, seconds=1, has_audio=False), fps=30)


@dataclass
class Stream:
    """A splicer with a clock of its own; what it returns is read back."""

    marks: KeyFrameMarks = field(default_factory=lambda: KeyFrameMarks(segment_s=2))
    cuts: Cuts = field(default_factory=Cuts)
    now_ms: float = 50_000.0
    sent: list[Tag] = field(default_factory=list)
    # When each was sent.
    sent_at: list[float] = field(default_factory=list)
    longest_gap_s: float = 0.0

    def __post_init__(self) -> None:
        self.splicer = Splicer(marks=self.marks, cuts=self.cuts, longest_pause_s=0.7, longest_gap_s=self.longest_gap_s)
        self._reader = TagReader()
        list(self._reader.feed(file_header(has_sound=True)))

    def play(self, tags: list[Tag], *, late_ms: float = 0.0) -> None:
        """Take in tags in their own time, from now on."""
        began_at, first_ms = self.now_ms, tags[0].timestamp_ms
        for tag in tags:
            self.wait_until(began_at + tag.timestamp_ms - first_ms)
            self._note(self.splicer.take(tag, now_ms=self.now_ms + late_ms))

    def burst(self, tags: list[Tag]) -> None:
        """Take in tags at once."""
        for tag in tags:
            self._note(self.splicer.take(tag, now_ms=self.now_ms))

    def wait(self, ms: float) -> None:
        self.wait_until(self.now_ms + ms)

    def wait_until(self, at_ms: float) -> None:
        while self.now_ms < at_ms:
            self.now_ms = min(at_ms, self.now_ms + _STEP_MS)
            self._note(self.splicer.fill(now_ms=self.now_ms))

    def pictures(self) -> list[Tag]:
        return [tag for tag in self.sent if tag.type == TagType.VIDEO and tag.is_media]

    def sounds(self) -> list[Tag]:
        return [tag for tag in self.sent if tag.type == TagType.AUDIO and tag.is_media]

    def all_cuts(self) -> list[Cut]:
        found: list[Cut] = []
        while (cut := self.cuts.at(len(found))) is not None:
            found.append(cut)
        return found

    def _note(self, made: list[bytes]) -> None:
        tags = list(self._reader.feed(b"".join(made)))
        self.sent += tags
        self.sent_at += [self.now_ms] * len(tags)


def _tags(**how: object) -> list[Tag]:
    clip = flv(**({"size": "320x180", "gop": 30, "seconds": 3} | how))
    found = [tag for tag in TagReader().feed(clip) if tag.type != TagType.SCRIPT]
    return sorted(found, key=lambda tag: tag.timestamp_ms)


def _from(tags: list[Tag], *, at_ms: int) -> list[Tag]:
    """Return what an encoder sends that has been at it for a while: first what it announces."""
    told = [tag._replace(timestamp_ms=at_ms) for tag in tags if tag.announced]
    return told + [tag for tag in tags if tag.is_media and tag.timestamp_ms >= at_ms]


def _steps(tags: list[Tag]) -> Iterator[int]:
    return (after.timestamp_ms - before.timestamp_ms for before, after in pairwise(tags))


def _live(slate: Slate, *, longest_gap_s: float = 0.0, **how: object) -> Stream:
    """Return a stream whose encoder has sent three seconds."""
    stream = Stream(longest_gap_s=longest_gap_s)
    tags = _tags(**how)
    stream.burst(tags[:4])
    stream.splicer.bridge(slate, has_sound=True)
    stream.play(tags[4:])
    return stream


def _record(stream: Stream) -> bytes:
    return next(tag.record for tag in stream.sent if tag.type == TagType.VIDEO and tag.announced)


class TestOneConnection:
    def test_goes_through_as_it_is_but_for_key_frames(self, slate: Slate) -> None:
        stream = _live(slate)

        ours = [(tag.type, tag.timestamp_ms) for tag in stream.sent if tag.is_media]
        assert ours == [(tag.type, tag.timestamp_ms) for tag in _tags() if tag.is_media]
        assert stream.all_cuts() == []
        sets = find_parameter_sets(_record(stream))
        for tag in stream.pictures():
            assert all(unit in tag.body for unit in sets) is tag.is_key_frame

    def test_keeps_its_own_times_however_late_it_comes(self, slate: Slate) -> None:
        stream = Stream()
        stream.splicer.bridge(slate, has_sound=True)
        tags = [tag._replace(timestamp_ms=tag.timestamp_ms + 7_000_000) for tag in _tags()]
        stream.play(tags, late_ms=400)

        assert stream.pictures()[0].timestamp_ms == next(tag.timestamp_ms for tag in tags if tag.is_key_frame)

    def test_ends_where_flv_has_no_times_any_more(self) -> None:
        stream = Stream()
        tags = _from(_tags(), at_ms=0)
        stream.burst([tag._replace(timestamp_ms=(1 << 32) - 500) for tag in tags[:6]])
        stream.splicer.leave()

        stream.now_ms += 600
        with pytest.raises(SourceChangedError):
            stream.burst(_from(_tags(), at_ms=0))


class TestSlate:
    def test_follows_the_last_picture_at_the_sources_rate(self, slate: Slate) -> None:
        stream = _live(slate)
        last = stream.pictures()[-1]
        stream.splicer.leave()
        stream.wait(5000)

        shown = [tag for tag in stream.pictures() if tag.timestamp_ms > last.timestamp_ms]
        assert shown[0].timestamp_ms - last.timestamp_ms == pytest.approx(_FRAME_MS, abs=1)
        assert set(_steps(shown)) == {33, 34}
        assert [tag.is_key_frame for tag in shown] == [number % 60 == 0 for number in range(len(shown))]
        (cut,) = stream.all_cuts()
        assert cut == Cut(shown[0].timestamp_ms, picture=slate.record, shows_slate=True)
        assert not stream.cuts.begins_with_slate

    def test_is_sent_by_the_clock_and_no_sooner(self, slate: Slate) -> None:
        stream = _live(slate)
        lag_ms = stream.now_ms - stream.sent[-1].timestamp_ms
        count = len(stream.sent)
        stream.splicer.leave()
        stream.wait(4000)

        lags = [
            at - tag.timestamp_ms - lag_ms for tag, at in zip(stream.sent[count:], stream.sent_at[count:], strict=True)
        ]
        assert max(lags) < 3 * _FRAME_MS
        assert min(lags) > -2 * _FRAME_MS

    def test_comes_with_silence_and_both_end_together(self, slate: Slate) -> None:
        stream = _live(slate)
        stream.splicer.leave()
        stream.wait(3000)

        sounds = stream.sounds()
        assert max(_steps(sounds)) <= 22
        assert min(_steps(sounds)) >= 20
        assert abs(sounds[-1].timestamp_ms - stream.pictures()[-1].timestamp_ms) <= _FRAME_MS + _AAC_MS
        assert sounds[-1].body[2:] == silence_like(bytes.fromhex("1190")).frame[2:]

    def test_without_sound_is_silent_altogether(self, slate: Slate) -> None:
        stream = Stream()
        stream.splicer.bridge(slate, has_sound=False)
        stream.play(_tags(has_audio=False))
        stream.splicer.leave()
        stream.wait(3000)

        assert stream.sounds() == []
        assert len(stream.pictures()) > 170

    @pytest.mark.parametrize(("ms", "is_shown"), [(650, False), (710, True)])
    def test_is_shown_when_nothing_came_for_a_while(self, slate: Slate, ms: float, is_shown: bool) -> None:
        stream = _live(slate)
        stream.wait(ms)

        assert stream.splicer.is_live is not is_shown
        # It makes up for the time in which nobody knew.
        ends = stream.now_ms - 50_000 - _FRAME_MS
        assert (stream.pictures()[-1].timestamp_ms > ends - 4 * _FRAME_MS) is is_shown

    def test_comes_after_frames_that_are_shown_later(self, slate: Slate) -> None:
        stream = _live(slate, x264="bframes=2")
        last_ms = max(tag.shown_ms for tag in stream.pictures())
        count = len(stream.pictures())
        stream.splicer.leave()
        stream.wait(500)

        # All of it: none is in between those frames.
        shown = stream.pictures()[count:]
        assert shown[0].timestamp_ms - last_ms == pytest.approx(_FRAME_MS, abs=1)

    def test_goes_on_although_another_encoder_comes_and_leaves_before_its_picture(self, slate: Slate) -> None:
        stream = _live(slate)
        stream.splicer.leave()
        stream.wait(500)
        stream.play([tag for tag in _from(_tags(), at_ms=0) if not tag.is_key_frame])
        stream.splicer.leave()
        stream.wait(500)

        assert len(stream.all_cuts()) == 1
        assert max(_steps(stream.pictures())) <= 34

    def test_can_begin_a_stream(self, slate: Slate) -> None:
        stream = Stream()
        stream.splicer.leave()
        stream.splicer.bridge(slate, has_sound=True, config=bytes.fromhex("1210"))
        stream.wait(1000)

        assert _record(stream) == slate.record
        assert [tag.announced for tag in stream.sent if tag.type == TagType.AUDIO and tag.announced] == [
            bytes.fromhex("1210")
        ]
        assert stream.pictures()[0].timestamp_ms == 0
        assert stream.all_cuts() == []
        assert stream.cuts.begins_with_slate
        assert len(stream.pictures()) == pytest.approx(30, abs=2)


class TestReturn:
    @pytest.mark.parametrize("away_ms", [100, 1234, 30_000])
    @pytest.mark.parametrize("begins_ms", [0, 1000])
    def test_goes_on_behind_the_slate_in_wall_time(self, slate: Slate, away_ms: float, begins_ms: int) -> None:
        stream = _live(slate)
        stream.splicer.leave()
        stream.wait(away_ms)
        stream.play(_from(_tags(), at_ms=begins_ms))

        pictures = stream.pictures()
        assert stream.splicer.is_live
        at = stream.all_cuts()[1].at_ms
        assert next(tag for tag in pictures if tag.timestamp_ms == at).is_key_frame
        assert min(_steps(pictures)) > 0
        assert max(_steps(pictures)) < 3 * _FRAME_MS
        assert min(_steps(stream.sounds())) > _AAC_MS / 2
        # Half a frame is missing at most, or too much.
        assert max(_steps(stream.sounds())) <= 1.5 * _AAC_MS + 1
        # As far behind the wall clock as before.
        lag_ms = stream.now_ms - 50_000 - pictures[-1].timestamp_ms
        assert abs(lag_ms) < 4 * _FRAME_MS

    def test_waits_for_a_key_frame_of_the_picture(self, slate: Slate) -> None:
        stream = _live(slate)
        stream.splicer.leave()
        tags = _from(_tags(), at_ms=500)
        stream.play(tags)

        at = stream.all_cuts()[1].at_ms
        shown = next(tag for tag in stream.pictures() if tag.timestamp_ms == at)
        assert shown.is_key_frame
        slate_frames = [tag for tag in stream.pictures() if stream.all_cuts()[0].at_ms <= tag.timestamp_ms < at]
        assert len(slate_frames) == pytest.approx(15, abs=3)

    def test_is_told_with_all_that_decoders_need(self, slate: Slate) -> None:
        stream = _live(slate)
        stream.splicer.leave()
        stream.wait(500)
        stream.play(_from(_tags(profile="main", size="640x360"), at_ms=0))

        record = next(tag.record for tag in _tags(profile="main", size="640x360") if tag.type == TagType.VIDEO)
        assert stream.all_cuts()[1].picture == record
        assert [cut.shows_slate for cut in stream.all_cuts()] == [True, False]
        assert stream.all_cuts()[1].sound == b""
        # Decoders are told of one sequence alone, and find the others in the picture.
        assert sum(bool(tag.announced) for tag in stream.sent if tag.type == TagType.VIDEO) == 1
        back = next(tag for tag in stream.pictures() if tag.timestamp_ms == stream.all_cuts()[1].at_ms)
        assert all(unit in back.body for unit in find_parameter_sets(record))

    def test_with_other_sound_tells_of_it_at_the_splice(self, slate: Slate) -> None:
        stream = _live(slate)
        stream.splicer.leave()
        stream.wait(500)
        other = bytes.fromhex("1210")
        tags = [
            tag._replace(announced=other, body=b"\xaf\x00" + other) if tag.announced and tag.is_aac else tag
            for tag in _from(_tags(), at_ms=0)
        ]
        stream.play(tags)

        assert stream.all_cuts()[1].sound == other
        assert [tag.announced for tag in stream.sent if tag.is_aac and tag.announced][-1] == other

    def test_without_sound_is_silent(self, slate: Slate) -> None:
        stream = _live(slate)
        stream.splicer.leave()
        stream.wait(500)
        stream.play(_from(_tags(has_audio=False), at_ms=0))

        assert max(_steps(stream.sounds())) <= 22
        assert stream.pictures()[-1].timestamp_ms - stream.sounds()[-1].timestamp_ms < 2 * _FRAME_MS

    def test_has_no_sound_before_it_has_told_of_it(self, slate: Slate) -> None:
        stream = _live(slate)
        stream.splicer.leave()
        stream.wait(500)
        count = len(stream.sounds())
        stream.play([tag for tag in _from(_tags(), at_ms=0) if not (tag.announced and tag.is_aac)])

        # What the encoder before it has told is not how it is decoded.
        assert {tag.body for tag in stream.sounds()[count:]} == {silence_like(bytes.fromhex("1190")).frame}

    def test_goes_on_behind_a_jump_of_the_encoders_clock(self, slate: Slate) -> None:
        stream = _live(slate)
        stream.splicer.jump()
        stream.play([tag._replace(timestamp_ms=tag.timestamp_ms + 90_000_000) for tag in _from(_tags(), at_ms=0)])

        assert len(stream.all_cuts()) in {1, 2}
        assert max(_steps(stream.pictures())) < 4 * _FRAME_MS
        assert stream.pictures()[-1].timestamp_ms < 10_000


class TestPause:
    def _paused(self, slate: Slate) -> tuple[Stream, list[Tag]]:
        stream = Stream()
        tags = _tags(seconds=8)
        stream.burst(tags[:4])
        stream.splicer.bridge(slate, has_sound=True)
        stream.play([tag for tag in tags[4:] if tag.timestamp_ms < 2000])
        stream.wait(2000)
        return stream, [tag for tag in tags if tag.timestamp_ms >= 2000]

    def test_of_the_same_connection_ends_with_a_key_frame_of_now(self, slate: Slate) -> None:
        stream, rest = self._paused(slate)
        stream.burst([tag for tag in rest if tag.timestamp_ms < 4000])
        assert not stream.splicer.is_live
        stream.play([tag for tag in rest if tag.timestamp_ms >= 4000])

        assert stream.splicer.is_live
        # Its own times hold.
        assert stream.pictures()[-1].timestamp_ms == rest[-1].timestamp_ms or stream.splicer.is_live
        assert max(_steps(stream.pictures())) < 3 * _FRAME_MS
        assert min(_steps(stream.pictures())) > 0

    def test_that_follows_another_ends_with_a_key_frame_of_now_too(self, slate: Slate) -> None:
        stream, rest = self._paused(slate)
        stream.play([tag for tag in rest if 4000 <= tag.timestamp_ms < 5000])
        stream.wait(1500)
        stream.burst([tag for tag in rest if 5000 <= tag.timestamp_ms < 6500])
        assert not stream.splicer.is_live
        stream.play([tag for tag in rest if tag.timestamp_ms >= 6500])

        assert stream.splicer.is_live
        assert min(_steps(stream.pictures())) > 0

    def test_of_an_encoder_whose_clock_stood_still_ends_too(self, slate: Slate) -> None:
        stream, rest = self._paused(slate)
        stream.play(rest)

        assert stream.splicer.is_live
        assert max(_steps(stream.pictures())) < 3 * _FRAME_MS
        assert min(_steps(stream.pictures())) > 0

    def test_of_sound_alone_is_filled_with_silence(self, slate: Slate) -> None:
        stream = Stream()
        tags = [tag for tag in _tags(seconds=8) if not tag.is_aac or not 2000 < tag.timestamp_ms < 5000]
        stream.burst(tags[:4])
        stream.splicer.bridge(slate, has_sound=True)
        stream.play(tags[4:])

        assert stream.splicer.is_live
        assert max(_steps(stream.sounds())) <= 2 * _AAC_MS
        assert min(_steps(stream.sounds())) >= _AAC_MS / 2
        silence = silence_like(bytes.fromhex("1190")).frame
        silent = [tag.timestamp_ms for tag in stream.sounds() if tag.body == silence]
        assert 2000 < silent[0] < 2050
        assert 4900 < silent[-1] < 5050


class TestStill:
    """Of the last picture, which takes a while."""

    def _bodies(self, stream: Stream, slate: Slate) -> int:
        return sum(tag.body in slate.bodies for tag in stream.pictures())

    @pytest.mark.parametrize("leaves", [True, False])
    def test_is_shown_and_the_slate_is_not(self, other_slate: Slate, still: Slate, leaves: bool) -> None:
        stream = _live(other_slate, longest_gap_s=0.85)
        last_ms, count = stream.pictures()[-1].timestamp_ms, len(stream.pictures())
        if leaves:
            stream.splicer.leave()
        stream.wait(800)
        assert len(stream.pictures()) == count
        stream.splicer.show(still)
        stream.wait(2000)

        shown = stream.pictures()[count:]
        assert [tag.body for tag in shown] == [still.bodies[number % 30] for number in range(len(shown))]
        # Nothing is missing.
        assert shown[0].timestamp_ms - last_ms == pytest.approx(_FRAME_MS, abs=1)
        assert set(_steps(shown)) == {33, 34}
        assert shown[-1].timestamp_ms - last_ms > 2700
        assert stream.all_cuts() == [Cut(shown[0].timestamp_ms, picture=still.record, shows_slate=True)]
        assert max(_steps(stream.sounds())) <= 22

    def test_that_does_not_come_in_time_follows_the_slate(self, other_slate: Slate, still: Slate) -> None:
        stream = _live(other_slate, longest_gap_s=0.85)
        stream.splicer.leave()
        stream.wait(800)
        due_ms = stream.splicer.due_in_ms(now_ms=stream.now_ms)
        assert due_ms is not None
        assert 0 < due_ms <= 90
        stream.wait(200)
        assert self._bodies(stream, other_slate) > 20
        stream.splicer.show(still)
        stream.wait(1000)

        assert self._bodies(stream, still) == pytest.approx(30, abs=2)
        assert [cut.picture for cut in stream.all_cuts()] == [other_slate.record, still.record]
        assert max(_steps(stream.pictures())) <= 34

    def test_that_there_is_not_leaves_the_slate(self, other_slate: Slate) -> None:
        stream = _live(other_slate, longest_gap_s=0.85)
        stream.splicer.leave()
        stream.splicer.show(None)
        stream.wait(100)

        assert self._bodies(stream, other_slate) >= 2

    def test_is_asked_for_again_after_each_return(self, other_slate: Slate, still: Slate) -> None:
        stream = _live(other_slate, longest_gap_s=0.85)
        stream.splicer.leave()
        stream.splicer.show(still)
        stream.wait(1000)
        stream.play(_from(_tags(), at_ms=0))
        stream.splicer.show(still)
        before = self._bodies(stream, still)
        stream.splicer.leave()
        stream.wait(2000)

        assert self._bodies(stream, still) == before
        assert self._bodies(stream, other_slate) > 30

    def test_is_not_waited_for_by_an_encoder_that_is_back_at_once(self, other_slate: Slate) -> None:
        stream = _live(other_slate, longest_gap_s=0.85)
        stream.splicer.leave()
        stream.wait(300)
        stream.play(_from(_tags(), at_ms=0))

        assert self._bodies(stream, other_slate) == pytest.approx(9, abs=3)
        assert max(_steps(stream.pictures())) < 3 * _FRAME_MS

    def test_can_begin_a_stream(self, other_slate: Slate, still: Slate) -> None:
        stream = Stream(longest_gap_s=0.85)
        stream.splicer.leave()
        stream.splicer.show(still)
        stream.splicer.bridge(other_slate, has_sound=True)
        stream.wait(1000)

        assert self._bodies(stream, still) == len(stream.pictures()) == pytest.approx(30, abs=2)


class TestSilence:
    def test_of_a_connection_that_stays_is_told(self, slate: Slate) -> None:
        stream = _live(slate)
        stream.wait(2000)
        assert stream.splicer.silences.take_news(now_ms=stream.now_ms) == [SilenceBegan()]
        rest = [tag._replace(timestamp_ms=tag.timestamp_ms + 5000) for tag in _tags() if tag.is_media]
        stream.play(rest)

        (ended,) = stream.splicer.silences.take_news(now_ms=stream.now_ms)
        assert isinstance(ended, SilenceEnded)
        assert 1.9 < ended.silent_s < 3.2

    def test_of_one_that_ends_is_none(self, slate: Slate) -> None:
        stream = _live(slate)
        stream.splicer.leave()
        stream.wait(2000)

        assert stream.splicer.silences.take_news(now_ms=stream.now_ms) == []


class TestDue:
    def test_is_known_before_it_is(self, slate: Slate) -> None:
        assert Stream().splicer.due_in_ms(now_ms=0) is None
        stream = _live(slate)
        live_ms = stream.splicer.due_in_ms(now_ms=stream.now_ms)
        assert live_ms is not None
        assert 600 < live_ms <= 700
        stream.splicer.leave()
        stream.wait(1000)
        slate_ms = stream.splicer.due_in_ms(now_ms=stream.now_ms)
        assert slate_ms is not None
        assert 0 <= slate_ms <= _FRAME_MS
