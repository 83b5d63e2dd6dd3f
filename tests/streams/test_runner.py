"""What a worker does before a run's media come, and when it has to stop: no encoder is there to pull from."""

from pathlib import Path

import pytest
from pytest_django import Settings

from streams.livestreams import leases
from streams.livestreams.runner import Worker
from streams.livestreams.storage import local_storage
from streams.models import Lease, Livestream, Session
from tests.runs import claimed

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
