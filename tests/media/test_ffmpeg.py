"""The command lines, and what the real ffmpeg makes of them."""

import dataclasses
import subprocess
from pathlib import Path

import pytest

from streams.media import ffmpeg
from streams.media.fmp4 import codec_strings
from streams.media.ladder import build_ladder
from streams.media.output import Output
from streams.media.playlist import parse_media_playlist
from streams.media.source import Source
from tests.media.clips import flv
from tests.media.test_source import GOOD

SMALL = dataclasses.replace(GOOD, width=640, height=480, video_kbps=1500)


def _packaging(folder: Path) -> ffmpeg.Packaging:
    return ffmpeg.Packaging(folder / "run", folder / "thumbnail.jpg", segment_s=2, playlist_segments=8, thumbnail_s=5)


def _transcode(source: Source, clip: bytes, folder: Path) -> Output:
    ladder = build_ladder(source)
    output = Output(ladder, folder / "run", folder / "index.m3u8")
    output.prepare()
    subprocess.run(ffmpeg.transcode_argv(ladder, _packaging(folder)), input=clip, check=True, capture_output=True)
    return output


class TestTranscodeArgv:
    def test_forces_the_sources_key_frames_where_the_source_is_passed_through(self, tmp_path: Path) -> None:
        argv = ffmpeg.transcode_argv(build_ladder(GOOD), _packaging(tmp_path))

        assert argv.count("source") == 2
        assert "v:0,name:720p v:1,name:480p v:2,name:360p a:0,name:audio" in argv

    def test_forces_key_frames_by_time_where_everything_is_transcoded(self, tmp_path: Path) -> None:
        argv = ffmpeg.transcode_argv(build_ladder(dataclasses.replace(GOOD, gop_s=8.0)), _packaging(tmp_path))

        assert argv.count("expr:gte(t,n_forced*2)") == 3

    def test_decodes_key_frames_only_where_nothing_is_transcoded(self, tmp_path: Path) -> None:
        small = dataclasses.replace(GOOD, width=640, height=360)

        assert "-skip_frame" in ffmpeg.transcode_argv(build_ladder(small), _packaging(tmp_path))
        assert "-skip_frame" not in ffmpeg.transcode_argv(build_ladder(GOOD), _packaging(tmp_path))


class TestTranscoding:
    @pytest.mark.parametrize("gop_s", [2.0, 8.0], ids=["passed-through", "transcoded"])
    def test_aligns_the_segments_of_all_renditions(self, tmp_path: Path, gop_s: float) -> None:
        output = _transcode(dataclasses.replace(SMALL, gop_s=gop_s), flv(size="640x480", seconds=7), tmp_path)

        durations = {
            rendition.name: [
                round(segment.duration_s, 1)
                for segment in parse_media_playlist(
                    (tmp_path / "run" / rendition.name / "index.m3u8").read_text()
                ).segments
            ]
            for rendition in output.ladder.videos
        }
        assert durations == {"480p": [2.0, 2.0, 2.0, 1.0], "360p": [2.0, 2.0, 2.0, 1.0]}

    def test_writes_a_true_multivariant_playlist_and_a_thumbnail(self, tmp_path: Path) -> None:
        output = _transcode(SMALL, flv(size="640x480"), tmp_path)

        assert output.publish()

        text = (tmp_path / "index.m3u8").read_text()
        assert 'RESOLUTION=640x480,FRAME-RATE=30.000,AUDIO="audio"' in text
        assert "run/480p/index.m3u8\n" in text
        assert (tmp_path / "thumbnail.jpg").read_bytes().startswith(b"\xff\xd8")
        init = next((tmp_path / "run" / "360p").glob("init*.mp4")).read_bytes()
        assert f'CODECS="{codec_strings(init)[0]},mp4a.40.2"' in text

    def test_works_without_audio(self, tmp_path: Path) -> None:
        output = _transcode(dataclasses.replace(SMALL, audio_codec=""), flv(size="640x480", has_audio=False), tmp_path)

        assert output.publish()
        assert "AUDIO" not in (tmp_path / "index.m3u8").read_text()


class TestOutput:
    def test_is_not_playable_before_every_rendition_has_a_segment(self, tmp_path: Path) -> None:
        output = _output(tmp_path)
        output.prepare()

        assert not output.publish()
        assert not (tmp_path / "index.m3u8").exists()


def _output(folder: Path) -> Output:
    return Output(build_ladder(SMALL), folder / "run", folder / "index.m3u8")
