"""What becomes of a session's files."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from celery.signals import task_prerun
from pytest_django import DjangoCaptureOnCommitCallbacks as Capture
from pytest_django import Settings

from livehub.core import clock
from streams.livestreams import leases, playback, services, tasks
from streams.livestreams.services import create_livestream
from streams.livestreams.storage import local_storage
from streams.media.journal import Ended, journal_path
from streams.models import Lease, Livestream, Session
from streams.organizations.services import SYSTEM
from tests.conftest import Broker
from tests.media.journals import begin_journal, last_record
from tests.nudges import nudged
from tests.queues import untaken
from tests.runs import claimed, connected, ended


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> Path:
    settings.PLAYBACK_DIR = tmp_path
    return tmp_path


def _write_run(session: Session) -> Path:
    """Write what a run leaves that was killed, a journal without an end; return the session's folder."""
    lease, storage, playback_id = claimed(session), local_storage(), session.livestream.playback_id
    folder = _folder_of(session)
    begin_journal(folder, epoch=lease.epoch)
    (folder / "v0").mkdir(exist_ok=True)
    (folder / "v0" / f"{lease.epoch}-0.m4s").write_bytes(b"a picture")
    for name in ("index.m3u8", "live.m3u8"):
        storage.publish(playback_id, name, f"#EXTM3U\n{folder.name}/v0/index.m3u8\n")
    return folder


def _folder_of(session: Session) -> Path:
    return local_storage().session_folder(session.livestream.playback_id, session_id=session.pk)


def _is_whole(session: Session) -> bool:
    return (_folder_of(session) / "v0" / "1-0.m4s").exists()


def _has_end(session: Session) -> bool:
    return last_record(_folder_of(session)) == Ended()


@pytest.fixture
def session(livestream: Livestream) -> Session:
    session = connected(livestream)
    _write_run(session)
    session.refresh_from_db()
    return session


def _stopped(session: Session, *, seconds_ago: int) -> None:
    ended(session)
    Session.objects.filter(pk=session.pk).update(stopped_at=clock.now() - timedelta(seconds=seconds_ago))


class TestSessionFolder:
    def test_is_the_same_for_each_run_and_another_for_each_session(
        self, session: Session, livestream: Livestream
    ) -> None:
        first = _folder_of(session)
        leases.release_lease(_lease(session))

        assert _write_run(session) == first
        assert _folder_of(session) != local_storage().session_folder(livestream.playback_id, session_id=livestream.pk)


class TestFinishPlaylists:
    def test_ends_the_playlists_of_a_session_that_is_over(self, session: Session) -> None:
        ended(session)

        playback.finish_playlists(session_id=session.pk)

        assert _has_end(session)

    def test_ends_those_of_the_folder_that_a_run_without_sound_went_on_in(self, session: Session) -> None:
        folder = _folder_of(session)
        silent = folder.with_name(f"{folder.name}-2")
        begin_journal(silent, epoch=2)
        ended(session)

        playback.finish_playlists(session_id=session.pk)

        assert last_record(silent) == Ended()

    def test_tells_the_origin_of_the_end(self, session: Session, settings: Settings) -> None:
        ended(session)
        with nudged(settings) as origin:
            playback.finish_playlists(session_id=session.pk)

            assert origin.recv(1024).decode() == f"{session.livestream.playback_id}/{_folder_of(session).name}"

    def test_of_a_session_without_files_are_nothing(self, session: Session) -> None:
        shutil.rmtree(_folder_of(session))
        ended(session)

        playback.finish_playlists(session_id=session.pk)

        assert not _folder_of(session).exists()

    def test_is_tried_again_where_it_cannot_be_written(self, session: Session) -> None:
        """As on a full disk: players would wait for ever."""
        ended(session)
        journal = journal_path(_folder_of(session), epoch=1)
        aside = journal.rename(journal.with_suffix(".aside"))
        journal.mkdir()
        tries: list[None] = []

        def make_room(**_: object) -> None:
            tries.append(None)
            if len(tries) == 3:
                journal.rmdir()
                aside.rename(journal)

        task_prerun.connect(make_room)
        try:
            tasks.finish_playlists.apply((str(session.pk),))
        finally:
            task_prerun.disconnect(make_room)

        assert len(tries) == 3
        assert _has_end(session)

    def test_leaves_those_of_other_sessions_alone(self, session: Session, livestream: Livestream) -> None:
        ended(session)
        following = connected(livestream)
        _write_run(following)

        playback.finish_playlists(session_id=session.pk)

        assert not _has_end(following)

    def test_leaves_a_running_session_alone(self, session: Session) -> None:
        playback.finish_playlists(session_id=session.pk)

        assert not _has_end(session)


class TestFinishMissed:
    """Who was to end the playlists was killed, and Redis was away when the files' queue was to be told."""

    def test_ends_the_playlists_and_tells_the_origin(self, session: Session, settings: Settings) -> None:
        ended(session)
        with nudged(settings) as origin:
            playback.keep_up()

            assert origin.recv(1024).decode() == f"{session.livestream.playback_id}/{_folder_of(session).name}"
        assert _has_end(session)

    def test_leaves_alone_what_has_its_end(self, session: Session) -> None:
        ended(session)
        playback.keep_up()
        size = journal_path(_folder_of(session), epoch=1).stat().st_size

        playback.keep_up()

        assert journal_path(_folder_of(session), epoch=1).stat().st_size == size

    def test_leaves_a_running_session_alone(self, session: Session) -> None:
        playback.keep_up()

        assert not _has_end(session)

    def test_of_one_that_cannot_be_written_keeps_no_other_from_it(
        self, session: Session, caplog: pytest.LogCaptureFixture
    ) -> None:
        other = connected(create_livestream(app=session.livestream.app, name="other", actor=SYSTEM))
        _write_run(other)
        for each in (session, other):
            ended(each)
        journal = journal_path(_folder_of(session), epoch=1)
        journal.unlink()
        journal.mkdir()

        playback.keep_up()

        assert _has_end(other)
        assert f"playlists not finished session={session.pk}" in caplog.text


class TestRemoveExpired:
    def test_removes_everything_of_the_last_session(self, session: Session, folder: Path) -> None:
        _stopped(session, seconds_ago=301)

        assert playback.remove_expired() == 1
        assert playback.remove_expired() == 0

        assert list(folder.iterdir()) == []
        session.refresh_from_db()
        assert session.file_nodes == []

    def test_removes_every_run_and_leaves_other_nodes_to_them(self, session: Session, folder: Path) -> None:
        leases.release_lease(_lease(session))
        _write_run(session)
        _stopped(session, seconds_ago=301)
        Session.objects.update(file_nodes=["main", "north"])

        playback.remove_expired()

        assert list(folder.iterdir()) == []
        session.refresh_from_db()
        assert session.file_nodes == ["north"]

    def test_keeps_what_is_younger_than_the_retention_time(self, session: Session, folder: Path) -> None:
        _stopped(session, seconds_ago=290)

        assert playback.remove_expired() == 0
        assert _is_whole(session)

    def test_never_touches_a_session_that_is_going_on(self, session: Session, folder: Path) -> None:
        Session.objects.update(created_at=clock.now() - timedelta(days=2), started_at=clock.now() - timedelta(days=2))

        assert playback.remove_expired() == 0
        assert _is_whole(session)

    def test_leaves_what_other_nodes_have_to_them(self, session: Session, folder: Path) -> None:
        Session.objects.update(file_nodes=["north"])
        _stopped(session, seconds_ago=301)

        assert playback.remove_expired() == 0
        assert _is_whole(session)

    def test_is_tried_again_when_the_folder_stays(
        self, session: Session, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        _stopped(session, seconds_ago=301)

        def refuse(path: Path) -> None:
            raise PermissionError(path)

        monkeypatch.setattr(Path, "rmdir", refuse)

        assert playback.remove_expired() == 0

        assert "files not removed" in caplog.text
        session.refresh_from_db()
        assert session.file_nodes == ["main"]

    def test_removes_fifty_at_once(self, session: Session) -> None:
        _stopped(session, seconds_ago=301)
        stopped_at = clock.now() - timedelta(seconds=301)
        Session.objects.bulk_create(
            Session(livestream=session.livestream, status="ended", stopped_at=stopped_at, file_nodes=["main"])
            for _ in range(50)
        )

        assert [playback.remove_expired() for _ in range(2)] == [50, 1]

    def test_goes_on_with_the_others_when_one_cannot_be_removed(
        self, session: Session, livestream: Livestream, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        _stopped(session, seconds_ago=301)
        removable = connected(livestream)
        _write_run(removable)
        _stopped(removable, seconds_ago=301)
        run = _folder_of(session)
        shutil.rmtree(run)
        # Not a folder, as what a run writes always is: this may be anybody's.
        run.write_text("a file")

        assert playback.remove_expired() == 1

        assert "files not removed" in caplog.text
        for kept, nodes in ((session, ["main"]), (removable, [])):
            kept.refresh_from_db()
            assert kept.file_nodes == nodes
        assert [path.name for path in run.parent.iterdir() if path.suffix != ".m3u8"] == [run.name]

    def test_keeps_the_playlist_of_the_session_that_came_after(
        self, session: Session, livestream: Livestream, folder: Path
    ) -> None:
        _stopped(session, seconds_ago=301)
        following = _write_run(connected(livestream))

        playback.remove_expired()

        assert {path.name for path in folder.glob("*/*")} == {following.name, "index.m3u8", "live.m3u8"}

    def test_removes_the_pictures_of_a_session_that_was_never_playable(
        self, session: Session, livestream: Livestream, folder: Path
    ) -> None:
        _stopped(session, seconds_ago=301)
        local_storage().withdraw(livestream.playback_id)
        local_storage().thumbnail_path(livestream.playback_id).write_bytes(b"a picture")
        local_storage().preview_path(livestream.playback_id).write_bytes(b"pictures")

        playback.remove_expired()

        assert list(folder.iterdir()) == []


class TestCallForUpkeep:
    def test_calls_each_node_that_has_files(self, session: Session, broker: Broker, capture: Capture) -> None:
        leases.release_lease(_lease(session))
        leases.claim_session(session_id=session.pk, worker="second", node="north")
        _stopped(session, seconds_ago=301)

        with capture(execute=True):
            playback.call_for_upkeep()

        calls = [call for call in broker.queues if call[0] == "streams.keep_up_playback"]
        assert [queue for _, queue in calls] == ["files.main", "files.north"]

    def test_calls_the_nodes_of_a_session_that_is_just_over(
        self, session: Session, broker: Broker, capture: Capture
    ) -> None:
        ended(session)

        with capture(execute=True):
            playback.call_for_upkeep()

        assert ("streams.keep_up_playback", "files.main") in broker.queues

    def test_calls_no_node_again_that_is_gone(self, session: Session, broker: Broker, capture: Capture) -> None:
        _stopped(session, seconds_ago=301)

        with untaken("files.main"), untaken("files.main"), capture(execute=True):
            playback.call_for_upkeep()

        assert "streams.keep_up_playback" not in broker.names

    def test_calls_nobody_for_nothing(self, session: Session, broker: Broker, capture: Capture) -> None:
        with capture(execute=True):
            playback.call_for_upkeep()

        assert broker.names == []


def _lease(session: Session) -> Lease:
    return Lease.objects.get(pk=session.pk)


class TestPublish:
    def test_leaves_nothing_but_the_playlist(self, livestream: Livestream, session: Session, folder: Path) -> None:
        for name in ("index.m3u8", "live.m3u8"):
            local_storage().publish(livestream.playback_id, name, f"#EXTM3U\n#new {name}\n")

        files = {path.name: path.read_text() for path in folder.glob("*/*") if path.is_file()}
        assert files == {name: f"#EXTM3U\n#new {name}\n" for name in ("index.m3u8", "live.m3u8")}


class TestWithdraw:
    def test_shows_nothing_of_a_session_that_is_over(
        self, session: Session, livestream: Livestream, folder: Path
    ) -> None:
        for _ in range(2):
            local_storage().withdraw(livestream.playback_id)

        assert not list(folder.glob("*/*.m3u8"))
        assert _is_whole(session)


class TestRemoveDeleted:
    def test_leaves_nothing_to_watch(self, session: Session, livestream: Livestream, folder: Path) -> None:
        services.delete_livestream(livestream=livestream, actor=SYSTEM)

        playback.remove_deleted(livestream_id=livestream.pk)
        playback.remove_deleted(livestream_id=livestream.pk)

        assert list(folder.iterdir()) == []
        session.refresh_from_db()
        assert session.file_nodes == []

    def test_leaves_what_another_deleted_one_has_to_its_own_task(
        self, session: Session, livestream: Livestream, foreign_livestream: Livestream, folder: Path
    ) -> None:
        neighbour = connected(foreign_livestream)
        _write_run(neighbour)
        for deleted in (livestream, foreign_livestream):
            services.delete_livestream(livestream=deleted, actor=SYSTEM)

        for deleted, left in ((livestream, foreign_livestream), (foreign_livestream, None)):
            playback.remove_deleted(livestream_id=deleted.pk)

            assert [path.name for path in folder.iterdir()] == ([left.playback_id] if left else [])
            neighbour.refresh_from_db()
            assert neighbour.file_nodes == (["main"] if left else [])

    def test_is_asked_of_every_node_that_has_files(
        self, session: Session, livestream: Livestream, foreign_livestream: Livestream, broker: Broker, capture: Capture
    ) -> None:
        Session.objects.update(file_nodes=["main", "north"])
        Session.objects.filter(pk=connected(foreign_livestream).pk).update(file_nodes=["east"])

        with capture(execute=True):
            services.delete_livestream(livestream=livestream, actor=SYSTEM)

        calls = [call for call in broker.queues if call[0] == "streams.remove_playback"]
        assert [queue for _, queue in calls] == ["files.main", "files.north"]
        assert ("streams.remove_playback", {"livestream_id": str(livestream.pk)}) in broker.arguments

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
        assert session.file_nodes == ["main"]

    def test_touches_nothing_of_a_livestream_that_is_there(
        self, session: Session, livestream: Livestream, folder: Path
    ) -> None:
        playback.remove_deleted(livestream_id=livestream.pk)

        assert _is_whole(session)
