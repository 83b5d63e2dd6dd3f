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
from streams.media.flv import TagReader
from streams.media.journal import Reader, SegmentClosed, init_name, segment_name
from streams.media.ladder import Ladder, build_ladder
from streams.media.marks import KeyFrameMarks
from streams.media.output import Playback, RunOutput
from streams.media.source import Source
from streams.media.stills import storyboard
from streams.media.targets import Latency, choose_targets
from tests.media.clips import flv
from tests.media.stills.made import frames, pixels
from tests.media.test_source import GOOD
from tests.services import HANG_S

# However many cores there are.
_THREADS = min(os.cpu_count() or 1, 8)
SLOTS = ("v0", "v1", "a0")
SMALL = dataclasses.replace(GOOD, width=640, height=480, video_kbps=1500)


def _argv(ladder: Ladder, *, looks: ffmpeg.Looks | None = None) -> list[str]:
    pipes = tuple(range(3, 3 + len(ladder.renditions)))
    stills = ffmpeg.Stills(Path("/out/thumbnail.jpg"), 5, "/out/1-%d.webp", "/out/1-%d.jpg", 10)
    return ffmpeg.transcode_argv(ladder, ffmpeg.Outputs(pipes, 0.1275, 2.0, stills, looks=looks))


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

    def closed(self, slot: str) -> list[SegmentClosed]:
        entries = Reader(self.folder).read()[1]
        records = [entry.record for entry in entries if isinstance(entry.record, SegmentClosed)]
        return [record for record in records if record.slot == slot]

    def segments(self, slot: str) -> list[list[Packet]]:
        """Return the packets of a slot's segments, each read by itself."""
        init = (self.folder / slot / init_name(epoch=1, run=0)).read_bytes()
        names = [segment_name(epoch=1, msn=record.msn) for record in self.closed(slot)]
        return [_packets(init + (self.folder / slot / name).read_bytes()) for name in names]


@cache
def _packets(data: bytes) -> list[Packet]:
    argv = ["ffprobe", "-loglevel", "error", "-print_format", "json", "-show_packets", "-i", "pipe:0"]
    report = json.loads(subprocess.run(argv, input=data, capture_output=True, check=True).stdout)
    return [Packet(float(packet["pts_time"]), packet["flags"].startswith("K")) for packet in report["packets"]]


def _transcode(source: Source, clip: bytes, folder: Path) -> Transcoded:
    ladder = build_ladder(source)
    published: dict[str, str] = {}
    playback = Playback(
        folder / "session", 1, 3600, published.__setitem__, told=lambda _: None, preview_path=folder / "preview.webp"
    )
    targets = choose_targets(Latency.LOW, fps=30)
    marks = KeyFrameMarks(segment_s=targets.segment_s)
    for tag in TagReader().feed(clip):
        if tag.is_key_frame:
            marks.note(tag.shown_ms)
    output = RunOutput(
        ladder, playback, targets=targets, marks=marks if ladder.copies_video else None, clock_ms=lambda: 0.0
    )
    stills = output.gallery.stills(thumbnail_path=folder / "thumbnail.jpg", thumbnail_s=1)
    outputs = ffmpeg.Outputs(output.pipes, targets.fragment_s, targets.segment_s, stills)
    argv = ffmpeg.transcode_argv(ladder, outputs)
    subprocess.run(argv, input=clip, check=True, capture_output=True, pass_fds=output.pipes)
    output.finish(timeout_s=HANG_S)
    assert output.publish()
    return Transcoded(ladder, folder / "session", published["index.m3u8"])


class TestPullArgv:
    def test_copies_the_stream_and_gives_up_a_dead_connection(self) -> None:
        assert " ".join(ffmpeg.pull_argv("rtmp://ingest/live/name")) == (
            "ffmpeg -hide_banner -nostdin -y -loglevel warning -fflags +genpts -fpsprobesize 0 -rw_timeout 15000000 "
            "-i rtmp://ingest/live/name -map 0:v -map 0:a? -c copy -flush_packets 1 -max_interleave_delta 500000 "
            "-f flv -flvflags no_duration_filesize pipe:1"
        )


class TestProbeArgv:
    def test_asks_for_the_streams_as_json(self) -> None:
        assert " ".join(ffmpeg.probe_argv()) == (
            "ffprobe -loglevel error -f flv -print_format json -show_streams -i pipe:0"
        )


class TestTranscodeArgv:
    def test_is_this_one_for_a_source_that_is_passed_through(self) -> None:
        argv = " ".join(_argv(build_ladder(SMALL)))

        fragments = (
            "-f mp4 -movflags +frag_keyframe+empty_moov+default_base_moof+negative_cts_offsets+frag_discont "
            "-frag_duration 127500 -video_track_timescale 90000 -avoid_negative_ts disabled -flush_packets 1"
        )
        assert argv == (
            "ffmpeg -hide_banner -nostdin -y -loglevel warning -nostats -progress pipe:1 -stats_period 0.5 "
            f"-max_pixels {(640 + 64) * (480 + 64)} -threads {_THREADS} -f flv -fflags +genpts -fpsprobesize 0 -copyts "
            "-i pipe:0 "
            "-filter_complex [0:v]split=2[rung0][pick];[rung0]scale=480:360,format=yuv420p[out0];"
            r"[pick]select=isnan(prev_selected_t)+gte(t-prev_selected_t\,5),scale=-2:360,format=yuvj420p,"
            "split=3[thumbnail][some][all];"
            r"[some]select=isnan(prev_selected_t)+gte(t-prev_selected_t\,10),scale=-2:144[small];"
            "[all]scale=-2:180,format=yuv420p[frame] "
            f"-map 0:v -c:v copy {fragments} pipe:3 "
            "-map [out0] -fps_mode vfr -enc_time_base 1:1000 "
            "-c:v libx264 -preset:v veryfast -tune:v zerolatency -profile:v high "
            "-b:v 800k -maxrate:v 800k -bufsize:v 1200k -g:v 600 -sc_threshold:v 0 "
            f"-force_key_frames:v source_no_drop {fragments} pipe:4 "
            f"-map 0:a -c:a copy {fragments} pipe:5 "
            "-map [thumbnail] -threads 1 -fps_mode vfr -c:v mjpeg -q:v 5 "
            "-f image2 -atomic_writing 1 -update 1 /out/thumbnail.jpg "
            "-map [small] -threads 1 -fps_mode vfr -c:v mjpeg -q:v 5 -huffman default "
            "-enc_time_base 1:100 -f image2 -atomic_writing 1 -frame_pts 1 /out/1-%d.jpg "
            "-map [frame] -threads 1 -fps_mode vfr -c:v libwebp -quality 60 -compression_level 2 "
            "-enc_time_base 1:100 -f image2 -atomic_writing 1 -frame_pts 1 /out/1-%d.webp"
        )

    def test_makes_stereo_aac_of_any_other_sound(self) -> None:
        surround = dataclasses.replace(GOOD, audio_channels=6)

        argv = " ".join(_argv(build_ladder(surround)))

        assert "-map 0:a -af aresample=async=1000 -c:a aac -b:a 128k -ar 48000 -ac 2 -f mp4" in argv

    def test_has_one_output_for_each_rung(self, tmp_path: Path) -> None:
        argv = " ".join(_argv(build_ladder(dataclasses.replace(GOOD, gop_s=8.0))))

        assert "[0:v]split=4[rung0][rung1][rung2][pick]" in argv
        assert [f"-map [out{number}] -c:v libx264" in argv for number in range(3)] == [True] * 3

    def test_looks_at_the_smallest_picture_that_is_made(self) -> None:
        looks = ffmpeg.Looks(8, 9)

        argv = " ".join(_argv(build_ladder(GOOD), looks=looks))
        passed = " ".join(_argv(build_ladder(dataclasses.replace(GOOD, width=320, height=240)), looks=looks))

        assert "[0:v]split=3[rung0][rung1][pick];" in argv
        assert "[rung1]scale=640:360,format=yuv420p,split[out1][look];" in argv
        assert "[look]fps=2,scale=160:90,blackdetect" in argv
        assert "[0:v]split=2[look][pick];" in passed
        assert "[look]scale=160:90,blackdetect" in passed

    def test_says_how_to_decode_in_ffmpegs_words(self, tmp_path: Path) -> None:
        small = dataclasses.replace(GOOD, width=640, height=360)

        argv = " ".join(_argv(build_ladder(small)))

        assert "-stats_period 0.5 -skip_frame nokey -filter_complex_threads 1 -max_pixels" in argv
        assert argv.partition(" -i pipe:0")[0].endswith(" -threads 1 -f flv -fflags +genpts -fpsprobesize 0 -copyts")

    def test_forces_the_sources_key_frames_where_the_source_is_passed_through(self, tmp_path: Path) -> None:
        argv = _argv(build_ladder(GOOD))

        assert argv.count("source_no_drop") == 2
        assert [word for word in argv if word.startswith("pipe:")] == [
            *("pipe:1", "pipe:0", "pipe:3", "pipe:4", "pipe:5", "pipe:6")
        ]

    def test_forces_key_frames_by_time_where_everything_is_transcoded(self, tmp_path: Path) -> None:
        argv = _argv(build_ladder(dataclasses.replace(GOOD, gop_s=8.0)))

        assert argv.count("expr:gte(t,n_forced*2)") == 3

    def test_decodes_key_frames_only_where_nothing_is_transcoded(self, tmp_path: Path) -> None:
        small = dataclasses.replace(GOOD, width=640, height=360)

        assert "-skip_frame" in _argv(build_ladder(small))
        assert "-skip_frame" not in _argv(build_ladder(GOOD))


@pytest.fixture(scope="module", params=[2.0, 8.0], ids=["passed-through", "transcoded"])
def cut_clip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Transcoded:
    """7 s with many scene cuts and a key frame every 2 s, in both shapes of the ladder."""
    clip = flv(size="640x480", seconds=7, has_cuts=True)
    return _transcode(dataclasses.replace(SMALL, gop_s=request.param), clip, tmp_path_factory.mktemp("cuts"))


class TestTranscoding:
    def test_aligns_the_segments_of_all_renditions(self, cut_clip: Transcoded) -> None:
        durations = {slot: [round(segment.duration_us / 1e6, 1) for segment in cut_clip.closed(slot)] for slot in SLOTS}

        assert durations == {slot: [2.0, 2.0, 2.0, 1.0] for slot in SLOTS}

    def test_sets_key_frames_at_the_start_of_segments_only(self, cut_clip: Transcoded) -> None:
        for slot in ("v0", "v1"):
            for packets in cut_clip.segments(slot):
                assert [packet.is_key_frame for packet in packets] == [True] + [False] * (len(packets) - 1)

    def test_leaves_no_gap_and_no_overlap(self, cut_clip: Transcoded) -> None:
        for slot in SLOTS:
            frame_s = 1024 / 48000 if slot == "a0" else 1 / 30
            packets = list(chain(*cut_clip.segments(slot)))
            steps_s = [later.at_s - sooner.at_s for sooner, later in pairwise(packets)]

            assert len(packets) > 200
            assert min(steps_s) > frame_s * 0.5, slot
            assert max(steps_s) < frame_s * 1.5, slot

    def test_keeps_sound_and_picture_together(self, cut_clip: Transcoded) -> None:
        sound = list(chain(*cut_clip.segments("a0")))
        for slot in ("v0", "v1"):
            picture = list(chain(*cut_clip.segments(slot)))

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
        assert re.findall(r'STREAM-INF:BANDWIDTH=\d+,AVERAGE.*CODECS="([^"]*)"', transcoded.multivariant) == [
            f"{codec},mp4a.40.2",
            "avc1.64001e,mp4a.40.2",
            "mp4a.40.2",
        ]

    def test_writes_a_true_multivariant_playlist_and_a_thumbnail(self, tmp_path: Path) -> None:
        transcoded = _transcode(SMALL, flv(size="640x480"), tmp_path)

        assert 'RESOLUTION=640x480,FRAME-RATE=30.000,AUDIO="audio"' in transcoded.multivariant
        assert "session/v0/index.m3u8\n" in transcoded.multivariant
        assert (tmp_path / "thumbnail.jpg").read_bytes().startswith(b"\xff\xd8")

    def test_leaves_small_pictures_of_the_whole_and_of_the_end(self, tmp_path: Path) -> None:
        _transcode(SMALL, flv(size="640x480", seconds=11), tmp_path)

        listed = storyboard.parse((tmp_path / "session" / "storyboard.vtt").read_text())
        assert [round(picture.at_ms, -3) for picture in listed] == [0, 10_000]
        assert {(picture.width, picture.height) for picture in listed} == {(192, 144)}
        shown = frames((tmp_path / "preview.webp").read_bytes())
        assert [len(pixels(frame)) for frame in shown] == [240 * 180] * 8

    def test_works_without_audio(self, tmp_path: Path) -> None:
        clip = flv(size="640x480", has_audio=False)

        assert "AUDIO" not in _transcode(dataclasses.replace(SMALL, audio_codec=""), clip, tmp_path).multivariant
