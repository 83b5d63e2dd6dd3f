"""Measuring what comes now."""

import pytest

from streams.media.flv import Tag, TagType
from streams.media.meter import Measured, Meter


def video(at_ms: int, *, size: int = 1000, is_key_frame: bool = False) -> Tag:
    return Tag(TagType.VIDEO, at_ms, size, is_key_frame)


def read(*tags: Tag) -> Measured:
    meter = Meter()
    for tag in tags:
        meter.note(tag)
    return meter.read()


def test_nothing_came() -> None:
    assert read() == Measured(video_kbps=0, audio_kbps=0, fps=0.0, gop_s=0.0)
    assert read(video(40)) == Measured()


def test_rates_are_those_of_the_last_seconds() -> None:
    slow = [video(ms, size=500) for ms in range(0, 10_000, 100)]
    fast = [video(ms) for ms in range(10_000, 16_000, 40)]
    sound = [Tag(TagType.AUDIO, ms, 160, False) for ms in range(10_000, 16_000, 20)]

    measured = read(*slow, *sorted(fast + sound, key=lambda tag: tag.timestamp_ms))

    assert measured == Measured(video_kbps=200, audio_kbps=64, fps=25.0, gop_s=0.0)


def test_a_track_that_stops_is_zero_after_the_window() -> None:
    picture = [video(ms) for ms in range(0, 8_000, 40)]
    sound = [Tag(TagType.AUDIO, ms, 160, False) for ms in range(0, 3_000, 20)]

    measured = read(*sorted(picture + sound, key=lambda tag: tag.timestamp_ms))

    assert measured.audio_kbps == 0
    assert measured.fps == 25.0


@pytest.mark.parametrize(
    ("key_frames_ms", "until_ms", "gop_s"),
    [
        ((0, 2_000, 4_000), 5_000, 2.0),
        ((0, 2_000, 10_000), 11_000, 8.0),
        ((0, 2_000), 9_000, 6.98),
        ((0,), 1_500, 0.0),
        ((0,), 6_000, 5.98),
    ],
)
def test_key_frame_distance_is_the_newest_or_what_has_passed(
    key_frames_ms: tuple[int, ...], until_ms: int, gop_s: float
) -> None:
    assert read(*(video(ms, is_key_frame=ms in key_frames_ms) for ms in range(0, until_ms, 20))).gop_s == gop_s


def test_what_is_no_picture_is_not_counted() -> None:
    announcement = Tag(TagType.VIDEO, 0, 50, is_key_frame=False, announced=b"record", is_media=False)
    pictures = [video(ms) for ms in range(0, 2_000, 40)]
    end = Tag(TagType.VIDEO, 1_960, 5, is_key_frame=False, is_media=False)

    assert read(announcement, *pictures, end).fps == 25.0


def test_an_encoder_whose_clock_begins_anew_is_measured_anew() -> None:
    before = [video(ms, is_key_frame=ms % 2_000 == 0) for ms in range(100_000, 110_000, 40)]
    after = [video(ms, is_key_frame=ms % 2_000 == 0) for ms in range(0, 5_000, 20)]

    measured = read(*before, *after)

    assert measured.fps == 50.0
    assert measured.gop_s == 2.0


def test_a_clock_that_stands_still_fills_no_memory() -> None:
    meter = Meter()
    tag = video(0)

    for _ in range(100_000):
        meter.note(tag)

    assert len(meter._video) < 10_000
