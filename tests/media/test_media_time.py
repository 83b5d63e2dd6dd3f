import random

import pytest

from streams.media.flv import Tag, TagType
from streams.media.media_time import MediaTime, Pace

_WRAP_MS = 1 << 32


def _elapsed_ms(*tags: tuple[TagType, int]) -> int:
    time = MediaTime()
    for kind, timestamp_ms in tags:
        time.note(Tag(kind, timestamp_ms % _WRAP_MS, size=1, is_key_frame=False))
    return time.elapsed_ms


def _video(*timestamps_ms: int) -> list[tuple[TagType, int]]:
    return [(TagType.VIDEO, timestamp_ms) for timestamp_ms in timestamps_ms]


class TestMediaTime:
    def test_adds_up_the_steps_of_the_video(self) -> None:
        assert _elapsed_ms(*_video(500, 533, 567), (TagType.AUDIO, 9000), *_video(600)) == 100

    def test_goes_by_the_audio_until_there_is_video(self) -> None:
        assert _elapsed_ms((TagType.AUDIO, 0), (TagType.AUDIO, 1000), *_video(1100), (TagType.AUDIO, 3000)) == 1100

    def test_counts_no_step_backwards_and_goes_on_from_there(self) -> None:
        assert _elapsed_ms(*_video(9000, 9040, 100, 140)) == 80

    def test_counts_no_jump(self) -> None:
        assert _elapsed_ms(*_video(0, 40, 3_600_000, 3_600_040)) == 80

    def test_counts_slides_of_up_to_five_seconds(self) -> None:
        assert _elapsed_ms(*_video(0, 5000)) == 5000
        assert _elapsed_ms(*_video(0, 5001)) == 0

    def test_goes_on_where_timestamps_begin_anew(self) -> None:
        assert _elapsed_ms(*_video(_WRAP_MS - 20, _WRAP_MS + 20)) == 40

    def test_never_counts_more_than_a_steady_clock_shows(self) -> None:
        """Whatever a clock does: pieces of steady media, with jumps in between, are at most all counted."""
        chance = random.Random(7)  # noqa: S311  # The same clocks each time.
        for _ in range(200):
            timestamps_ms, steady_ms = [chance.randrange(_WRAP_MS)], 0
            for _ in range(100):
                step_ms = chance.choice([20, 33, 40])
                steady_ms += step_ms
                timestamps_ms.append(timestamps_ms[-1] + step_ms)
                if chance.random() < 0.05:
                    timestamps_ms.append(
                        timestamps_ms[-1] + chance.choice([-1, 1]) * chance.randrange(6_000, _WRAP_MS // 3)
                    )
            assert _elapsed_ms(*_video(*timestamps_ms)) == steady_ms


def _stands_still(*, seconds: float, every_s: float, step_ms: float) -> bool:
    pace = Pace()
    return any(
        pace.stands_still(900_000 + round(number * step_ms), now_s=5 + number * every_s)
        for number in range(round(seconds / every_s))
    )


class TestPace:
    @pytest.mark.parametrize("step_ms", [0, 1])
    def test_is_none_where_the_clock_does_not_move_although_media_comes(self, step_ms: float) -> None:
        assert _stands_still(seconds=6, every_s=0.03, step_ms=step_ms)
        assert not _stands_still(seconds=4, every_s=0.03, step_ms=step_ms)

    @pytest.mark.parametrize(("every_s", "step_ms"), [(0.033, 33), (0.033, 10), (0.5, 60), (5, 5000), (9, 33)])
    def test_is_there_however_slow_it_is_and_whoever_pauses(self, every_s: float, step_ms: float) -> None:
        assert not _stands_still(seconds=150, every_s=every_s, step_ms=step_ms)
