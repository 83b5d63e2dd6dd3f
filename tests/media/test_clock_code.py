"""The time of day in a picture: what real ffmpeg draws, scales and encodes is read again."""

import subprocess
import time
from pathlib import Path

import pytest

from streams.media.clock_code import DecodeFailedError, age_ms, decode, read
from streams.media.test_picture import publish_argv


def _strip(code: int) -> bytes:
    """Return the bars of a code as they would be without any loss, written out from their description."""
    fields = [255 if bool(code >> (field // 2) & 1) is (field % 2 == 0) else 0 for field in range(48)]
    return bytes(shade for shade in fields for _ in range(2))


@pytest.mark.parametrize("code", [0, 1, 0x800000, 0xFFFFFF, 0x5A5A5A, 11_922_001])
def test_a_strip_says_its_code(code: int) -> None:
    assert read(_strip(code)) == code


def test_a_blurred_strip_is_read_and_a_gray_one_is_not() -> None:
    blurred = bytes(90 + shade // 4 for shade in _strip(0x123456))

    assert read(blurred) == 0x123456
    assert read(bytes(96)) is None
    assert read(_strip(0x123456)[:40] + bytes(56)) is None


def test_an_age_goes_over_the_end_of_the_window() -> None:
    assert age_ms(16_777_210, at_ms=5 * 16_777_216 + 4) == 10
    assert age_ms(1_000, at_ms=3 * 16_777_216 + 1_450) == 450


def test_what_ffmpeg_draws_and_encodes_says_when_it_was_drawn(tmp_path: Path) -> None:
    made = tmp_path / "made.flv"
    argv = publish_argv(base_url="rtmp://127.0.0.1/live/", name="x", length_s=0.5, has_clock_code=True)
    argv = [*argv[: argv.index("-rtmp_playpath")], "-f", "flv", str(made)]
    before_ms = time.time_ns() // 1_000_000

    subprocess.run(argv, check=True)

    after_ms = time.time_ns() // 1_000_000
    small = tmp_path / "small.ts"
    # The smallest rung of a ladder, where a bar is eight pixels wide.
    shrinking = ["ffmpeg", "-v", "error", "-i", str(made), "-an", "-vf", "scale=426:240", "-b:v", "300k", str(small)]
    subprocess.run(shrinking, check=True)
    for path in (made, small):
        codes = decode(path.read_bytes())
        assert len(codes) == 15
        ages = [age_ms(code, at_ms=after_ms) for code in codes if code is not None]
        assert len(ages) == 15
        assert ages == sorted(ages, reverse=True)
        assert 0 <= ages[-1] <= ages[0] <= after_ms - before_ms


def test_what_is_no_media_is_told() -> None:
    with pytest.raises(DecodeFailedError):
        decode(b"<html>502 Bad Gateway</html>")
