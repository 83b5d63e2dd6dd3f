"""Is what was sent what is in the file? Looked at by ffmpeg: pictures, times, and both tracks to each other."""

import bisect
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from streams.media.recording.movie import Movie
from tests.media.clips import flv
from tests.media.recording.probing import Packet, durations, packets, pictures, timed_pictures, top_boxes
from tests.media.recording.recorder import Recorder

_FRAME_S = 1 / 25
# Picture and sound to each other, behind each splice.
_MOST_APART_S = 0.040


@dataclass(frozen=True)
class Shot:
    """A clip that is in a recording; `at_ms` by the session's clock."""

    clip: bytes
    at_ms: int


@dataclass
class Made:
    """`recorded` is the same as stores have it in which nothing can be overwritten."""

    path: Path
    recorded: Path
    movie: Movie
    shots: list[Shot]


# Frames that wait for others, and such that are shown sooner than they are decoded.
_WIDE = {"size": "640x360", "gop": 60, "profile": "main", "x264": "bframes=2:rc-lookahead=10", "seconds": 5.0}
# Another encoder: another size, profile and rate, and none that wait.
_SMALL = {"size": "320x180", "gop": 50, "fps": 25, "profile": "baseline", "seconds": 4.0}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Two encoders in turn, a slate in between, and a takeover: a change of size both ways, and each kind of splice."""
    wide, small = flv(**_WIDE), flv(**_SMALL)
    recorder = Recorder()
    recorder.add(wide, at_ms=0)
    recorder.add(small, at_ms=5_000, left_out="slate")
    recorder.add(small, at_ms=9_000)
    recorder.add(wide, at_ms=60_000, gap_before="takeover")
    # At once behind it.
    recorder.add(small, at_ms=65_021)
    folder = tmp_path_factory.mktemp("recording")
    path, recorded = folder / "recording.mp4", folder / "recorded.mp4"
    recorder.write(recorded, has_one_box=False)
    shots = [Shot(wide, 0), Shot(small, 9_000), Shot(wide, 60_000), Shot(small, 65_021)]
    return Made(path, recorded, recorder.write(path), shots)


def test_shows_the_pictures_that_were_sent(made: Made) -> None:
    sent = [checksum for shot in made.shots for checksum in pictures(shot.clip)]

    assert pictures(made.path) == sent
    assert pictures(made.recorded) == sent


def test_is_walked_through_in_three_steps(made: Made) -> None:
    boxes = top_boxes(made.path.read_bytes())

    assert [kind for kind, _ in boxes] == ["ftyp", "mdat", "moov"]
    assert sum(size for _, size in boxes) == made.path.stat().st_size


def test_is_walked_through_segment_by_segment_where_nothing_could_be_overwritten(made: Made) -> None:
    boxes = top_boxes(made.recorded.read_bytes())

    kinds = [kind for kind, _ in boxes]
    assert (kinds[:2], set(kinds[2:-1]), kinds[-1]) == (["ftyp", "free"], {"mdat"}, "moov")
    # Picture and sound of five clips, each with what it is decoded with, in segments of two seconds.
    assert len(kinds) - 3 > 5 * 2 * 2


def test_is_the_same_behind_its_head_however_that_is_told(made: Made) -> None:
    stored, recorded = made.path.read_bytes(), made.recorded.read_bytes()

    assert (stored[:32], stored[48:]) == (recorded[:32], recorded[48:])
    for kind in ("v", "a"):
        assert packets(made.path, kind) == packets(made.recorded, kind)


def test_lasts_as_long_as_what_was_sent(made: Made) -> None:
    # The sound is up to two frames of its own longer than the picture.
    lengths_s = [5, 4, 5, 4]

    found = durations(made.path)

    assert found["file"] == pytest.approx(sum(lengths_s), abs=4 * 2 * 1024 / 48_000 + _FRAME_S)
    assert made.movie.duration_us / 1e6 == pytest.approx(found["file"], abs=0.001)
    assert found["video"] == pytest.approx(found["audio"], abs=2 * _FRAME_S)


def test_keeps_picture_and_sound_together_at_each_splice(made: Made, tmp_path: Path) -> None:
    apart = dict[int, list[float]]()
    for kind in ("v", "a"):
        sent = [
            (number, each)
            for number, shot in enumerate(made.shots)
            for each in _sent(shot, kind, tmp_path / f"{number}.flv")
        ]
        for number, moved_s in _moved(sent, packets(made.path, kind), made.shots).items():
            apart.setdefault(number, []).extend(moved_s)

    assert sorted(apart) == [0, 1, 2, 3]
    for number, moved_s in apart.items():
        assert max(moved_s) - min(moved_s) <= _MOST_APART_S, number


def _sent(shot: Shot, kind: str, path: Path) -> list[Packet]:
    path.write_bytes(shot.clip)
    return packets(path, kind)


def _moved(sent: list[tuple[int, Packet]], stored: list[Packet], shots: list[Shot]) -> dict[int, list[float]]:
    """Return by how much the packets of each shot are later in the file than in the session."""
    moved = dict[int, list[float]]()
    rest = iter(sent)
    for packet in stored:
        if packet.is_key and packet.checksum not in {each.checksum for _, each in sent}:
            # Of a key frame that was stored with its parameter sets.
            continue
        number, source = next((number, each) for number, each in rest if each.checksum == packet.checksum)
        moved.setdefault(number, []).append(packet.at_s - source.at_s - shots[number].at_ms / 1000)
    return moved


def test_is_found_at_each_splice(made: Made) -> None:
    shown = timed_pictures(made.path)
    times = [at_s for at_s, _ in shown]
    for stretch in made.movie.stretches:
        for seek_s in (stretch.start_us / 1e6, stretch.start_us / 1e6 + 1.5):
            place = bisect.bisect_left(times, seek_s - 0.001)
            ((_, checksum),) = timed_pictures(made.path, seek_s=seek_s, count=1)
            assert checksum == shown[place][1], seek_s


def test_tells_what_is_not_in_it(made: Made) -> None:
    slate, takeover = made.movie.gaps

    assert (slate.reason, takeover.reason) == ("slate", "takeover")
    assert slate.length_us == pytest.approx(4_000_000, abs=50_000)
    assert takeover.length_us == pytest.approx(47_000_000, abs=50_000)


def test_of_uneven_pictures_shows_each_when_it_was_sent(tmp_path: Path) -> None:
    clip = flv(size="320x180", gop=30, seconds=4, x264="bframes=0", key_frames="0.5,2.3")
    uneven = _uneven(clip)
    recorder = Recorder()
    recorder.add(uneven, at_ms=7_000)
    recorder.write(tmp_path / "uneven.mp4")

    found = timed_pictures(tmp_path / "uneven.mp4")
    sent = timed_pictures(uneven)
    assert [checksum for _, checksum in found] == [checksum for _, checksum in sent]
    first_s = sent[0][0]
    assert [at_s for at_s, _ in found] == pytest.approx([at_s - first_s for at_s, _ in sent], abs=0.001)


def _uneven(clip: bytes) -> bytes:
    """Return a clip without some of its pictures, so that others last longer; some wait for others, too."""
    argv = [
        "ffmpeg", "-nostdin", "-v", "error", "-i", "pipe:0", "-vf", "select=mod(n\\,3)+mod(n\\,7)", "-fps_mode", "vfr",
        "-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "30", "-c:a", "copy", "-f", "flv", "pipe:1",
    ]  # fmt: skip
    return subprocess.run(argv, input=clip, capture_output=True, check=True).stdout


def test_of_sound_alone_is_a_file(tmp_path: Path) -> None:
    recorder = Recorder()
    for at_ms in (0, 30_000):
        recorder.add(flv(**_SMALL), at_ms=at_ms, kinds="a")
    recorder.write(tmp_path / "sound.mp4")

    assert list(durations(tmp_path / "sound.mp4")) == ["audio", "file"]
    assert durations(tmp_path / "sound.mp4")["file"] == pytest.approx(8, abs=0.1)


def test_of_a_picture_alone_is_a_file(tmp_path: Path) -> None:
    clip = flv(**_WIDE, has_audio=False)
    recorder = Recorder()
    recorder.add(clip, at_ms=1_000, kinds="v")
    recorder.write(tmp_path / "picture.mp4")

    assert list(durations(tmp_path / "picture.mp4")) == ["video", "file"]
    assert pictures(tmp_path / "picture.mp4") == pictures(clip)
