"""What a run makes of an encoder that is there, pulled from a real ingest server."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pytest_django import Settings

from streams.livestreams import leases
from streams.livestreams.renewals import Renewals
from streams.livestreams.runner import Worker
from streams.livestreams.runs import SessionRun
from streams.livestreams.states import EventKind, SessionStatus
from streams.models import Session
from tests.media.clips import flv
from tests.media.ingest import Ingest
from tests.runs import claimed, publish_name
from tests.services import wait_until

# A worker gives its connection back again and again.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> None:
    settings.PLAYBACK_DIR = tmp_path


@pytest.fixture(scope="module")
def small_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "small.flv"
    path.write_bytes(flv(size="320x180", gop=15, seconds=6))
    return path


@contextmanager
def _running(session: Session, *, is_called_again: bool = False) -> Iterator[threading.Thread]:
    """Run a session for as long as the block lasts; a postponed one again if called, as the sweeps do."""
    worker = Worker("alone")

    def run() -> None:
        worker.run_session(session.pk)
        while is_called_again and not worker.stopping.wait(1):
            worker.run_session(session.pk)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        worker.stopping.set()
        thread.join(15)
        assert not thread.is_alive()


@pytest.mark.usefixtures("pulls")
class TestFault:
    def test_is_told_in_a_sentence(
        self, session: Session, ingest: Ingest, small_clip: Path, settings: Settings
    ) -> None:
        settings.INGEST_PULL_URL = "rtmp://127.0.0.1:1/live/"  # Nobody listens there.

        with ingest.publishing(publish_name(session), small_clip):
            SessionRun(claimed(session), threading.Event(), Renewals()).run()

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

        with ingest.publishing(publish_name(session), muted_clip), _running(session):
            waiting = session.events.filter(kind=EventKind.RUN_POSTPONED)
            wait_until(waiting.exists, what="the end of the first wait")

        assert [event.reason for event in waiting] == [
            "The encoder sends no picture any more. Turn its video on again."
        ]
        assert Session.objects.get().is_open

    def test_refuses_a_session_that_never_had_one(self, session: Session, ingest: Ingest, muted_clip: Path) -> None:
        with ingest.publishing(publish_name(session), muted_clip), _running(session) as run:
            wait_until(lambda: not run.is_alive(), what="the end of the session")

        session.refresh_from_db()
        assert (session.status, session.end_reason) == ("errored", "source_refused")
        assert "key-frame interval" in session.why_it_ended

    @pytest.mark.chaos
    def test_goes_on_when_the_picture_comes_back(self, session: Session, ingest: Ingest, tmp_path: Path) -> None:
        clip = tmp_path / "sometimes.flv"
        clip.write_bytes(flv(size="320x180", gop=15, seconds=20, picture_s=6))

        with ingest.publishing(publish_name(session), clip), _running(session, is_called_again=True):
            resumed = session.events.filter(kind=EventKind.RESUMED)
            wait_until(resumed.exists, timeout_s=45, what="the second run's picture")

        session.refresh_from_db()
        assert session.status == SessionStatus.LIVE
        # However many runs have waited.
        assert session.events.filter(kind=EventKind.RUN_POSTPONED).count() == 1
