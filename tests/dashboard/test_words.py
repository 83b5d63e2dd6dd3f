"""How numbers and names are written."""

import pytest

from streams.templatetags.dashboard import (
    audio_words,
    bitrate,
    codec,
    compact,
    duration,
    rendition_words,
    software,
    video_words,
)


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


@pytest.mark.parametrize(
    ("source", "picture", "sound"),
    [
        ({"video_codec": "h264"}, "H.264", "none"),
        (
            {"video_codec": "h264", "profile": "High", "width": 1280, "height": 720, "audio_codec": "aac"},
            "H.264 High, 1280\u00d7720",
            "AAC",
        ),
        (
            {"video_codec": "hevc", "audio_codec": "aac", "audio_channels": 2, "sample_rate": 44100},
            "HEVC",
            "AAC, stereo, 44.1 kHz",
        ),
    ],
)
def test_source(source: dict[str, object], picture: str, sound: str) -> None:
    assert (video_words(source), audio_words(source)) == (picture, sound)


@pytest.mark.parametrize(
    ("rendition", "text"),
    [
        ({"name": "720p", "kind": "copy", "height": 720, "video_kbps": 2870}, "720p, as sent"),
        ({"name": "480p", "kind": "video", "height": 480, "video_kbps": 1200}, "480p, 1.2 Mbit/s"),
        ({"name": "main"}, "main"),
        ({"kind": "audio", "audio_kbps": 128}, "Audio 128 kbit/s"),
        ({"kind": "audio"}, "Audio"),
    ],
)
def test_rendition(rendition: dict[str, object], text: str) -> None:
    assert rendition_words(rendition) == text


def test_units() -> None:
    assert [bitrate(128), bitrate(999), bitrate(2870)] == ["128 kbit/s", "999 kbit/s", "2.9 Mbit/s"]
    assert [compact(30.0), compact(29.97), compact(2.5)] == ["30", "29.97", "2.5"]
    assert [codec("h264"), codec("vp8")] == ["H.264", "VP8"]
