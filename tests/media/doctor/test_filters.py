"""What is seen and heard: real ffmpeg with the transcoder's own command line, on pictures and sounds with faults."""

import dataclasses
import os
import re
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from streams.media import ffmpeg
from streams.media.doctor.doctor import Doctor
from streams.media.doctor.ears import Ears
from streams.media.doctor.kinds import FindingKind
from streams.media.doctor.lines import FilterLines
from streams.media.ladder import Ladder, build_ladder
from tests.media.doctor.patients import Line, course, named, on_time, tags_of
from tests.media.test_source import GOOD
from tests.services import HANG_S

_SOURCE = dataclasses.replace(GOOD, width=320, height=240, video_kbps=500)
# None of its renditions is encoded, or all are.
_PASSED, _ENCODED = build_ladder(_SOURCE), build_ladder(dataclasses.replace(_SOURCE, gop_s=9.0))
_SECONDS = 20
_PICTURE = f"testsrc2=s=320x240:r=30:d={_SECONDS}"
_SOUND = f"sine=f=330:r=48000:d={_SECONDS},volume=6dB"
_BLACK = "drawbox=t=fill:c=black:enable='between(t,6,14)'"
_FROZEN = "loop=loop=240:size=1:start=180,setpts=N/30/TB"
_SILENT, _FAINT = "volume=0:enable='gt(t,4)'", "volume=-25dB"
_PAUSING = "volume=-60dB:enable='between(t,5,10)'"
# A scene at night: hardly anything is brighter than a tenth of white.
_DARK = "lutyuv=y='16+(val-16)*0.1':u='128+(val-128)*0.1':v='128+(val-128)*0.1':enable='between(t,6,9)'"
# Stereo first: what is made of mono has less than half the power.
_LOUD = "aformat=channel_layouts=stereo,volume=40dB"


@cache
def _clip(picture: str = "null", sound: str = "anull") -> bytes:
    argv = [
        "ffmpeg", "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", f"{_PICTURE},{picture}",
        "-f", "lavfi", "-i", f"{_SOUND},{sound}", "-t", str(_SECONDS),
        "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "60", "-sc_threshold", "0",
        "-x264-params", "bitrate=500:vbv-maxrate=500:vbv-bufsize=500:nal-hrd=cbr", "-pix_fmt", "yuv420p",
        "-c:a", "aac", "-ac", "2", "-f", "flv", "-flvflags", "no_duration_filesize", "pipe:1",
    ]  # fmt: skip
    return subprocess.run(argv, capture_output=True, check=True).stdout


def _argv(ladder: Ladder, folder: Path, looks: ffmpeg.Looks, sink: int) -> list[str]:
    stills = ffmpeg.Stills(folder / "thumbnail.jpg", 5, str(folder / "%d.webp"), str(folder / "%d.jpg"), 10)
    pipes = (sink,) * len(ladder.renditions)
    return ffmpeg.transcode_argv(ladder, ffmpeg.Outputs(pipes, 0.1275, 2.0, stills, looks=looks))


@cache
def _lines(clip: bytes, *, is_encoded: bool) -> tuple[Line, ...]:
    """Return what the filters print of a clip, each line at the time of its frame."""
    with (
        TemporaryDirectory() as name,
        Path(name, "picture").open("w+b") as seen,
        Path(name, "sound").open("w+b") as heard,
    ):
        sink = os.open(os.devnull, os.O_WRONLY)
        looks = ffmpeg.Looks(seen.fileno(), heard.fileno())
        argv = _argv(_ENCODED if is_encoded else _PASSED, Path(name), looks, sink)
        subprocess.run(argv, input=clip, check=True, capture_output=True, pass_fds=(sink, *dataclasses.astuple(looks)))
        os.close(sink)
        return (*_timed(Path(name, "picture"), is_of_sound=False), *_timed(Path(name, "sound"), is_of_sound=True))


def _timed(path: Path, *, is_of_sound: bool) -> list[Line]:
    made: list[Line] = []
    at_ms = 0.0
    for text in path.read_bytes().splitlines(keepends=True):
        if found := re.search(rb"pts_time:([0-9.]+)", text):
            at_ms = float(found[1]) * 1000
        made.append(Line(at_ms, text, is_of_sound))
    return made


def _named(*, is_encoded: bool, picture: str = "null", sound: str = "anull") -> dict[FindingKind, float]:
    clip = _clip(picture, sound)
    return named(on_time(tags_of(clip)), lines=_lines(clip, is_encoded=is_encoded))


@pytest.mark.parametrize("is_encoded", [False, True], ids=["key frames alone", "encoded"])
class TestPictures:
    def test_that_move_are_fine(self, is_encoded: bool) -> None:
        assert _named(is_encoded=is_encoded) == {}

    def test_that_are_dark_for_a_while_are_fine(self, is_encoded: bool) -> None:
        assert _named(is_encoded=is_encoded, picture=_DARK) == {}

    def test_that_are_black_are_not_called_frozen(self, is_encoded: bool) -> None:
        found = _named(is_encoded=is_encoded, picture=_BLACK)

        assert set(found) == {FindingKind.BLACK}
        assert 6 < found[FindingKind.BLACK] <= 6 + 10

    def test_that_stand_still(self, is_encoded: bool) -> None:
        found = _named(is_encoded=is_encoded, picture=_FROZEN)

        assert set(found) == {FindingKind.FROZEN}
        assert 6 < found[FindingKind.FROZEN] <= 6 + 10


class TestSounds:
    def test_that_are_silent_are_named_after_seven_seconds(self) -> None:
        found = _named(is_encoded=False, sound=_SILENT)

        assert set(found) == {FindingKind.AUDIO_SILENT}
        assert 4 + 7 <= found[FindingKind.AUDIO_SILENT] <= 4 + 10

    def test_of_speech_that_pauses_for_five_seconds_are_fine(self) -> None:
        assert _named(is_encoded=False, sound=_PAUSING) == {}

    def test_that_clip(self) -> None:
        found = _named(is_encoded=False, sound=_LOUD)

        # That it is loud as well is said once the encoder's decoder has smoothed its peaks, if at all.
        assert next(iter(found)) == FindingKind.AUDIO_CLIPPING
        assert found[FindingKind.AUDIO_CLIPPING] <= 10

    def test_that_nobody_can_hear(self) -> None:
        found = _named(is_encoded=False, sound=_FAINT)

        assert set(found) == {FindingKind.LOUDNESS}
        assert found[FindingKind.LOUDNESS] <= 10


class TestLines:
    def test_are_few(self) -> None:
        """Each is a call of the system for ffmpeg, and wakes the worker's reader."""
        lines = _lines(_clip(), is_encoded=True)

        assert sum(line.text.startswith(b"frame:") for line in lines if line.is_of_sound) >= 2 * _SECONDS - 2
        assert len(lines) <= 40 * _SECONDS


class TestWhatIsSeenOfASlate:
    def test_does_not_count(self) -> None:
        clip = _clip(_FROZEN)
        doctor = Doctor(is_low=True)
        lines = [line for line in _lines(clip, is_encoded=True) if not line.is_of_sound]
        for line in lines[: -len(lines) // 10]:
            doctor.hear_picture(line.text)
        doctor.cover_ears()

        for each in on_time(tags_of(clip)):
            doctor.note([each.tag], each.at_ms)

        assert doctor.examine(now_ms=_SECONDS * 1000).findings == ()

    def test_counts_from_when_the_encoder_is_shown_again(self) -> None:
        doctor = Doctor(is_low=True)
        doctor.hear_picture(b"frame:1 pts_time:2\nlavfi.freezedetect.freeze_start=2\nframe:20 pts_time:600\n")
        assert doctor.heard().frozen_s == 598

        doctor.cover_ears()
        assert doctor.heard().frozen_s is None

        doctor.hear_picture(b"frame:21 pts_time:603\n")
        assert doctor.heard().frozen_s == 3

    def test_does_not_count_though_the_last_of_it_comes_later(self) -> None:
        """The transcoder still works it off when the encoder is live again."""
        lines = FilterLines()
        lines.feed(b"frame:0 pts:0 pts_time:0\nlavfi.freezedetect.freeze_start=0\nframe:80 pts:80 pts_time:40\n")
        # Asked several times a second.
        for _ in range(3):
            lines.forget()

        lines.feed(b"frame:81 pts:81 pts_time:40.5\n")

        assert lines.lasted_s("frozen") == 0.5


def test_what_stood_still_does_so_no_more_when_pictures_of_another_size_follow() -> None:
    """As ffmpeg prints it, whose filters begin anew then."""
    lines = FilterLines()
    lines.feed(b"frame:10   pts:10      pts_time:5\nlavfi.freezedetect.freeze_start=3\n")
    lines.feed(b"frame:11   pts:11      pts_time:5.5\n")
    assert lines.lasted_s("frozen") == 2.5

    lines.feed(b"frame:0    pts:12      pts_time:6\nlavfi.look=1\nframe:1    pts:13      pts_time:6.5\n")

    assert lines.lasted_s("frozen") == 0.0


class TestEars:
    def test_hear_what_ffmpeg_prints_while_it_transcodes(self, tmp_path: Path) -> None:
        clip = _clip(_BLACK)
        doctor = Doctor(is_low=True)
        ears = Ears(doctor)
        sink = os.open(os.devnull, os.O_WRONLY)

        argv = _argv(_ENCODED, tmp_path, ears.looks, sink)
        subprocess.run(argv, input=clip, check=True, capture_output=True, pass_fds=(sink, *ears.pipes), timeout=HANG_S)
        ears.hand_over()
        ears.join()

        assert doctor.heard().black_s == 0.0
        assert doctor.heard().frozen_s is not None
        os.close(sink)
        ears.close()

    def test_that_are_gone_do_not_end_the_transcoder(self, tmp_path: Path) -> None:
        clip = _clip(_BLACK)
        (seen, seen_in), (heard, heard_in) = os.pipe(), os.pipe()
        os.close(seen)
        os.close(heard)
        made = tmp_path / "made"

        with made.open("wb") as sink:
            argv = _argv(_ENCODED, tmp_path, ffmpeg.Looks(seen_in, heard_in), sink.fileno())
            done = subprocess.run(
                argv, input=clip, capture_output=True, pass_fds=(sink.fileno(), seen_in, heard_in), timeout=HANG_S
            )

        os.close(seen_in)
        os.close(heard_in)
        assert done.returncode == 0, done.stderr
        assert made.stat().st_size > 100_000


def test_garbage_among_the_lines_is_left_out() -> None:
    garbage = [b"\xff\x00" * 9000, b"lavfi.black_start=nan\n", b"frame:1 pts_time:\nlavfi.r128.S=loud\n"]

    lines = [Line(0.0, piece, is_of_sound) for piece in garbage for is_of_sound in (False, True)]

    assert course(on_time(tags_of(_clip())), lines=lines)[-1][1] == ()
