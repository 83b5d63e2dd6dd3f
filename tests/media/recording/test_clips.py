"""Clips: files of their own, made of the recording's bytes, that show exactly what was asked for."""

from pathlib import Path

import pytest

from streams.media.recording.clips import Composition, clip, sound_alone
from streams.media.recording.index import TrackKind
from streams.media.recording.movie import Movie, MovieError
from streams.media.recording.playlists import clip_playlist, multivariant_playlist
from tests.media.clips import flv
from tests.media.recording.probing import durations, packets, timed_pictures
from tests.media.recording.recorder import Recorder

_SECOND = 1_000_000
_TIMES = [(0.0, 1.0), (3.5, 4.5), (4.2, 7.0), (0.1, 8.9)]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Movie]:
    """Five seconds of one encoder and four of another, of another size."""
    recorder = Recorder()
    recorder.add(flv(size="640x360", gop=60, profile="main", x264="bframes=2:rc-lookahead=10"), at_ms=0)
    recorder.add(flv(size="320x180", gop=60, seconds=3), at_ms=20_000, left_out="slate")
    recorder.add(flv(size="320x180", gop=60, seconds=4), at_ms=40_000)
    path = tmp_path_factory.mktemp("recording") / "recording.mp4"
    return path, recorder.write(path)


def _write(composition: Composition, path: Path, *, of: Path) -> Path:
    content = of.read_bytes()
    ranges = [content[each.offset : each.offset + each.length] for each in composition.ranges]
    path.write_bytes(b"".join((composition.head, *ranges)))
    assert path.stat().st_size == composition.size
    return path


@pytest.mark.parametrize(("start_s", "end_s"), _TIMES)
def test_shows_what_the_recording_shows_between_its_times(
    recording: tuple[Path, Movie], tmp_path: Path, start_s: float, end_s: float
) -> None:
    path, movie = recording
    composition = clip(movie, start_us=round(start_s * _SECOND), end_us=round(end_s * _SECOND))

    found = timed_pictures(_write(composition, tmp_path / "clip.mp4", of=path))

    expected = [(at_s, checksum) for at_s, checksum in timed_pictures(path) if start_s - 0.001 <= at_s < end_s - 0.001]
    assert [checksum for _, checksum in found] == [checksum for _, checksum in expected]
    assert [at_s for at_s, _ in found] == pytest.approx([at_s - start_s for at_s, _ in expected], abs=0.002)


@pytest.mark.parametrize(("start_s", "end_s"), _TIMES)
def test_lasts_as_long_as_was_asked_for(
    recording: tuple[Path, Movie], tmp_path: Path, start_s: float, end_s: float
) -> None:
    path, movie = recording
    composition = clip(movie, start_us=round(start_s * _SECOND), end_us=round(end_s * _SECOND))

    found = durations(_write(composition, tmp_path / "clip.mp4", of=path))

    assert found["file"] == pytest.approx(end_s - start_s, abs=0.001)
    assert composition.duration_us == round((end_s - start_s) * _SECOND)


def test_has_its_sound_where_the_recording_has_it(recording: tuple[Path, Movie], tmp_path: Path) -> None:
    path, movie = recording
    composition = clip(movie, start_us=3_500_000, end_us=7_000_000)

    found = packets(_write(composition, tmp_path / "clip.mp4", of=path), "a")

    expected = [each for each in packets(path, "a") if each.at_s >= 3.5 and each.at_s + 1024 / 48_000 < 7]
    heard = [each for each in found if each.at_s >= 0]
    assert [each.checksum for each in heard[: len(expected)]] == [each.checksum for each in expected]
    assert heard[0].at_s == pytest.approx(expected[0].at_s - 3.5, abs=0.001)


@pytest.mark.parametrize(("start_s", "end_s"), _TIMES)
def test_is_its_own_hls_from_its_first_picture_on(
    recording: tuple[Path, Movie], tmp_path: Path, start_s: float, end_s: float
) -> None:
    path, movie = recording
    start_us = round(start_s * _SECOND)
    composition = clip(movie, start_us=start_us, end_us=round(end_s * _SECOND))
    _write(composition, tmp_path / "clip.mp4", of=path)
    for kind, name in ((TrackKind.VIDEO, "video.m3u8"), (TrackKind.AUDIO, "audio.m3u8")):
        text = clip_playlist(movie, kind, composition, uri="clip.mp4", start_us=start_us)
        (tmp_path / name).write_text(text)
    found = timed_pictures(tmp_path / "video.m3u8")

    offset_s = float((tmp_path / "video.m3u8").read_text().partition("TIME-OFFSET=")[2].partition(",")[0])
    expected = [checksum for at_s, checksum in timed_pictures(path) if start_s - 0.001 <= at_s < end_s - 0.001]
    first = next(place for place, (at_s, _) in enumerate(found) if at_s - found[0][0] > offset_s - 0.005)
    assert [checksum for _, checksum in found[first : first + len(expected)]] == expected
    assert packets(tmp_path / "audio.m3u8", "a")
    assert "RESOLUTION=640x360" in multivariant_playlist(movie, video_uri="video.m3u8", audio_uri="audio.m3u8")


def test_is_read_in_few_pieces(recording: tuple[Path, Movie]) -> None:
    _, movie = recording

    assert len(clip(movie, start_us=100_000, end_us=2_000_000).ranges) <= 2


@pytest.mark.parametrize(("start_us", "end_us"), [(5, 5), (6, 5), (60_000_000, 70_000_000), (-5, 0)])
def test_of_nothing_is_refused(recording: tuple[Path, Movie], start_us: int, end_us: int) -> None:
    with pytest.raises(MovieError, match="nothing"):
        clip(recording[1], start_us=start_us, end_us=end_us)


def test_that_is_asked_to_go_too_far_ends_with_the_recording(recording: tuple[Path, Movie]) -> None:
    _, movie = recording

    assert clip(movie, start_us=8_000_000, end_us=1 << 50).duration_us == movie.duration_us - 8_000_000


def test_sound_alone_is_that_of_the_recording(recording: tuple[Path, Movie], tmp_path: Path) -> None:
    path, movie = recording

    found = _write(sound_alone(movie), tmp_path / "sound.mp4", of=path)

    assert [each.checksum for each in packets(found, "a")] == [each.checksum for each in packets(path, "a")]
    assert found.stat().st_size < path.stat().st_size / 2


def test_sound_alone_of_a_silent_recording_is_refused() -> None:
    recorder = Recorder()
    recorder.add(flv(size="320x180", seconds=2, has_audio=False), at_ms=0, kinds="v")

    with pytest.raises(MovieError, match="no sound"):
        sound_alone(recorder.movie())
