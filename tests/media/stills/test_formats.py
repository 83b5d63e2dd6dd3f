"""What is put together without being decoded is what a decoder shows."""

import re

import pytest

from streams.media.stills import jpeg, webp
from streams.media.stills.errors import StillError
from tests.media.stills.made import frames, pictures, pixels


class TestStack:
    # More than the marks between are counted to; and a width that its units do not fill.
    @pytest.mark.parametrize(("count", "size"), [(1, "256x144"), (10, "256x144"), (3, "82x144")])
    def test_shows_one_below_the_other(self, count: int, size: str) -> None:
        made = pictures(size=size)[:count]

        strip = jpeg.stack(made)

        assert pixels(strip) == b"".join(map(pixels, made))
        # Browsers look at the numbers of the marks.
        assert re.findall(rb"\xff([\xd0-\xd7])", strip) == [bytes([0xD0 + number % 8]) for number in range(count - 1)]

    @pytest.mark.parametrize("size", ["256x150", "128x144"], ids=["height", "other-size"])
    def test_takes_only_what_fits(self, size: str) -> None:
        with pytest.raises(StillError):
            jpeg.stack([*pictures(size=size)[:2], pictures()[0]])

    @pytest.mark.parametrize("wrong", ["cut", "text", "stacked", "unframed"])
    def test_takes_only_whole_plain_pictures(self, wrong: str) -> None:
        whole = pictures()[0]
        data = {"cut": whole[:-9], "text": b"a picture", "unframed": b"\xff\xd8\xff\xd9"}.get(wrong)

        with pytest.raises(StillError):
            jpeg.stack([data or jpeg.stack(pictures()[:2])])


class TestAnimate:
    def test_shows_one_after_the_other(self) -> None:
        made = pictures(suffix="webp")[:3]

        animation = webp.animate(made, frame_ms=500)

        assert list(map(pixels, frames(animation))) == list(map(pixels, made))
        assert int.from_bytes(animation[4:8], "little") == len(animation) - 8

    def test_leaves_out_what_has_another_size_than_the_last(self) -> None:
        made = [*pictures(suffix="webp", size="128x96")[:2], *pictures(suffix="webp")[:2]]

        assert len(frames(webp.animate(made, frame_ms=500))) == 2

    @pytest.mark.parametrize("end", [9, -5], ids=["nearly-nothing", "cut"])
    def test_takes_only_whole_pictures(self, end: int) -> None:
        with pytest.raises(StillError):
            webp.animate([pictures(suffix="webp")[0][:end]], frame_ms=500)
