"""What a worker does before a run's media come, and when it has to stop: no encoder is there to pull from."""

import threading
from pathlib import Path

import pytest
from pytest_django import Settings

from streams.livestreams import leases
from streams.livestreams.runner import Worker, _Run
from streams.livestreams.states import EventKind
from streams.livestreams.storage import local_storage
from streams.models import Connection, Lease, Livestream, Session
from tests.runs import claimed, taken_in

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
        assert playlist.read_text() == "#EXTM3U\n#EXT-X-ENDLIST\n"
