"""The size that an encoder announces, read from what real encoders write."""

import pytest

from streams.media.avc import (
    PictureSize,
    find_parameter_sets,
    find_picture_size,
    length_size,
    with_parameter_sets,
)
from streams.media.flv import TagReader, TagType
from tests.media.clips import flv
from tests.media.crafted import configuration, exp_golomb, parameter_set


def _record(clip: bytes) -> bytes:
    return next(tag.announced for tag in TagReader().feed(clip) if tag.announced and tag.type == TagType.VIDEO)[3:]


@pytest.mark.parametrize(
    ("size", "profile", "expected"),
    [
        ("320x180", "high", PictureSize(320, 180, 320, 192)),
        ("640x360", "baseline", PictureSize(640, 360, 640, 368)),
        ("1918x1078", "main", PictureSize(1918, 1078, 1920, 1088)),
        ("256x256", "high", PictureSize(256, 256, 256, 256)),
    ],
)
def test_reads_what_x264_announces(size: str, profile: str, expected: PictureSize) -> None:
    clip = flv(size=size, profile=profile, level="4.1", seconds=0.2, has_audio=False)

    assert find_picture_size(_record(clip)) == expected


@pytest.mark.parametrize(
    ("x264", "profile", "pixels", "expected"),
    [
        # Pictures are not shown in the order in which they come, as encoders have it unless told otherwise.
        ("bframes=2", "high", "yuv420p", PictureSize(640, 360, 640, 368)),
        # Two fields make a picture: whole pairs of macroblocks.
        ("interlaced=1", "high", "yuv420p", PictureSize(640, 360, 640, 384)),
        ("bframes=2:interlaced=1", "main", "yuv420p", PictureSize(640, 360, 640, 384)),
        ("bframes=2", "high422", "yuv422p", PictureSize(640, 360, 640, 368)),
        ("bframes=2", "high444", "yuv444p", PictureSize(640, 360, 640, 368)),
    ],
)
def test_reads_it_whatever_else_is_announced(x264: str, profile: str, pixels: str, expected: PictureSize) -> None:
    clip = flv(size="640x360", profile=profile, level="4.1", pixels=pixels, x264=x264, seconds=0.2, has_audio=False)

    assert find_picture_size(_record(clip)) == expected


def test_reads_on_behind_a_byte_that_only_keeps_others_from_looking_like_a_start_code() -> None:
    # Source: ITU-T H.264 7.3.2.1.1, 7.4.1. Baseline; an order of type 1, whose offset has many zeros; 1920x1088.
    bits = "1" + "1" + "010" + "0" + "0" * 24 + "1" + "1" * 24 + "1" + "1" + "010" + "0"
    bits += "0000001111000" + "0000001000100" + "1" + "1" + "0" + "0" + "1"
    payload = int(bits.ljust(96, "0"), 2).to_bytes(12).rstrip(b"\0")
    assert payload.count(b"\0\0\3") == payload.count(b"\0\0") == 1
    parameters = bytes.fromhex("67420028") + payload.replace(b"\0\0\3", b"\0\0\3\3")

    assert find_picture_size(configuration(parameters)) == PictureSize(1920, 1088, 1920, 1088)


def _signed(value: int) -> str:
    return exp_golomb(2 * value - 1 if value > 0 else -2 * value)


_SMALL, _LARGE = "1" + _signed(1) * 16, "1" + _signed(-3) * 64
# The next of a list is 0, which ends it: at once, or from 8 on in steps that go round at 256.
_ENDED, _ENDED_LATER = "1" + _signed(-8), "1" + _signed(4) + _signed(127) + _signed(117)


@pytest.mark.parametrize(
    ("chroma", "lists"),
    [
        (1, "0" * 8),
        (1, _SMALL * 6 + _LARGE * 2),
        (2, "0" * 5 + _SMALL + _LARGE + "0"),
        (3, _SMALL * 6 + _LARGE * 6),
        (3, "0" * 11 + _LARGE),
        (1, _ENDED * 8),
        (1, _ENDED_LATER * 8),
    ],
)
def test_reads_on_behind_how_coarsely_it_is_quantized(chroma: int, lists: str) -> None:
    assert find_picture_size(_crafted(profile=100, chroma=chroma, lists=lists)) == PictureSize(1920, 1088, 1920, 1088)


@pytest.mark.parametrize("profile", [44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244])
def test_knows_which_profiles_tell_of_colours(profile: int) -> None:
    assert find_picture_size(_crafted(profile=profile, chroma=1, lists="0" * 8)) == PictureSize(1920, 1088, 1920, 1088)


def _crafted(*, profile: int, chroma: int, lists: str) -> bytes:
    # Which x264 does not write.
    return configuration(parameter_set(1920, 1088, profile=profile, level=40, chroma=chroma, scaling="1" + lists))


def test_does_not_mind_nonsense() -> None:
    record = _record(flv(size="320x180", seconds=0.2, has_audio=False))

    for length in range(len(record)):
        find_picture_size(record[:length])
    assert find_picture_size(b"") is None
    assert find_picture_size(record[:12]) is None
    assert find_picture_size(record[:9] + bytes(40)) is None
    assert find_picture_size(record[:8] + b"\x68" + record[9:]) is None


class TestParameterSets:
    def test_are_those_of_the_record(self) -> None:
        record = _record(flv(seconds=0.2, has_audio=False))

        sequence, picture = find_parameter_sets(record)

        assert (sequence[0] & 0x1F, picture[0] & 0x1F) == (7, 8)
        assert all(len(unit).to_bytes(2) + unit in record for unit in (sequence, picture))
        assert length_size(record) == 4

    @pytest.mark.parametrize("size", [0, 5, 7, 20])
    def test_of_a_torn_record_are_none(self, size: int) -> None:
        assert find_parameter_sets(_record(flv(seconds=0.2, has_audio=False))[:size]) == ()

    def test_tell_no_lengths_where_the_record_is_torn(self) -> None:
        assert length_size(b"\x01\x64\x00\x1f") == 0

    def test_stand_before_a_key_frame(self) -> None:
        assert with_parameter_sets(_units(5), (b"\x67", b"\x68")) == _units(7, 8, 5)

    def test_stand_behind_a_delimiter(self) -> None:
        assert with_parameter_sets(_units(9, 6, 5), (b"\x67", b"\x68")) == _units(9, 7, 8, 6, 5)

    def test_are_not_repeated(self) -> None:
        assert with_parameter_sets(_units(9, 7, 8, 5), (b"\x67", b"\x68")) == _units(9, 7, 8, 5)

    def test_stand_before_what_cannot_be_read(self) -> None:
        assert with_parameter_sets(b"\0\0", (b"\x67",)) == _units(7) + b"\0\0"

    def test_are_not_looked_for_in_thousands_of_units(self) -> None:
        """It takes a second for eight megabytes, in which no other broadcast of the worker goes on."""
        assert with_parameter_sets(_units(9, *[6] * 60, 7, 5), (b"\x67",)) == _units(9, *[6] * 60, 7, 5)
        assert with_parameter_sets(_units(9, *[6] * 70, 7, 5), (b"\x67",)) == _units(9, 7, *[6] * 70, 7, 5)


def _units(*kinds: int) -> bytes:
    """Return units that hold nothing but what they are."""
    return b"".join((1).to_bytes(4) + bytes([0x60 | kind]) for kind in kinds)
