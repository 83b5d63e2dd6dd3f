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

    def test_takes_over_every_word_of_the_report(self) -> None:
        video = {
            "codec_type": "video", "codec_name": "h264", "profile": "Main", "pix_fmt": "yuv420p",
            "width": 1920, "height": 1080, "avg_frame_rate": "30000/1001",
        }  # fmt: skip
        audio = {
            "codec_type": "audio", "codec_name": "aac", "profile": "LC", "channels": 1, "sample_rate": "44100",
        }  # fmt: skip
        report = json.dumps({"streams": [{"codec_type": "data"}, audio, video]}).encode()

        assert parse_probe(report, video_kbps=4321, gop_s=1.5) == Source(
            "h264", "Main", "yuv420p", 1920, 1080, 29.97, 4321, 1.5, "aac", "LC", 1, 44100
        )

    def test_leaves_empty_what_ffprobe_does_not_know(self) -> None:
        report = json.dumps({"streams": [{"codec_type": "video", "width": 640}]}).encode()

        assert parse_probe(report, video_kbps=0, gop_s=0.0) == Source("", "", "", 640, 0, 0.0, 0, 0.0, "", "", 0, 0)

    @pytest.mark.parametrize(
        ("rate", "fps"),
        [("25/1", 25.0), ("60000/1001", 59.94), ("0/0", 0.0), ("1/0", 0.0), ("x/1", 0.0), ("30/x", 0.0), ("3/1", 3.0)],
    )
    def test_reads_the_frame_rate(self, rate: str, fps: float) -> None:
        report = json.dumps({"streams": [{"codec_type": "video", "width": 640, "avg_frame_rate": rate}]}).encode()

        assert parse_probe(report, video_kbps=0, gop_s=0.0).fps == fps

    def test_knows_a_silent_source(self) -> None:
        assert GOOD.has_audio is True
        assert dataclasses.replace(GOOD, audio_codec="").has_audio is False

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
        "change",
        [
            {"width": 3840, "height": 2160},
            {"width": 64, "height": 64},
            {"width": 2560, "height": 1080},
            {"fps": 120.0},
        ],
    )
    def test_accepts_what_is_just_within_the_limits(self, change: dict[str, object]) -> None:
        check_source(dataclasses.replace(GOOD, **change), max_height=2160)  # type: ignore[arg-type]  # Test table.

    @pytest.mark.parametrize(
        ("change", "advice"),
        [
            ({"video_codec": "hevc"}, "The video is HEVC.*H.264"),
            ({"video_codec": ""}, "^The video is of an unknown codec. Set"),
            ({"width": 3842, "height": 2162}, "at most 2160"),
            ({"width": 62, "height": 62}, "^The picture is 62x62.*at least 64"),
            ({"width": 2562, "height": 1080}, "16:9"),
            ({"fps": 120.5}, "60 or fewer"),
            ({"width": 15360, "height": 8640}, "at most 2160"),
            ({"width": 16, "height": 16}, "at least 64"),
            ({"width": 4096, "height": 128}, "16:9"),
            ({"fps": 240.0}, "60 or fewer"),
        ],
    )
    def test_refuses_the_rest_and_says_what_to_change(self, change: dict[str, object], advice: str) -> None:
        with pytest.raises(SourceRefusedError, match=advice):
            check_source(dataclasses.replace(GOOD, **change), max_height=2160)  # type: ignore[arg-type]  # Test table.
