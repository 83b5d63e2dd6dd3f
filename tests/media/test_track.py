"""Cutting sample streams: nothing is lost, nothing is too long, and all cuts are where they should be."""

from dataclasses import replace
from itertools import pairwise

import pytest

from streams.media.fragments import Fragment, Sample
from streams.media.marks import Cut, Cuts, KeyFrameMarks, Marks
from streams.media.targets import Latency, Targets, choose_targets
from streams.media.track import Chunk, Track
from tests.media.samples import (
    TIMESCALE,
    Frame,
    check_cut,
    cut,
    even_frames,
    even_marks,
    frames_by_chance,
    key_marks,
    numbers,
    segments,
)

LOW = choose_targets(Latency.LOW, fps=30)
STANDARD = choose_targets(Latency.STANDARD, fps=30)
RATES = [23.976, 24, 25, 29.97, 30, 50, 59.94, 60]
AAC_PER_S = 48_000 / 1024


def _seconds(chunks: list[Chunk]) -> list[float]:
    return [round(sum(chunk.duration for chunk in segment) / TIMESCALE, 3) for segment in segments(chunks)]


def _begins_ms(chunks: list[Chunk]) -> list[float]:
    return [segment[0].decode_time * 1000 / TIMESCALE for segment in segments(chunks)]


class TestAnything:
    @pytest.mark.parametrize("targets", [LOW, STANDARD], ids=["low", "standard"])
    @pytest.mark.parametrize("seed", range(40))
    def test_is_cut_without_loss_and_never_too_long(self, seed: int, targets: Targets) -> None:
        frames = frames_by_chance(seed, seconds=40)

        check_cut(cut(frames, targets, key_marks(frames, targets), seed=seed), frames, targets)

    @pytest.mark.parametrize("seed", range(40))
    def test_begins_segments_at_key_frames_alone_unless_there_is_none_in_time(self, seed: int) -> None:
        frames = frames_by_chance(seed, seconds=40)

        found = segments(cut(frames, LOW, key_marks(frames, LOW), seed=seed))

        for before, segment in pairwise(found):
            length_s = sum(chunk.duration for chunk in before) / TIMESCALE
            is_forced = before[-1].is_too_long or segment[0].is_too_long
            fits = length_s + segment[0].samples[0].duration / TIMESCALE <= 4.4
            assert segment[0].is_independent or is_forced or not fits

    @pytest.mark.parametrize("seed", range(10))
    def test_is_cut_alike_however_it_is_handed_over(self, seed: int) -> None:
        frames = frames_by_chance(seed, seconds=20)
        marks = key_marks(frames, LOW)

        first, second = (cut(frames, LOW, marks, seed=how) for how in (1, 2))

        assert [numbers(chunk) for chunk in first] == [numbers(chunk) for chunk in second]


def _cuts(*at_ms: float) -> Cuts:
    cuts = Cuts()
    for each in at_ms:
        cuts.note(Cut(each))
    return cuts


class TestCuts:
    def test_begin_segments_however_short_the_one_before_is(self) -> None:
        frames = even_frames(fps=30, seconds=4.3) + even_frames(fps=30, seconds=4, first_ms=4300)

        chunks = cut(frames, LOW, key_marks(frames, LOW), cuts=_cuts(4300))

        assert _begins_ms(chunks)[:4] == [0, 2000, 4000, 4300]
        assert [segment[0].cuts for segment in segments(chunks)][:4] == [0, 0, 0, 1]
        assert {chunk.cuts for chunk in chunks if chunk.decode_time < 4300 * 90} == {0}

    def test_of_pictures_wait_for_a_key_frame(self) -> None:
        frames = even_frames(fps=30, seconds=8)

        chunks = cut(frames, LOW, key_marks(frames, LOW), cuts=_cuts(4500))

        assert min(chunk.decode_time for chunk in chunks if chunk.cuts) == 6000 * 90

    def test_of_sound_are_at_the_nearest_frame(self) -> None:
        frames = even_frames(fps=AAC_PER_S, seconds=8, key_every_s=0)

        chunks = cut(frames, LOW, even_marks(frames, LOW), is_video=False, cuts=_cuts(4500))

        assert abs(min(chunk.decode_time for chunk in chunks if chunk.cuts) / 90 - 4500) <= 500 / AAC_PER_S + 1

    def test_may_come_together(self) -> None:
        frames = even_frames(fps=30, seconds=8)

        chunks = cut(frames, LOW, key_marks(frames, LOW), cuts=_cuts(3990, 3995))

        assert [segment[0].cuts for segment in segments(chunks)] == [0, 0, 2, 2]

    @pytest.mark.parametrize("seed", range(10))
    def test_lose_nothing_wherever_they_are(self, seed: int) -> None:
        frames = frames_by_chance(seed, seconds=20)
        keys = [frame.at_ms for frame in frames if frame.is_sync]

        chunks = cut(frames, LOW, key_marks(frames, LOW), cuts=_cuts(*keys[1::2]), seed=seed)

        check_cut(chunks, frames, LOW)
        begins = _begins_ms(chunks)
        assert set(keys[1::2]) <= set(begins)


class TestSegments:
    @pytest.mark.parametrize("fps", RATES)
    @pytest.mark.parametrize("targets", [LOW, STANDARD], ids=["low", "standard"])
    def test_begin_at_the_sources_key_frames(self, fps: float, targets: Targets) -> None:
        frames = even_frames(fps=fps, seconds=41, first_ms=777)

        chunks = cut(frames, targets, key_marks(frames, targets))

        check_cut(chunks, frames, targets)
        keys = [frame.at_ms for frame in frames if frame.is_sync]
        assert _begins_ms(chunks) == (keys if targets is LOW else keys[::2])

    @pytest.mark.parametrize("fps", [*RATES, 7, 11, 13])
    @pytest.mark.parametrize("targets", [LOW, STANDARD], ids=["low", "standard"])
    def test_begin_at_our_own_key_frames(self, fps: float, targets: Targets) -> None:
        # As ffmpeg forces them: at the first picture that is due, which may be half a picture later than the mark.
        frames = even_frames(fps=fps, seconds=121, key_every_s=targets.segment_s, first_ms=333)

        chunks = cut(frames, targets, even_marks(frames, targets))

        check_cut(chunks, frames, targets)
        assert _begins_ms(chunks) == [frame.at_ms for frame in frames if frame.is_sync]

    def test_of_pictures_of_any_length_wait_for_the_key_frame(self) -> None:
        frames = [Frame(0, 1700, is_sync=True), Frame(1700, 300), Frame(2000, 50), Frame(2050, 100, is_sync=True)]
        standard = replace(STANDARD, segment_s=2.0)

        chunks = cut(frames, standard, key_marks(frames, standard))

        assert _begins_ms(chunks) == [0, 2050]

    @pytest.mark.parametrize("off_ms", [-19, -9, 0, 9, 20])
    def test_begin_at_the_key_frames_that_ffmpeg_moved(self, off_ms: int) -> None:
        """What is encoded beside a source that is passed through has even times of its own."""
        source = even_frames(fps=25, seconds=41, first_ms=777)
        frames = even_frames(fps=25, seconds=41, first_ms=777 + off_ms)

        chunks = cut(frames, LOW, key_marks(source, LOW), is_exact=False)

        check_cut(chunks, frames, LOW)
        assert _begins_ms(chunks) == [frame.at_ms for frame in frames if frame.is_sync]

    def test_of_sound_begin_at_the_nearest_frame(self) -> None:
        pictures = even_frames(fps=30, seconds=41)
        frames = [replace(frame, is_sync=True) for frame in even_frames(fps=AAC_PER_S, seconds=41)]

        chunks = cut(frames, LOW, key_marks(pictures, LOW), is_video=False)

        check_cut(chunks, frames, LOW)
        keys = [frame.at_ms for frame in pictures if frame.is_sync]
        assert len(keys) == len(_begins_ms(chunks))
        assert max(abs(at_ms - key) for at_ms, key in zip(_begins_ms(chunks), keys, strict=True)) <= 11

    def test_end_with_the_part_before_the_mark_which_waits_for_nothing(self) -> None:
        frames = even_frames(fps=30, seconds=4)
        track = _track(key_marks(frames, LOW))
        before = [frame for frame in frames if frame.at_ms < 2000]
        samples = tuple(Sample(frame.duration_ms * 90, 1, frame.is_sync, 0) for frame in before)

        *_, last = track.take(Fragment(0, samples, memoryview(bytes(len(samples)))))

        assert (last.decode_time + last.duration, last.ends_segment) == (2000 * 90, True)

    def test_are_as_long_as_they_may_be_without_marks(self) -> None:
        frames = even_frames(fps=30, seconds=10, key_every_s=60)

        chunks = cut(frames, LOW, KeyFrameMarks(segment_s=2))

        check_cut(chunks, frames, LOW)
        assert _seconds(chunks) == pytest.approx([4.4, 4.4, 1.2], abs=0.04)

    @pytest.mark.parametrize("late", [0, 1])
    @pytest.mark.parametrize("is_exact", [True, False])
    def test_begin_at_key_frames_that_are_shown_later_than_they_are_decoded(self, late: int, is_exact: bool) -> None:
        """As encoders with pictures in between have them; what is encoded anew may have its key frame a little late."""
        frames = even_frames(fps=25, seconds=20, key_every_s=1.96)
        shown_later = [80, 120, 40, 0]
        samples = tuple(
            Sample(frame.duration_ms * 90, 1, frame.is_sync, (80 if frame.is_sync else shown_later[number % 4]) * 90)
            for number, frame in enumerate(frames)
        )
        marks = KeyFrameMarks(segment_s=2)
        keys = [frame.at_ms for frame in frames if frame.is_sync]
        for at_ms in keys:
            marks.note(at_ms + 80 - 40 * late)
        track = _track(marks, is_exact=is_exact)

        chunks = [*track.take(Fragment(0, samples, memoryview(bytes(len(samples))))), *track.finish()]

        assert tuple(sample for chunk in chunks for sample in chunk.samples) == samples
        assert _begins_ms(chunks) == keys
        assert all(segment[0].is_independent for segment in segments(chunks))
        assert max(chunk.duration for chunk in chunks) <= LOW.part_s * TIMESCALE

    def test_keep_what_pictures_are_shown_in_another_order(self) -> None:
        frames = even_frames(fps=30, seconds=4)
        offsets = [0, 180, -90, -90]
        samples = tuple(
            Sample(frame.duration_ms * 90, 1, frame.is_sync, offsets[number % 4] * 33)
            for number, frame in enumerate(frames)
        )
        track = _track(key_marks(frames, LOW))

        chunks = [*track.take(Fragment(0, samples, memoryview(bytes(len(samples))))), *track.finish()]

        assert tuple(sample for chunk in chunks for sample in chunk.samples) == samples


class TestParts:
    @pytest.mark.parametrize("gop_s", [1.7, 2, 2.5, 3.1, 4.3])
    @pytest.mark.parametrize("fps", [50, 60, 120])
    def test_are_alike_once_it_is_known_how_long_segments_are(self, fps: int, gop_s: float) -> None:
        targets = choose_targets(Latency.LOW, fps=fps)
        frames = even_frames(fps=fps, seconds=20, key_every_s=gop_s)

        found = segments(cut(frames, targets, key_marks(frames, targets)))

        for parts in found[1:-1]:
            counts = [len(part.samples) for part in parts]
            most = int(targets.part_s * fps)
            assert len(counts) == -(-sum(counts) // most)
            assert max(counts) - min(counts) <= 1, counts

    def test_of_sound_are_as_long_as_they_may_be(self) -> None:
        pictures, frames = (even_frames(fps=fps, seconds=9) for fps in (30, AAC_PER_S))

        found = segments(cut(frames, LOW, key_marks(pictures, LOW), is_video=False))

        # 93.75 frames in a segment; ten would be longer than a part may be.
        assert [len(part.samples) for part in found[1][:-1]] == [9] * 10

    def test_are_half_seconds_where_nobody_is_told_of_them(self) -> None:
        frames = even_frames(fps=30, seconds=9)

        found = segments(cut(frames, STANDARD, key_marks(frames, STANDARD)))

        assert [[len(part.samples) for part in parts] for parts in found] == [[15] * 8, [15] * 8, [15] * 2]


class TestLongPictures:
    def test_are_segments_of_their_own_which_are_not_handed_out_in_parts(self) -> None:
        frames = [*even_frames(fps=30, seconds=1), Frame(1000, 900), *even_frames(fps=30, seconds=1, first_ms=1900)]

        chunks = cut(frames, LOW, KeyFrameMarks(segment_s=2))

        check_cut(chunks, frames, LOW)
        assert [chunk.is_too_long for chunk in chunks].count(True) == 1
        assert _seconds(chunks) == [1.0, 0.9, 1.0]

    def test_take_nothing_with_them_of_what_came_before(self) -> None:
        # A part has begun when it comes.
        frames = [*even_frames(fps=30, seconds=1.1), Frame(1100, 900), *even_frames(fps=30, seconds=1, first_ms=2000)]

        chunks = cut(frames, LOW, KeyFrameMarks(segment_s=2))

        assert _seconds(chunks) == [1.1, 0.9, 1.0]

    def test_of_an_encoder_that_stood_still_are_as_long_as_a_segment_may_be(self) -> None:
        frames = [*even_frames(fps=30, seconds=1), Frame(1000, 9000), *even_frames(fps=30, seconds=1, first_ms=10_000)]

        chunks = cut(frames, LOW, KeyFrameMarks(segment_s=2))

        assert _seconds(chunks) == [1.0, 4.4, 1.0]
        assert chunks[-1].decode_time < 11_000 * 90
        assert _begins_ms(chunks) == [0, 1000, 10_000]
        assert [number for chunk in chunks for number in numbers(chunk)] == list(range(len(frames)))


class TestTake:
    def test_cuts_where_times_jump(self) -> None:
        track = _track(KeyFrameMarks(segment_s=2))
        frame = (Sample(3000, 1, True, 0),)

        before = list(track.take(Fragment(0, frame, memoryview(b"a"))))
        jumped = list(track.take(Fragment(90_000, frame, memoryview(b"b"))))
        rest = list(track.finish())

        assert before == []
        assert [(chunk.decode_time, bytes(chunk.payloads[0])) for chunk in jumped + rest] == [(0, b"a"), (90_000, b"b")]

    def test_leaves_out_what_came_before_the_first_picture(self) -> None:
        frames = [replace(frame, is_sync=True) for frame in even_frames(fps=AAC_PER_S, seconds=3)]

        chunks = cut(frames, LOW, KeyFrameMarks(segment_s=2), is_video=False, begins_at_ms=1000)

        first = frames[numbers(chunks[0])[0]]
        assert abs(first.at_ms - 1000) <= first.duration_ms / 2
        assert [number for chunk in chunks for number in numbers(chunk)] == list(range(47, len(frames)))

    @pytest.mark.parametrize(("begins_at_ms", "first"), [(0, 0), (1010, 50), (1011, 51), (1020, 51)])
    def test_begins_with_what_is_half_there_then(self, begins_at_ms: float, first: int) -> None:
        frames = [Frame(20 * number, 20, is_sync=True) for number in range(100)]

        chunks = cut(frames, LOW, KeyFrameMarks(segment_s=2), is_video=False, begins_at_ms=begins_at_ms)

        assert numbers(chunks[0])[0] == first

    def test_leaves_out_what_begins_before_times_can_be_told(self) -> None:
        """Of a stream that begins at 0, what an encoder of sound puts in front of it reaches into it."""
        frames = [Frame(20 * number - 8, 20, is_sync=True) for number in range(100)]

        chunks = cut(frames, LOW, KeyFrameMarks(segment_s=2), is_video=False, begins_at_ms=0)

        assert (numbers(chunks[0])[0], chunks[0].decode_time) == (1, 12 * TIMESCALE // 1000)

    def test_ends_with_what_is_left(self) -> None:
        chunks = cut(even_frames(fps=30, seconds=0.1), LOW, KeyFrameMarks(segment_s=2))

        assert [(chunk.begins_segment, chunk.ends_segment) for chunk in chunks] == [(True, True)]
        assert list(_track(KeyFrameMarks(segment_s=2)).finish()) == []


def _track(marks: Marks, *, is_exact: bool = True) -> Track:
    return Track(timescale=TIMESCALE, is_video=True, is_exact=is_exact, targets=LOW, marks=marks, begins_at_ms=0)
