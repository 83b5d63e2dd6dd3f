"""The recording as HLS: what players of it are told, and what ffmpeg makes of that."""

import re
from pathlib import Path

import m3u8
import pytest

from streams.media.recording.index import TrackKind
from streams.media.recording.movie import Movie, MovieError
from streams.media.recording.playlists import media_playlist, multivariant_playlist
from tests.media.clips import flv
from tests.media.recording.probing import pictures
from tests.media.recording.recorder import Recorder

_NAME = "recording.mp4"


@pytest.fixture(scope="module")
def clips() -> list[bytes]:
    return [flv(size="640x360", gop=60), flv(size="320x180", gop=60, seconds=4)]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory, clips: list[bytes]) -> tuple[Path, Movie]:
    wide, small = clips
    recorder = Recorder()
    recorder.add(wide, at_ms=0)
    recorder.add(small, at_ms=5_000, left_out="slate")
    recorder.add(small, at_ms=9_000)
    path = tmp_path_factory.mktemp("recording") / _NAME
    return path, recorder.write(path)


def test_play_the_pictures_that_were_sent(recording: tuple[Path, Movie], clips: list[bytes]) -> None:
    path, movie = recording
    video, audio = path.with_name("video.m3u8"), path.with_name("audio.m3u8")
    video.write_text(media_playlist(movie, TrackKind.VIDEO, uri=_NAME))
    audio.write_text(media_playlist(movie, TrackKind.AUDIO, uri=_NAME))
    whole = path.with_name("index.m3u8")
    whole.write_text(multivariant_playlist(movie, video_uri=video.name, audio_uri=audio.name))

    # ffmpeg reads no other parameters in the middle of an HLS stream but those in it.
    assert pictures(whole) == [checksum for clip in clips for checksum in pictures(clip)]


def test_begin_anew_at_a_change(recording: tuple[Path, Movie]) -> None:
    _, movie = recording
    for kind in TrackKind:
        listed = m3u8.loads(media_playlist(movie, kind, uri=_NAME))

        at = [place for place, each in enumerate(listed.segments) if each.discontinuity]
        assert len(at) == 1
        first, second = listed.segments[0].init_section, listed.segments[at[0]].init_section
        assert first.byterange != second.byterange
        assert listed.is_endlist
        assert listed.playlist_type == "vod"


def test_name_the_bytes_of_segments(recording: tuple[Path, Movie]) -> None:
    path, movie = recording
    content = path.read_bytes()

    text = media_playlist(movie, TrackKind.VIDEO, uri=_NAME)

    for length, offset in re.findall(r"BYTERANGE:(\d+)@(\d+)", text):
        segment = content[int(offset) : int(offset) + int(length)]
        assert segment[4:8] == b"moof"
        # Of the box that it is stored in, in front of it.
        assert int.from_bytes(content[int(offset) - 8 : int(offset) - 4]) == int(length) + 8
    for length, offset in re.findall(r'BYTERANGE="(\d+)@(\d+)"', text):
        init = content[int(offset) : int(offset) + int(length)]
        assert init[4:8] == b"ftyp"
        assert b"moov" in init


def test_date_pictures_by_when_they_were_taken(recording: tuple[Path, Movie]) -> None:
    _, movie = recording
    text = media_playlist(movie, TrackKind.VIDEO, uri=_NAME)

    dates = re.findall("DATE-TIME:(.*)", text)
    # 1,790,000,000 s since 1970, and nine later.
    assert [date[:19] for date in dates] == ["2026-09-21T14:13:20", "2026-09-21T14:13:29"]


def test_last_no_longer_than_they_say(recording: tuple[Path, Movie]) -> None:
    _, movie = recording
    for kind in TrackKind:
        listed = m3u8.loads(media_playlist(movie, kind, uri=_NAME))
        assert all(round(each.duration) <= listed.target_duration for each in listed.segments)
        assert sum(each.duration for each in listed.segments) == pytest.approx(9, abs=0.1)


def test_of_a_clip_have_the_segments_that_it_needs(recording: tuple[Path, Movie]) -> None:
    _, movie = recording

    listed = m3u8.loads(media_playlist(movie, TrackKind.VIDEO, uri=_NAME, start_us=2_500_000, end_us=3_500_000))

    whole = m3u8.loads(media_playlist(movie, TrackKind.VIDEO, uri=_NAME))
    assert [each.byterange for each in listed.segments] == [whole.segments[1].byterange]
    assert listed.segments[0].init_section is not None


def test_of_a_clip_behind_a_change_begin_without_one(recording: tuple[Path, Movie]) -> None:
    _, movie = recording

    text = media_playlist(movie, TrackKind.VIDEO, uri=_NAME, start_us=6_500_000, end_us=8_000_000)

    assert "#EXT-X-DISCONTINUITY" not in text


def test_of_nothing_are_refused(recording: tuple[Path, Movie]) -> None:
    with pytest.raises(MovieError, match="nothing"):
        media_playlist(recording[1], TrackKind.VIDEO, uri=_NAME, start_us=60_000_000)


def test_say_what_players_need(recording: tuple[Path, Movie]) -> None:
    _, movie = recording

    listed = m3u8.loads(multivariant_playlist(movie, video_uri="video.m3u8", audio_uri="audio.m3u8"))

    (picture,) = [each for each in listed.playlists if each.uri == "video.m3u8"]
    assert picture.stream_info.resolution == (640, 360)
    assert picture.stream_info.codecs == "avc1.64001f,mp4a.40.2"
    assert picture.stream_info.frame_rate == pytest.approx(30, abs=0.1)
    assert [each.uri for each in listed.media] == ["audio.m3u8"]


def test_have_as_many_discontinuities_in_each_track() -> None:
    recorder = Recorder()
    clip = flv(size="320x180", gop=60, seconds=2)
    recorder.add(clip, at_ms=0)
    recorder.add(clip, at_ms=20_000, kinds="v")
    recorder.add(clip, at_ms=40_000)
    movie = recorder.movie()

    counts = {kind: media_playlist(movie, kind, uri=_NAME).count("#EXT-X-DISCONTINUITY") for kind in TrackKind}
    assert counts == {TrackKind.VIDEO: 2, TrackKind.AUDIO: 2}
