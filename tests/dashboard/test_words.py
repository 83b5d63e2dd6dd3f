"""How numbers and names are written."""

import pytest

from streams.templatetags.dashboard import bitrate, codec, compact, duration, software


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(0, "0 s"), (59_999, "59 s"), (200_000, "3 min 20 s"), (7_620_000, "2 h 07 min"), (360_000_000, "100 h 00 min")],
)
def test_duration(milliseconds: int, text: str) -> None:
    assert duration(milliseconds) == text


@pytest.mark.parametrize(
    ("announced", "name"),
    [
        ("FMLE/3.0 (compatible; Lavf59.27.100)", "ffmpeg (Lavf59.27.100)"),
        ("FMLE/3.0 (compatible; Lavf59.27", "ffmpeg (Lavf59.27)"),
        ("FMLE/3.0 (compatible; FMSc/1.0)", "FMSc/1.0"),
        ("OBS 31 (Linux)", "OBS 31 (Linux)"),
        ("", "Unknown software"),
    ],
)
def test_software(announced: str, name: str) -> None:
    assert software(announced) == name


def test_units() -> None:
    assert [bitrate(128), bitrate(999), bitrate(2870)] == ["128 kbit/s", "999 kbit/s", "2.9 Mbit/s"]
    assert [compact(30.0), compact(29.97), compact(2.5)] == ["30", "29.97", "2.5"]
    assert [codec("h264"), codec("vp8")] == ["H.264", "VP8"]
