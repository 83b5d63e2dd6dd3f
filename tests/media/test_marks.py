"""Where segments begin, going by a source's key frames or by the clock."""

from itertools import pairwise

import pytest

from streams.media.marks import Cut, Cuts, EvenMarks, KeyFrameDistances, KeyFrameMarks, Marks
from streams.media.targets import LONGEST_SEGMENT_S


def _noted(times_ms: list[float], *, segment_s: float = 2.0) -> list[float]:
    marks = KeyFrameMarks(segment_s=segment_s)
    for at_ms in times_ms:
        marks.note(at_ms)
    return _all(marks)


def _all(marks: Marks) -> list[float]:
    found: list[float] = []
    while (at_ms := marks.at(len(found))) is not None:
        found.append(at_ms)
    return found


def _every(distance_ms: float, *, count: int = 41, first_ms: float = 700) -> list[float]:
    return [first_ms + number * distance_ms for number in range(count)]


class TestKeyFrameMarks:
    def test_are_unknown_before_the_second_key_frame(self) -> None:
        assert _noted([]) == _noted([700]) == []

    def test_are_the_key_frames_of_an_encoder_that_does_as_we_recommend(self) -> None:
        assert _noted(_every(2000)) == _every(2000)[1:]

    def test_are_those_of_one_that_is_a_little_early_now_and_then(self) -> None:
        assert _noted([0, 1934, 4000, 5910]) == [1934, 4000, 5910]

    @pytest.mark.parametrize("distance_ms", [100, 250, 500, 1000])
    def test_make_segments_of_several_that_are_close(self, distance_ms: int) -> None:
        marks = _noted(_every(distance_ms))

        assert {round(after - before) for before, after in pairwise([700, *marks])} == {2000}

    @pytest.mark.parametrize(("distance_ms", "expected"), [(1500, 3000), (2500, 2500), (3000, 3000), (4300, 4300)])
    def test_wait_for_no_key_frame_that_would_come_too_late(self, distance_ms: int, expected: int) -> None:
        assert _noted(_every(distance_ms))[0] == 700 + expected

    def test_of_long_segments_do_so_too(self) -> None:
        assert _noted([0, 2500, 5000], segment_s=4) == [2500, 5000]
        assert _noted([0, 2000, 4000, 6000, 8000], segment_s=4) == [4000, 8000]

    @pytest.mark.parametrize("segment_s", [2.0, 4.0])
    def test_make_no_segment_too_long_at_any_even_distance(self, segment_s: float) -> None:
        for distance_ms in range(100, round(LONGEST_SEGMENT_S * 1000) + 1, 50):
            times = _every(distance_ms, count=100)
            marks = _noted(times, segment_s=segment_s)

            assert set(marks) <= set(times)
            for before, after in pairwise([700, *marks]):
                length_s = (after - before) / 1000
                assert length_s <= LONGEST_SEGMENT_S
                # Nor shorter than need be.
                assert length_s >= segment_s - 0.1 or length_s + distance_ms / 1000 > LONGEST_SEGMENT_S

    def test_go_on_behind_key_frames_that_were_far_apart(self) -> None:
        assert _noted([0, 2000, 9000, 9500, 11000, 13000]) == [2000, 9000, 11000, 13000]

    def test_count_anew_from_a_cut(self) -> None:
        marks = KeyFrameMarks(segment_s=2)
        for at_ms in (0, 1000):
            marks.note(at_ms)
        marks.restart(1300)
        for at_ms in (2300, 3300, 4300):
            marks.note(at_ms)

        assert _all(marks) == [3300]


class TestCuts:
    def test_are_known_one_after_the_other(self) -> None:
        cuts = Cuts()
        assert cuts.at(0) is None
        cuts.note(Cut(1000, picture=b"1"))
        cuts.note(Cut(2000))

        assert [cuts.at(index) for index in range(3)] == [Cut(1000, picture=b"1"), Cut(2000), None]


class TestKeyFrameDistances:
    def _too_far_s(self, *at_s: float, now_s: float) -> float:
        distances = KeyFrameDistances()
        for at in at_s:
            distances.note(round(at * 1000))
        return distances.too_far_s(now_ms=round(now_s * 1000))

    def test_are_not_known_before_there_is_a_picture(self) -> None:
        assert self._too_far_s(now_s=60) == 0

    @pytest.mark.parametrize(
        ("at_s", "now_s"),
        [
            pytest.param([0, 4.2, 8.4, 12.6], 16.8, id="just as close as needed"),
            pytest.param([0, 2, 4, 10, 12], 16, id="one is missing"),
            pytest.param([0, 2, 4], 12.4, id="none came for two segments"),
            pytest.param([0, 2, 9, *range(11, 31, 2), 36], 37, id="long ago another was missing"),
        ],
    )
    def test_are_short_enough(self, at_s: list[float], now_s: float) -> None:
        assert self._too_far_s(*at_s, now_s=now_s) == 0

    @pytest.mark.parametrize(
        ("at_s", "now_s", "longest_s"),
        [
            pytest.param([0], 4.3, 4.3, id="no second one"),
            pytest.param([0, 5], 5.1, 5, id="the second one late"),
            pytest.param([0, 2, 4, 9, 15], 16, 6, id="later on"),
            pytest.param([0, 2, 4, 9, 11, 13], 18, 5, id="now and then"),
            pytest.param([0, 2, 4], 12.5, 8.5, id="no more"),
        ],
    )
    def test_are_too_long(self, at_s: list[float], now_s: float, longest_s: float) -> None:
        assert self._too_far_s(*at_s, now_s=now_s) == longest_s


class TestEvenMarks:
    def test_are_at_even_distances_from_the_first_picture(self) -> None:
        marks = EvenMarks(segment_s=2, first_at_ms=1234.5)

        assert [marks.at(index) for index in range(3)] == [3234.5, 5234.5, 7234.5]
