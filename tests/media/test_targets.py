"""What players are promised of parts holds at any frame rate. Source: RFC 8216bis 4.4.4.9."""

from dataclasses import replace
from itertools import chain

import pytest

from streams.media.fragments import Fragment, Sample
from streams.media.marks import EvenMarks
from streams.media.targets import Latency, Targets, choose_targets
from streams.media.track import Chunk, Track
from tests.media.samples import TIMESCALE, cut, even_frames, even_marks, segments

RATES = [*range(1, 121), 12.5, 14.985, 23.976, 29.97, 47.952, 59.94, 119.88]
# AAC at 48 and 44.1 kHz.
SOUND = [48_000 / 1024, 44_100 / 1024]


class TestChooseTargets:
    @pytest.mark.parametrize("fps", [*RATES, *SOUND])
    def test_of_low_latency_are_kept_by_every_part(self, fps: float) -> None:
        targets = choose_targets(Latency.LOW, fps=fps)
        frames = even_frames(fps=fps, seconds=9)

        found = segments(cut(frames, targets, even_marks(frames, targets)))

        _check(found, targets)

    @pytest.mark.parametrize("rate", [48_000, 44_100])
    @pytest.mark.parametrize("fps", RATES)
    def test_of_low_latency_are_kept_by_sound_whose_connections_were_joined(self, fps: float, rate: int) -> None:
        targets = choose_targets(Latency.LOW, fps=fps)
        track = Track(
            timescale=rate,
            is_video=False,
            is_exact=False,
            targets=targets,
            marks=EvenMarks(segment_s=targets.segment_s, first_at_ms=0),
            begins_at_ms=0,
        )
        # Where one follows another a frame lasts half as long again: here wherever a part can be by then.
        durations = [1536 if number % 37 == 36 else 1024 for number in range(600)]
        samples = tuple(Sample(duration, 1, is_sync=True, composition=0) for duration in durations)

        chunks = [*track.take(Fragment(0, samples, memoryview(bytes(len(samples))))), *track.finish()]

        _check(segments(chunks), targets, timescale=rate)

    @pytest.mark.parametrize("fps", RATES)
    def test_of_low_latency_are_kept_by_the_sound_beside_the_picture(self, fps: float) -> None:
        targets = choose_targets(Latency.LOW, fps=fps)
        frames = even_frames(fps=SOUND[0], seconds=9)

        found = segments(cut(frames, targets, even_marks(frames, targets), is_video=False))

        _check(found, targets)

    @pytest.mark.parametrize("fps", [24, 25, 29.97, 30, 50, 59.94, 60, 120])
    def test_are_some_fifth_of_a_second_at_usual_rates(self, fps: float) -> None:
        # Four frames of film last a sixth.
        assert 0.16 <= choose_targets(Latency.LOW, fps=fps).part_s < 0.22

    @pytest.mark.parametrize(
        ("fps", "frames"),
        # At odd rates some more, so that a segment's last part is not a short one.
        [
            *((1, 1), (5, 1), (10, 2), (12.5, 5), (13, 2), (15, 3), (17, 7), (18, 3), (20, 4), (23, 7), (23.976, 4)),
            *((24, 4), (25, 5), (29.97, 6), (30, 6), (37, 8), (48, 9), (50, 10), (59.94, 12), (60, 12), (120, 24)),
        ],
    )
    def test_are_as_many_whole_frames_as_divide_a_segment(self, fps: float, frames: int) -> None:
        part_s = choose_targets(Latency.LOW, fps=fps).part_s

        # Milliseconds are rounded up, one or two may be added by an encoder's, and some more have to be for the sound.
        assert frames / fps + 0.002 <= part_s <= frames / fps / 0.85

    @pytest.mark.parametrize("fps", [10, 15, 20, 24, 25, 29.97, 30, 50, 59.94, 60, 120])
    def test_leave_no_short_part_at_the_end_of_segments(self, fps: float) -> None:
        targets = choose_targets(Latency.LOW, fps=fps)
        frames = even_frames(fps=fps, seconds=9)

        found = segments(cut(frames, targets, even_marks(frames, targets)))

        # Of all but the one that the source's end cuts short.
        for parts in found[:-1]:
            assert min(part.duration for part in parts) / TIMESCALE >= targets.part_s * 0.85

    def test_of_an_unknown_rate_are_those_of_a_usual_one(self) -> None:
        assert choose_targets(Latency.LOW, fps=0) == choose_targets(Latency.LOW, fps=30)

    def test_have_ffmpeg_hand_over_each_frame_where_parts_wait_for_it(self) -> None:
        assert choose_targets(Latency.LOW, fps=30).fragment_s < 1 / max(RATES)
        assert choose_targets(Latency.STANDARD, fps=30).fragment_s == 0.5

    def test_of_standard_latency_know_no_parts(self) -> None:
        targets = choose_targets(Latency.STANDARD, fps=30)

        assert (targets.part_s, targets.chunk_s, targets.segment_s) == (0.0, 0.5, 4.0)
        assert targets.longest_chunk_s == 4.0

    def test_keep_the_promise_that_a_session_began_with(self) -> None:
        low, standard = (choose_targets(mode, fps=30) for mode in (Latency.LOW, Latency.STANDARD))

        assert choose_targets(Latency.LOW, fps=1).with_part_target(low.part_s) == low
        assert replace(low.with_part_target(0), segment_s=4.0) == standard
        assert low.with_part_target(low.part_s) is low

    def test_cut_segments_of_two_or_four_seconds(self) -> None:
        assert [mode.segment_s for mode in (Latency.LOW, Latency.STANDARD)] == [2.0, 4.0]


def test_a_relay_gathers_for_less_than_a_frame_where_parts_wait_for_it() -> None:
    assert [mode.gathered_s for mode in (Latency.LOW, Latency.STANDARD)] == [0.02, 0.2]


def _check(found: list[list[Chunk]], targets: Targets, *, timescale: int = TIMESCALE) -> None:
    assert all(chunk.duration <= targets.part_s * timescale for chunk in chain(*found))
    # All but a segment's last.
    assert all(chunk.duration >= 0.85 * targets.part_s * timescale for segment in found for chunk in segment[:-1])
