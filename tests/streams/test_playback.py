"""What becomes of a session's files."""

from datetime import timedelta
from pathlib import Path

import pytest
from pytest_django import Settings

from livehub.core import clock
from streams.livestreams import lifecycle, playback, services
from streams.livestreams.lifecycle import Encoder, Lease
from streams.livestreams.states import EndReason
from streams.models import Livestream, Session
from streams.organizations.services import SYSTEM

ENCODER = Encoder(client_id=7, address="127.0.0.1", software="OBS 31")
PLAYLIST = '#EXTM3U\n#EXT-X-MAP:URI="init_0.mp4"\n#EXTINF:2.0,\n000000.m4s\n'


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> Path:
    settings.PLAYBACK_DIR = tmp_path
    return tmp_path


@pytest.fixture
def session(livestream: Livestream) -> Session:
    """A session whose ffmpeg was killed: its playlist has no end."""
    session = lifecycle.start_session(livestream=livestream, encoder=ENCODER)
    run = playback.packaging_for(livestream, Lease(session.pk, 1)).folder
    (run / "720p").mkdir(parents=True)
    (run / "720p" / "index.m3u8").write_text(PLAYLIST)
    playback.multivariant_path(livestream).write_text(f"#EXTM3U\n{run.name}/720p/index.m3u8\n")
    return session


def _media_playlist(folder: Path) -> str:
    return next(folder.glob("*/*/720p/index.m3u8")).read_text()


def _stopped(session: Session, *, seconds_ago: int) -> None:
    lifecycle.end_session(session=session, reason=EndReason.ENCODER_STOPPED)
    Session.objects.filter(pk=session.pk).update(stopped_at=clock.now() - timedelta(seconds=seconds_ago))


class TestFinishPlaylists:
    def test_ends_the_playlists_of_a_session_that_is_over(self, session: Session, folder: Path) -> None:
        lifecycle.end_session(session=session, reason=EndReason.ENCODER_LOST)

        playback.finish_playlists(session_id=session.pk)

        assert _media_playlist(folder).endswith("#EXT-X-ENDLIST\n")

    def test_leaves_a_running_session_alone(self, session: Session, folder: Path) -> None:
        playback.finish_playlists(session_id=session.pk)

        assert _media_playlist(folder) == PLAYLIST


class TestRemoveExpired:
    def test_removes_everything_of_the_last_session(self, session: Session, folder: Path) -> None:
        _stopped(session, seconds_ago=301)

        assert playback.remove_expired() == 1
        assert playback.remove_expired() == 0

        assert list(folder.iterdir()) == []
        session.refresh_from_db()
        assert session.files_removed_at is not None

    def test_keeps_what_is_younger_than_the_retention_time(self, session: Session, folder: Path) -> None:
        _stopped(session, seconds_ago=290)

        assert playback.remove_expired() == 0
        assert _media_playlist(folder) == PLAYLIST

    def test_goes_on_with_the_others_when_one_cannot_be_removed(
        self, session: Session, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        _stopped(session, seconds_ago=301)

        def refuse(path: Path) -> None:
            raise PermissionError(path)

        monkeypatch.setattr("shutil.rmtree", refuse)
        assert playback.remove_expired() == 0
        monkeypatch.undo()

        assert "files not removed" in caplog.text
        session.refresh_from_db()
        assert session.files_removed_at is None

    def test_keeps_the_playlist_of_the_session_that_came_after(
        self, session: Session, livestream: Livestream, folder: Path
    ) -> None:
        _stopped(session, seconds_ago=301)
        (playback.multivariant_path(livestream).parent / "next-1").mkdir()

        playback.remove_expired()

        assert sorted(path.name for path in folder.glob("*/*")) == ["index.m3u8", "next-1"]

    def test_removes_the_thumbnail_of_a_session_that_was_never_playable(
        self, session: Session, livestream: Livestream, folder: Path
    ) -> None:
        _stopped(session, seconds_ago=301)
        playback.multivariant_path(livestream).unlink()
        (playback.multivariant_path(livestream).parent / "thumbnail.jpg").write_bytes(b"a picture")

        playback.remove_expired()

        assert list(folder.iterdir()) == []


class TestTakeDownEarlier:
    def test_shows_nothing_of_a_session_that_is_over(self, session: Session, livestream: Livestream) -> None:
        playback.take_down_earlier(livestream)
        playback.take_down_earlier(livestream)

        assert not playback.multivariant_path(livestream).exists()


class TestRemoveDeleted:
    def test_leaves_nothing_to_watch(self, session: Session, livestream: Livestream, folder: Path) -> None:
        services.delete_livestream(livestream=livestream, actor=SYSTEM)

        playback.remove_deleted(livestream_id=livestream.pk)
        playback.remove_deleted(livestream_id=livestream.pk)

        assert list(folder.iterdir()) == []

    def test_is_tried_again_when_a_file_vanishes_meanwhile(
        self, session: Session, livestream: Livestream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        services.delete_livestream(livestream=livestream, actor=SYSTEM)

        def vanish(path: Path) -> None:
            raise FileNotFoundError(path / "index.m3u8.tmp")

        monkeypatch.setattr("shutil.rmtree", vanish)

        with pytest.raises(FileNotFoundError):
            playback.remove_deleted(livestream_id=livestream.pk)

        session.refresh_from_db()
        assert session.files_removed_at is None

    def test_touches_nothing_of_a_livestream_that_is_there(
        self, session: Session, livestream: Livestream, folder: Path
    ) -> None:
        playback.remove_deleted(livestream_id=livestream.pk)

        assert _media_playlist(folder) == PLAYLIST
