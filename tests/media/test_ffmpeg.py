"""The command lines, and what the real ffmpeg makes of them."""

import dataclasses
import json
import os
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from itertools import chain, pairwise
from pathlib import Path

import pytest

from streams.media import ffmpeg
from streams.media.ladder import Ladder, build_ladder
from streams.media.output import RunOutput
from streams.media.playlist import MediaPlaylist, parse_media_playlist
from streams.media.source import Source
from tests.media.clips import flv
from tests.media.test_source import GOOD

# However many cores there are.
_THREADS = min(os.cpu_count() or 1, 8)
SMALL = dataclasses.replace(GOOD, width=640, height=480, video_kbps=1500)


def _packaging(folder: Path) -> ffmpeg.Packaging:
    return ffmpeg.Packaging(folder / "run", folder / "thumbnail.jpg", segment_s=2, playlist_segments=8, thumbnail_s=5)


@dataclass(frozen=True)
class Packet:
    at_s: float
    is_key_frame: bool


@dataclass(frozen=True)
class Transcoded:
    """What the real ffmpeg made of a clip."""

    ladder: Ladder
    folder: Path
    multivariant: str

    def playlist(self, name: str) -> MediaPlaylist:
        return parse_media_playlist((self.folder / name / ffmpeg.PLAYLIST_NAME).read_text())

    def segments(self, name: str) -> list[list[Packet]]:
        """Return the packets of a rendition's segments, each read by itself."""
        playlist = self.playlist(name)
        init = (self.folder / name / playlist.init_name).read_bytes()
        return [_packets(init + (self.folder / name / segment.name).read_bytes()) for segment in playlist.segments]


@cache
def _packets(data: bytes) -> list[Packet]:
    argv = ["ffprobe", "-loglevel", "error", "-print_format", "json", "-show_packets", "-i", "pipe:0"]
    report = json.loads(subprocess.run(argv, input=data, capture_output=True, check=True).stdout)
    return [Packet(float(packet["pts_time"]), packet["flags"].startswith("K")) for packet in report["packets"]]


def _transcode(source: Source, clip: bytes, folder: Path) -> Transcoded:
    ladder = build_ladder(source)
    published: list[str] = []
    output = RunOutput(ladder, folder / "run", "run", published.append)
    output.prepare()
    subprocess.run(ffmpeg.transcode_argv(ladder, _packaging(folder)), input=clip, check=True, capture_output=True)
    assert output.publish()
    return Transcoded(ladder, folder / "run", published[-1])


class TestPullArgv:
    def test_copies_the_stream_and_gives_up_a_dead_connection(self) -> None:
        assert " ".join(ffmpeg.pull_argv("rtmp://ingest/live/name")) == (
            "ffmpeg -hide_banner -nostdin -y -loglevel warning -fflags +genpts -rw_timeout 15000000 "
            "-i rtmp://ingest/live/name -map 0:v -map 0:a? -c copy -flush_packets 1 -max_interleave_delta 1000000 "
            "-f flv -flvflags no_duration_filesize pipe:1"
        )


class TestProbeArgv:
    def test_asks_for_the_streams_as_json(self) -> None:
        assert " ".join(ffmpeg.probe_argv()) == (
            "ffprobe -loglevel error -f flv -print_format json -show_streams -i pipe:0"
        )


class TestTranscodeArgv:
    def test_is_this_one_for_a_source_that_is_passed_through(self) -> None:
        argv = " ".join(ffmpeg.transcode_argv(build_ladder(SMALL), _packaging(Path("/out"))))

        assert argv == (
            "ffmpeg -hide_banner -nostdin -y -loglevel warning -nostats -progress pipe:1 -stats_period 0.5 "
            f"-max_pixels {(640 + 64) * (480 + 64)} -threads {_THREADS} -f flv -fflags +genpts -i pipe:0 "
            "-filter_complex [0:v]split=2[rung0][pick];[rung0]scale=480:360,format=yuv420p[out0];"
            r"[pick]select=isnan(prev_selected_t)+gte(t-prev_selected_t\,5),scale=-2:360,format=yuvj420p[thumbnail] "
            "-map 0:v -c:v:0 copy "
            "-map [out0] -c:v:1 libx264 -preset:v:1 veryfast -tune:v:1 zerolatency -profile:v:1 high "
            "-b:v:1 800k -maxrate:v:1 800k -bufsize:v:1 1200k -g:v:1 600 -sc_threshold:v:1 0 "
            "-force_key_frames:v:1 source "
            "-map 0:a -c:a copy "
            "-f hls -hls_segment_type fmp4 -hls_time 2 -hls_list_size 8 -hls_delete_threshold 5 "
            "-hls_flags delete_segments+independent_segments+program_date_time+temp_file "
            "-var_stream_map v:0,name:480p v:1,name:360p a:0,name:audio "
            "-hls_fmp4_init_filename init.mp4 "
            "-hls_segment_filename /out/run/%v/%06d.m4s /out/run/%v/index.m3u8 "
            "-map [thumbnail] -threads 1 -fps_mode vfr -c:v mjpeg -q:v 5 "
            "-f image2 -update 1 -atomic_writing 1 /out/thumbnail.jpg"
        )

    def test_makes_stereo_aac_of_any_other_sound(self, tmp_path: Path) -> None:
        surround = dataclasses.replace(GOOD, audio_channels=6)

        argv = " ".join(ffmpeg.transcode_argv(build_ladder(surround), _packaging(tmp_path)))

        assert "-map 0:a -c:a aac -b:a 128k -ar 48000 -ac 2 -f hls" in argv

    def test_has_one_output_for_each_rung(self, tmp_path: Path) -> None:
        argv = " ".join(ffmpeg.transcode_argv(build_ladder(dataclasses.replace(GOOD, gop_s=8.0)), _packaging(tmp_path)))

        assert "[0:v]split=4[rung0][rung1][rung2][pick]" in argv
        assert [f"-map [out{number}] -c:v:{number} libx264" in argv for number in range(3)] == [True] * 3

    def test_says_how_to_decode_in_ffmpegs_words(self, tmp_path: Path) -> None:
        small = dataclasses.replace(GOOD, width=640, height=360)

        argv = " ".join(ffmpeg.transcode_argv(build_ladder(small), _packaging(tmp_path)))

        assert "-stats_period 0.5 -skip_frame nokey -max_pixels" in argv

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


@pytest.fixture(scope="module", params=[2.0, 8.0], ids=["passed-through", "transcoded"])
def cut_clip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Transcoded:
    """7 s with many scene cuts and a key frame every 2 s, in both shapes of the ladder."""
    clip = flv(size="640x480", seconds=7, has_cuts=True)
    return _transcode(dataclasses.replace(SMALL, gop_s=request.param), clip, tmp_path_factory.mktemp("cuts"))


class TestTranscoding:
    def test_aligns_the_segments_of_all_renditions(self, cut_clip: Transcoded) -> None:
        durations = {
            rendition.name: [round(segment.duration_s, 1) for segment in cut_clip.playlist(rendition.name).segments]
            for rendition in cut_clip.ladder.videos
        }

        assert durations == {"480p": [2.0, 2.0, 2.0, 1.0], "360p": [2.0, 2.0, 2.0, 1.0]}

    def test_sets_key_frames_at_the_start_of_segments_only(self, cut_clip: Transcoded) -> None:
        for rendition in cut_clip.ladder.videos:
            for packets in cut_clip.segments(rendition.name):
                assert [packet.is_key_frame for packet in packets] == [True] + [False] * (len(packets) - 1)

    def test_leaves_no_gap_and_no_overlap(self, cut_clip: Transcoded) -> None:
        for rendition in cut_clip.ladder.renditions:
            frame_s = 1 / 30 if rendition.is_video else 1024 / 48000
            packets = list(chain(*cut_clip.segments(rendition.name)))
            steps_s = [later.at_s - sooner.at_s for sooner, later in pairwise(packets)]

            assert len(packets) > 200
            assert min(steps_s) > frame_s * 0.5, rendition.name
            assert max(steps_s) < frame_s * 1.5, rendition.name

    def test_keeps_sound_and_picture_together(self, cut_clip: Transcoded) -> None:
        sound = list(chain(*cut_clip.segments("audio")))
        for rendition in cut_clip.ladder.videos:
            picture = list(chain(*cut_clip.segments(rendition.name)))

            assert abs(picture[0].at_s - sound[0].at_s) < 0.1
            assert abs(picture[-1].at_s - sound[-1].at_s) < 0.1
            # As long as the clip is: neither is played faster or slower.
            assert abs(picture[-1].at_s - picture[0].at_s - 7) < 0.1

    @pytest.mark.parametrize(("profile", "codec"), [("main", "avc1.4d401f"), ("high", "avc1.64001f")])
    def test_names_the_codecs_of_a_source_that_it_passes_through(
        self, tmp_path: Path, profile: str, codec: str
    ) -> None:
        transcoded = _transcode(SMALL, flv(size="640x480", profile=profile, level="3.1"), tmp_path)

        # The first is the source's own, the second what x264 chooses for 640x480 at 30 frames a second.
        assert re.findall(r'CODECS="([^"]*)"', transcoded.multivariant) == [
            f"{codec},mp4a.40.2",
            "avc1.64001e,mp4a.40.2",
            "mp4a.40.2",
        ]

    def test_writes_a_true_multivariant_playlist_and_a_thumbnail(self, tmp_path: Path) -> None:
        transcoded = _transcode(SMALL, flv(size="640x480"), tmp_path)

        assert 'RESOLUTION=640x480,FRAME-RATE=30.000,AUDIO="audio"' in transcoded.multivariant
        assert "run/480p/index.m3u8\n" in transcoded.multivariant
        assert (tmp_path / "thumbnail.jpg").read_bytes().startswith(b"\xff\xd8")

    def test_works_without_audio(self, tmp_path: Path) -> None:
        clip = flv(size="640x480", has_audio=False)

        assert "AUDIO" not in _transcode(dataclasses.replace(SMALL, audio_codec=""), clip, tmp_path).multivariant
