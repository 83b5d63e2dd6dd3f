"""The packager's cost: beside an ffmpeg that copies the same stream into HLS, at the same time.

`make bench`, or `python -m pytest -m bench -s bench/test_packager.py`.
"""

import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from streams.livestreams.origin import tell_of
from streams.media import ffmpeg
from streams.media.intake import Intake
from streams.media.ladder import Kind, Ladder, Rendition
from streams.media.outlet import Outlet
from streams.media.output import Playback, RunOutput
from streams.media.process import running
from streams.media.targets import Latency, choose_targets
from tests.services import wait_until

pytestmark = pytest.mark.bench

_TURNS = 3
_WINDOW_S = 20
_BUDGET = 0.5
_FPS = 30.0
_DVR_S = 3600
_FFMPEG = ("ffmpeg", "-nostdin", "-loglevel", "error")
# Passed through: what costs the packager most beside what it costs ffmpeg.
_LADDER = Ladder(
    (
        Rendition("720p", Kind.COPY, 1280, 720, _FPS, 3000),
        Rendition("audio", Kind.AUDIO, audio_kbps=128),
    ),
    copies_audio=True,
    source_pixels=1280 * 720,
)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 s of 720p30, 3 Mbit/s whatever it shows, GOP 2 s, with sound."""
    path: Path = tmp_path_factory.mktemp("clip") / "720p30.flv"
    argv = [
        *_FFMPEG, "-f", "lavfi", "-i", "testsrc2=s=1280x720:r=30", "-f", "lavfi", "-i", "sine=r=48000", "-t", "20",
        "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-x264-params", "nal-hrd=cbr",
        "-b:v", "3M", "-minrate", "3M", "-maxrate", "3M", "-bufsize", "3M", "-g", "60", "-sc_threshold", "0",
        "-c:a", "aac", "-b:a", "128k", "-ac", "2", str(path),
    ]  # fmt: skip
    subprocess.run(argv, check=True)
    return path


@contextmanager
def _live(clip: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Send the clip again and again, as fast as it lasts."""
    argv = [*_FFMPEG, "-re", "-stream_loop", "-1", "-i", str(clip), "-c", "copy", "-flush_packets", "1", "-f", "flv"]
    with subprocess.Popen([*argv, "pipe:1"], stdout=subprocess.PIPE, bufsize=0) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def _copying(clip: Path, folder: Path) -> Iterator[int]:
    """Run the ffmpeg that copies; yield its process id."""
    folder.mkdir()
    playlist = folder / "index.m3u8"
    argv = [
        *_FFMPEG, "-f", "flv", "-i", "pipe:0", "-c", "copy", "-f", "hls", "-hls_segment_type", "fmp4",
        "-hls_time", "2", "-hls_list_size", "8", "-hls_flags", "delete_segments", str(playlist),
    ]  # fmt: skip
    with _live(clip) as source, subprocess.Popen(argv, stdin=source.stdout) as process:
        try:
            wait_until(playlist.exists, timeout_s=20, what="ffmpeg's playlist")
            yield process.pid
        finally:
            process.kill()


@contextmanager
def _packaging(clip: Path, folder: Path) -> Iterator[RunOutput]:
    """Run what a session runs behind the pull, as far as it is passed through; yield what holds the packager."""
    folder.mkdir()
    targets = choose_targets(Latency.LOW, fps=_FPS)
    with _live(clip) as source:
        assert source.stdout is not None
        outlet = Outlet(mode=Latency.LOW)
        outlet.connect(Intake(source.stdout))
        playback = Playback(folder / "session", 1, _DVR_S, lambda name, text: None, tell_of, folder / "preview.webp")
        output = RunOutput(_LADDER, playback, targets=targets, marks=outlet.marks, clock_ms=outlet.clock_ms)
        stills = output.gallery.stills(thumbnail_path=folder / "thumbnail.jpg", thumbnail_s=5)
        outputs = ffmpeg.Outputs(output.pipes, targets.fragment_s, targets.segment_s, stills)
        argv = ffmpeg.transcode_argv(_LADDER, outputs)
        with running(argv, label="transcoder", feeds=True, is_fed=True, inherits=output.pipes) as child:
            output.hand_over()
            outlet.attach(child.stdin)
            wait_until(lambda: output.parts_made > 8, timeout_s=20, what="parts")
            yield output
            child.kill()
            outlet.stop(timeout_s=2)
        output.finish(timeout_s=2)


def _packager_s() -> float:
    thread = next(thread for thread in threading.enumerate() if thread.name == "packager")
    assert thread.ident is not None
    return time.clock_gettime(time.pthread_getcpuclockid(thread.ident))


def _process_s(pid: int) -> float:
    spent = psutil.Process(pid).cpu_times()
    return float(spent.user + spent.system)


def test_cpu_beside_copying_ffmpeg(clip: Path, tmp_path: Path) -> None:
    ratios = [_ratio(clip, tmp_path / str(turn)) for turn in range(_TURNS)]

    assert statistics.median(ratios) <= _BUDGET


def _ratio(clip: Path, folder: Path) -> float:
    folder.mkdir()
    with _packaging(clip, folder / "ours") as output, _copying(clip, folder / "copy") as copying:
        ours, theirs, parts, started = _packager_s(), _process_s(copying), output.parts_made, time.monotonic()
        time.sleep(_WINDOW_S)
        ours, theirs = _packager_s() - ours, _process_s(copying) - theirs
        took = time.monotonic() - started
        made = output.parts_made - parts
    print(
        f"\nper second of stream: packager {ours / took * 1000:.2f} ms, ffmpeg -c copy {theirs / took * 1000:.2f} ms; "
        f"ratio {ours / theirs:.2f}; {made / took:.1f} parts/s",
        end="",
    )
    return ours / theirs
