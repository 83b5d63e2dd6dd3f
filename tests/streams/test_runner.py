"""What a worker does before a run's media come, and when it has to stop or to wait."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pytest_django import Settings

from streams.livestreams import leases
from streams.livestreams.runner import Worker, _Run
from streams.livestreams.states import EventKind, SessionStatus
from streams.livestreams.storage import local_storage
from streams.models import Connection, Lease, Livestream, Session
from tests.media.clips import flv
from tests.media.ingest import Ingest, running_ingest
from tests.runs import claimed, taken_in
from tests.services import wait_until

# A worker gives its connection back again and again.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path, livestream: Livestream) -> Path:
    """The livestream's folder, with what an earlier session or run has left for viewers."""
    settings.PLAYBACK_DIR = tmp_path
    folder = tmp_path / livestream.playback_id
    folder.mkdir()
    local_storage().publish(livestream.playback_id, "#EXTM3U\n")
    local_storage().thumbnail_path(livestream.playback_id).write_bytes(b"a picture")
    return folder


@pytest.fixture
def stopping() -> Worker:
    """A worker that hands over at once what it takes."""
    worker = Worker("stopping")
    worker.stopping.set()
    return worker


class TestFirstRun:
    def test_shows_nothing_of_an_earlier_session(self, session: Session, stopping: Worker, folder: Path) -> None:
        stopping.run_session(session.pk)

        assert [path for path in folder.iterdir() if path.is_file()] == []


class TestPostponedRun:
    def test_keeps_no_slot(self, session: Session, settings: Settings) -> None:
        # No ingest server that this worker could ask.
        settings.NODE, worker = "north", Worker("far away")
        slot = threading.Thread(target=worker.run_session, args=(session.pk,))
        slot.start()
        slot.join(10)
        has_ended = not slot.is_alive()
        worker.stopping.set()
        slot.join(10)

        assert has_ended
        assert session.events.filter(kind=EventKind.RUN_POSTPONED).exists()


class TestFollowingRun:
    def test_shows_what_the_session_has_shown(self, session: Session, stopping: Worker, folder: Path) -> None:
        leases.release_lease(claimed(session))

        stopping.run_session(session.pk)

        assert {path.name for path in folder.iterdir() if path.is_file()} == {"index.m3u8", "thumbnail.jpg"}


class TestStopping:
    def test_hands_the_session_over(self, session: Session, stopping: Worker) -> None:
        stopping.run_session(session.pk)

        assert Session.objects.get().is_open
        assert (Lease.objects.get().epoch, Lease.objects.get().until) == (1, None)


class TestOthersSession:
    def test_is_let_be(self, session: Session, stopping: Worker, folder: Path) -> None:
        held = claimed(session)

        stopping.run_session(session.pk)

        assert Lease.objects.get() == held
        assert {path.name for path in folder.iterdir()} == {"index.m3u8", "thumbnail.jpg"}


class TestRun:
    def test_has_a_folder_of_its_own(self, session: Session) -> None:
        leases.release_lease(claimed(session))

        spec = _Run(claimed(session), threading.Event())._job_spec()

        assert spec.run_name == f"{session.pk.hex[:16]}-2"
        assert spec.packaging.folder.name == spec.run_name
        assert spec.name == Connection.objects.get().pk.hex

    def test_adds_its_media_to_what_came_before(self, session: Session) -> None:
        taken_in(session, media_ms=5_000)

        _Run(claimed(session), threading.Event()).check_in(media_ms=1_500)

        assert Connection.objects.get().media_ms == 6_500

    def test_renews_its_lease_when_it_checks_in(self, session: Session) -> None:
        lease = claimed(session)
        Lease.objects.update(until=None)

        _Run(lease, threading.Event()).check_in(media_ms=0)

        assert Lease.objects.get().until is not None

    def test_without_an_encoder_ends_the_session_and_its_playlists(self, session: Session, folder: Path) -> None:
        playlist = folder / f"{session.pk.hex[:16]}-1" / "480p" / "index.m3u8"
        playlist.parent.mkdir(parents=True)
        playlist.write_text("#EXTM3U\n")
        Connection.objects.all().delete()

        Worker("alone").run_session(session.pk)

        session.refresh_from_db()
        assert (session.status, session.end_reason) == ("ended", "encoder_lost")
        assert session.why_it_ended == "No encoder has connected."
        assert playlist.read_text() == "#EXTM3U\n#EXT-X-ENDLIST\n"

    def test_tells_nobody_of_the_servers_folders(self, session: Session, folder: Path, tmp_path: Path) -> None:
        (folder / "index.m3u8").unlink()
        (folder / "index.m3u8").mkdir()

        delay_s = _Run(claimed(session), threading.Event()).run()

        failure = session.events.get(kind=EventKind.RUN_FAILED)
        assert delay_s == 0.5
        assert failure.reason == "Something went wrong inside LiveHub. The server's log says what."


@pytest.fixture(scope="module")
def ingest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ingest]:
    with running_ingest(tmp_path_factory.mktemp("ingest")) as server:
        yield server


@pytest.fixture(scope="module")
def small_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "small.flv"
    path.write_bytes(flv(size="320x180", gop=15, seconds=6))
    return path


@pytest.fixture
def pulls(settings: Settings, ingest: Ingest) -> None:
    """Let this node pull from the tests' ingest server."""
    settings.INGEST_PULL_URL = ingest.server.pull_base_url
    settings.INGEST_CONTROL_SOCKET = ingest.server.control_socket


@contextmanager
def _running(session: Session) -> Iterator[threading.Thread]:
    """Run a session for as long as the block lasts."""
    worker = Worker("alone")
    thread = threading.Thread(target=worker.run_session, args=(session.pk,), daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        worker.stopping.set()
        thread.join(15)
        assert not thread.is_alive()


def _publish_name(session: Session) -> str:
    return Connection.objects.get(session=session).pk.hex


@pytest.mark.usefixtures("pulls")
class TestFault:
    def test_is_told_in_a_sentence(
        self, session: Session, ingest: Ingest, small_clip: Path, settings: Settings
    ) -> None:
        settings.INGEST_PULL_URL = "rtmp://127.0.0.1:1/live/"  # Nobody listens there.

        with ingest.publishing(_publish_name(session), small_clip):
            _Run(claimed(session), threading.Event()).run()

        failure = session.events.get(kind=EventKind.RUN_FAILED)
        assert failure.reason == "The stream broke off inside LiveHub, not at the encoder."


@pytest.mark.usefixtures("pulls")
class TestMutedVideo:
    @pytest.fixture(autouse=True)
    def patience(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("streams.media.encoder_watch.LONGEST_START_S", 3.0)
        monkeypatch.setattr("streams.media.encoder_watch._LONGEST_PAUSE_S", 3.0)

    @pytest.fixture
    def muted_clip(self, tmp_path: Path) -> Path:
        """One picture at the very beginning: whoever joins later gets none, and the server keeps the sound, too."""
        path = tmp_path / "muted.flv"
        path.write_bytes(flv(size="320x180", gop=900, seconds=30, picture_s=1))
        return path

    def test_is_waited_for_by_a_session_that_had_a_picture(
        self, session: Session, ingest: Ingest, muted_clip: Path
    ) -> None:
        lease = claimed(session)
        leases.record_source(lease, source={"video_codec": "h264"}, renditions=[])
        leases.release_lease(lease)

        with ingest.publishing(_publish_name(session), muted_clip), _running(session):
            waiting = session.events.filter(kind=EventKind.RUN_POSTPONED)
            wait_until(waiting.exists, timeout_s=15, what="the end of the first wait")

        assert [event.reason for event in waiting] == [
            "The encoder sends no picture any more. Turn its video on again."
        ]
        assert Session.objects.get().is_open

    def test_refuses_a_session_that_never_had_one(self, session: Session, ingest: Ingest, muted_clip: Path) -> None:
        with ingest.publishing(_publish_name(session), muted_clip), _running(session) as run:
            wait_until(lambda: not run.is_alive(), timeout_s=15, what="the end of the session")

        session.refresh_from_db()
        assert (session.status, session.end_reason) == ("errored", "source_refused")
        assert "key-frame interval" in session.why_it_ended

    @pytest.mark.chaos
    def test_goes_on_when_the_picture_comes_back(self, session: Session, ingest: Ingest, tmp_path: Path) -> None:
        clip = tmp_path / "sometimes.flv"
        clip.write_bytes(flv(size="320x180", gop=15, seconds=20, picture_s=6))

        with ingest.publishing(_publish_name(session), clip), _running(session):
            resumed = session.events.filter(kind=EventKind.RESUMED)
            wait_until(resumed.exists, timeout_s=45, what="the second run's picture")

        session.refresh_from_db()
        assert session.status == SessionStatus.LIVE
        # However many runs have waited.
        assert session.events.filter(kind=EventKind.RUN_POSTPONED).count() == 1
