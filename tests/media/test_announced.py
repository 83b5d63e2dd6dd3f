"""What encoders announce of their picture and their sound, and what of it is too much."""

from typing import Any

import pytest

from streams.media.announced import Announced
from streams.media.errors import SourceChangedError, SourceRefusedError
from streams.media.flv import TagReader
from streams.media.source import check_announced_size
from tests.media.clips import flv
from tests.media.crafted import claiming, joined


def _read(clip: bytes) -> Announced:
    announced = Announced()
    for tag in TagReader().feed(clip):
        announced.check(tag)
        announced.take(tag)
    return announced


def _small(*, size: str = "320x180", seconds: float = 4, profile: str = "high") -> bytes:
    return flv(size=size, gop=15, seconds=seconds, profile=profile)


class TestAnnounced:
    def test_lets_encoders_repeat_themselves(self) -> None:
        assert str(_read(joined(_small(), _small())).picture_size) == "320x180"

    @pytest.mark.parametrize(
        ("later", "sentence"),
        [
            ({"size": "1920x1080", "seconds": 0.5}, "changed its picture to 1920x1080."),
            ({"profile": "main"}, "changed the settings of its picture."),
        ],
    )
    def test_tells_a_change(self, later: dict[str, Any], sentence: str) -> None:
        with pytest.raises(SourceChangedError, match=sentence):
            _read(joined(_small(), _small(**later)))

    def test_tells_a_change_of_sound(self) -> None:
        first = _small()
        # The configuration of 48 kHz becomes that of 44.1 kHz.
        other = first.replace(bytes.fromhex("af001190"), bytes.fromhex("af001210"))
        assert other != first

        with pytest.raises(SourceChangedError, match="changed its sound"):
            _read(joined(first, other))


class TestAnnouncedSize:
    @pytest.mark.parametrize(("width", "height"), [(16384, 16384), (320, 16384), (7680, 4320), (16384, 320)])
    def test_refuses_what_is_too_large_to_decode(self, width: int, height: int) -> None:
        size = _read(claiming(_small(), width=width, height=height)).picture_size
        assert size is not None

        with pytest.raises(SourceRefusedError, match=f"{width}x{height}"):
            check_announced_size(size, max_height=2160)

    @pytest.mark.parametrize(("width", "height"), [(3840, 2160), (3840, 2176), (2160, 3840), (5120, 2160), (320, 192)])
    def test_leaves_all_else_to_the_probe(self, width: int, height: int) -> None:
        size = _read(claiming(_small(), width=width, height=height)).picture_size
        assert size is not None

        check_announced_size(size, max_height=2160)
