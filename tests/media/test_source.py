import dataclasses
import json
import subprocess

import pytest

from streams.media import ffmpeg
from streams.media.errors import SourceRefusedError
from streams.media.source import Source, check_source, parse_probe
from tests.media.clips import flv

GOOD = Source(
    video_codec="h264",
    profile="High",
    pixel_format="yuv420p",
    width=1280,
    height=720,
    fps=30.0,
    video_kbps=3000,
    gop_s=2.0,
    audio_codec="aac",
    audio_profile="LC",
    audio_channels=2,
    sample_rate=48000,
)


class TestParseProbe:
    def test_reads_what_ffprobe_says_of_a_clip(self) -> None:
        report = subprocess.run(ffmpeg.probe_argv(), input=flv(), capture_output=True, check=True).stdout

        source = parse_probe(report, video_kbps=1000, gop_s=2.0)

        assert (source.video_codec, source.width, source.height, source.fps) == ("h264", 640, 360, 30.0)
        assert (source.audio_codec, source.audio_channels, source.sample_rate) == ("aac", 2, 48000)

    @pytest.mark.parametrize("report", [b"", b"{}", json.dumps({"streams": [{"codec_type": "audio"}]}).encode()])
    def test_refuses_a_report_without_video(self, report: bytes) -> None:
        with pytest.raises(SourceRefusedError, match="Add a video source"):
            parse_probe(report, video_kbps=0, gop_s=0)


class TestCheckSource:
    def test_accepts_what_encoders_usually_send(self) -> None:
        check_source(GOOD, max_height=2160)

    def test_accepts_a_portrait_picture(self) -> None:
        check_source(dataclasses.replace(GOOD, width=1080, height=1920), max_height=2160)

    @pytest.mark.parametrize(
        ("change", "advice"),
        [
            ({"video_codec": "hevc"}, "H.264"),
            ({"width": 15360, "height": 8640}, "at most 2160"),
            ({"width": 16, "height": 16}, "at least 64"),
            ({"width": 4096, "height": 128}, "16:9"),
            ({"fps": 240.0}, "60 or fewer"),
        ],
    )
    def test_refuses_the_rest_and_says_what_to_change(self, change: dict[str, object], advice: str) -> None:
        with pytest.raises(SourceRefusedError, match=advice):
            check_source(dataclasses.replace(GOOD, **change), max_height=2160)  # type: ignore[arg-type]  # Test table.
