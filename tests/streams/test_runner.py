"""What a worker does before a run's media come, and when it has to stop: no encoder is there to pull from."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TypedDict

import psycopg
import pytest
from django.db import OperationalError, connection
from django.db.models.functions import Now
from pytest_django import Settings

from livehub.core import clock
from livehub.core.counters import REGISTRY
from streams.livestreams import held_lease, leases
from streams.livestreams.health_notes import note_findings
from streams.livestreams.health_watch import DatedFault
from streams.livestreams.held_lease import HandOverError
from streams.livestreams.locks import LeaseLostError
from streams.livestreams.renewals import Renewals
from streams.livestreams.runner import Worker
from streams.livestreams.runs import SessionRun
from streams.livestreams.states import EventKind
from streams.livestreams.storage import local_storage
from streams.media import broadcast
from streams.media.doctor.judgement import IngestFault
from streams.media.doctor.kinds import FindingKind, Severity
from streams.media.errors import SourceLostError
from streams.media.journal import Ended
from streams.media.ladder import build_ladder
from streams.media.meter import Measured
from streams.media.source import Source
from streams.media.targets import Latency
from streams.models import Connection, Lease, Livestream, Session
from tests.media.journals import begin_journal, last_record
from tests.nudges import nudged
from tests.runs import claimed, ended, taken_in
from tests.services import HANG_S, wait_until

# A worker gives its connection back again and again.
pytestmark = pytest.mark.django_db(transaction=True)


_SOURCE = Source("h264", "High", "yuv420p", 1280, 720, 30.0, 3000, 2.0, "aac", "LC", 2, 48000)


def _starts() -> tuple[float, float]:
    """Return how many broadcasts this process has seen go live, and how many seconds that took all together."""
    count, sum_s = (
        REGISTRY.get_sample_value(f"livehub_broadcast_start_seconds_{what}") or 0.0 for what in ("count", "sum")
    )
    return count, sum_s


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path, livestream: Livestream) -> Path:
    """The livestream's folder, with what an earlier session or run has left for viewers."""
    settings.PLAYBACK_DIR = tmp_path
    folder = tmp_path / livestream.playback_id
    folder.mkdir()
    local_storage().publish(livestream.playback_id, "index.m3u8", "#EXTM3U\n")
    local_storage().thumbnail_path(livestream.playback_id).write_bytes(b"a picture")
    return folder


@pytest.fixture
def stopping() -> Worker:
    """A worker that hands over at once what it takes."""
    worker = Worker("stopping")
    worker.stopping.set()
    return worker


@contextmanager
def _locked(table: str) -> Iterator[None]:
    """Keep everybody else from a table: for them the database is away."""
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as other:
        other.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield


class TestFirstRun:
    def test_shows_nothing_of_an_earlier_session(self, session: Session, stopping: Worker, folder: Path) -> None:
        stopping.run_session(session.pk)

        assert [path for path in folder.iterdir() if path.is_file()] == []

    def test_that_never_began_leaves_that_to_the_next(self, session: Session, stopping: Worker, folder: Path) -> None:
        # Its worker was killed as soon as it had the lease.
        leases.release_lease(claimed(session))

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
        first = claimed(session)
        leases.mark_live(first)
        leases.release_lease(first)

        stopping.run_session(session.pk)

        assert {path.name for path in folder.iterdir() if path.is_file()} == {"index.m3u8", "thumbnail.jpg"}


class TestStopping:
    def test_hands_the_session_over(self, session: Session, stopping: Worker) -> None:
        stopping.run_session(session.pk)

        assert Session.objects.get().is_open
        lease = Lease.objects.get()
        assert (lease.epoch, lease.until, lease.worker) == (1, None, "stopping")
        # What is over is not in the way of the next run.
        assert stopping._runs == {}


class TestOthersSession:
    def test_is_let_be(self, session: Session, stopping: Worker, folder: Path) -> None:
        held = claimed(session)

        stopping.run_session(session.pk)

        assert Lease.objects.get() == held
        assert {path.name for path in folder.iterdir()} == {"index.m3u8", "thumbnail.jpg"}


class TestRun:
    def test_goes_on_in_the_sessions_folder_as_the_next_epoch(self, session: Session, folder: Path) -> None:
        leases.release_lease(claimed(session))

        spec = SessionRun(claimed(session), threading.Event(), Renewals())._job_spec()

        assert (spec.playback.folder, spec.playback.epoch) == (folder / session.pk.hex[:16], 2)
        assert spec.name == Connection.objects.get().pk.hex

    def test_is_packaged_as_livestream_and_settings_say(
        self, session: Session, folder: Path, settings: Settings
    ) -> None:
        settings.THUMBNAIL_S, settings.MAX_HEIGHT, settings.SLATE_AFTER_MS = 11, 540, 450
        Livestream.objects.update(latency_mode="standard", dvr_window_s=7200)

        spec = SessionRun(claimed(session), threading.Event(), Renewals())._job_spec()

        assert (spec.latency_mode, spec.playback.dvr_window_s) == (Latency.STANDARD, 7200)
        assert (spec.thumbnail_path, spec.thumbnail_s) == (folder / "thumbnail.jpg", 11)
        assert spec.playback.preview_path == folder / "preview.webp"
        assert (spec.max_height, spec.server.pull_base_url) == (540, settings.INGEST_PULL_URL)
        assert spec.slate_after_s == 0.45

    @pytest.mark.parametrize(
        ("choice", "window_s", "expected"),
        [("hold", 60, "hold"), ("slate", 60, "slate"), ("nothing", 60, "nothing"), ("hold", 0, "nothing")],
    )
    def test_shows_what_the_livestream_says_while_the_encoder_is_away(
        self, session: Session, choice: str, window_s: int, expected: str
    ) -> None:
        Livestream.objects.update(while_away=choice, reconnect_window_s=window_s)

        spec = SessionRun(claimed(session), threading.Event(), Renewals())._job_spec()

        assert spec.while_away == expected

    def test_publishes_into_the_livestreams_folder(self, session: Session, folder: Path) -> None:
        spec = SessionRun(claimed(session), threading.Event(), Renewals())._job_spec()

        spec.playback.publish("index.m3u8", "#EXTM3U\n#new\n")
        spec.playback.publish("live.m3u8", "#EXTM3U\n#edge\n")

        assert (folder / "index.m3u8").read_text() == "#EXTM3U\n#new\n"
        assert (folder / "live.m3u8").read_text() == "#EXTM3U\n#edge\n"

    def test_tells_the_origin_of_what_is_new(self, session: Session, settings: Settings) -> None:
        playback = SessionRun(claimed(session), threading.Event(), Renewals())._job_spec().playback
        with nudged(settings) as origin:
            playback.told(playback.folder)

            assert origin.recv(1024).decode() == f"{session.livestream.playback_id}/{session.pk.hex[:16]}"

    def test_never_waits_for_the_origin(self, session: Session, settings: Settings, tmp_path: Path) -> None:
        playback = SessionRun(claimed(session), threading.Event(), Renewals())._job_spec().playback
        with nudged(settings):
            # More than it takes while it does not listen.
            for _ in range(2000):
                playback.told(playback.folder)
        settings.NUDGE_SOCKET = tmp_path / "nobody.sock"
        playback.told(playback.folder)

    def test_knows_what_an_earlier_one_has_found(self, session: Session) -> None:
        fault = IngestFault(FindingKind.KEYFRAME_INTERVAL, Severity.WARNING, 8.3)
        lease = claimed(session)
        note_findings(lease, [DatedFault(fault, clock.now())])
        leases.release_lease(lease)

        assert SessionRun(claimed(session), threading.Event(), Renewals())._job_spec().findings == (fault,)

    def test_tells_in_seconds_how_long_it_took_to_go_live_the_first_time(self, session: Session) -> None:
        ladder = build_ladder(_SOURCE)
        Session.objects.filter(pk=session.pk).update(created_at=clock.now() - timedelta(seconds=9))
        before, took_s = _starts()
        for epoch in (1, 2):
            lease = claimed(session)
            run = SessionRun(lease, threading.Event(), Renewals())
            run.observer.found(_SOURCE, ladder)
            run.observer.playable()
            leases.release_lease(lease)
            assert lease.epoch == epoch

        after, all_took_s = _starts()
        assert after == before + 1
        assert 9 <= all_took_s - took_s < 9 + HANG_S

    def test_writes_down_what_it_found_and_that_it_can_be_played(self, session: Session) -> None:
        source, ladder = _SOURCE, build_ladder(_SOURCE)
        run = SessionRun(claimed(session), threading.Event(), Renewals())

        run.observer.found(source, ladder)
        run.observer.playable()

        session.refresh_from_db()
        assert session.source == asdict(source)
        assert session.renditions == [asdict(rendition) for rendition in ladder.renditions]
        assert (session.status, session.live_epoch) == ("live", 1)

    def test_ends_the_session_with_its_encoder(self, session: Session) -> None:
        SessionRun(claimed(session), threading.Event(), Renewals())._finish(media_ms=2_500)

        session.refresh_from_db()
        assert (session.status, session.end_reason, session.ingest_ms) == ("ended", "encoder_stopped", 2_500)

    def test_waits_when_the_ingest_server_is_not_there(self, session: Session, settings: Settings) -> None:
        run = SessionRun(claimed(session), threading.Event(), Renewals())
        settings.NODE = "elsewhere"

        # The sweep calls a worker again.
        assert run.run() is None

        reason = "The part of LiveHub that takes streams in does not answer."
        assert session.events.get(kind="run_postponed").reason == reason

    def test_that_fails_is_told_and_tried_again(
        self, session: Session, worker: Worker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setenv("PATH", "")

        with _running(worker, session):
            wait_until(lambda: Lease.objects.get().epoch == 2, what="the second run")

        failure = session.events.filter(kind="run_failed").earliest("id")
        assert failure.reason == "Something went wrong inside LiveHub. The server's log says what."
        assert "No such file" in caplog.text
        assert Session.objects.get().is_open

    def test_of_a_session_that_is_over_writes_nothing_but_the_end_of_its_playlists(
        self, session: Session, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", "")
        run, files = SessionRun(claimed(session), threading.Event(), Renewals()), _begin_journal(session, folder)
        ended(session)

        assert run.run() is None

        assert last_record(files) == Ended()
        assert not session.events.filter(kind="run_failed").exists()

    def test_says_when_its_playlists_could_not_be_finished(
        self, session: Session, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (folder / session.pk.hex[:16] / "1.journal").mkdir(parents=True)
        Connection.objects.all().delete()

        assert SessionRun(claimed(session), threading.Event(), Renewals()).run() is None

        assert "playlists not finished here" in caplog.text
        assert Session.objects.get().end_reason == "encoder_lost"

    def test_without_a_connection_has_nothing_to_pull(self, session: Session) -> None:
        Connection.objects.all().delete()
        run = SessionRun(claimed(session), threading.Event(), Renewals())

        run.observer.check_in(**_seen(media_ms=1_000))

        with pytest.raises(SourceLostError):
            run._job_spec()

    def test_adds_its_media_to_what_came_before(self, session: Session) -> None:
        taken_in(session, media_ms=5_000)

        SessionRun(claimed(session), threading.Event(), Renewals()).observer.check_in(
            media_ms=1_500,
            received_bytes=0,
            measured=Measured(video_kbps=2_500, fps=30.0),
            packager_latency_ms=412.6,
        )

        connection = Connection.objects.get()
        assert connection.media_ms == 6_500
        assert connection.measured == {
            "video_kbps": 2_500,
            "audio_kbps": 0,
            "fps": 30.0,
            "gop_s": 0.0,
            "packager_latency_ms": 413,
            "speed": None,
            "readings": {},
        }

    def test_renews_its_lease_when_it_checks_in(self, session: Session) -> None:
        lease = claimed(session)
        Lease.objects.update(until=None)

        SessionRun(lease, threading.Event(), Renewals()).observer.check_in(**_seen(media_ms=0))

        assert Lease.objects.get().until is not None

    def test_without_an_encoder_ends_the_session_and_its_playlists(self, session: Session, folder: Path) -> None:
        files = _begin_journal(session, folder)
        Connection.objects.all().delete()

        Worker("alone").run_session(session.pk)

        session.refresh_from_db()
        assert (session.status, session.end_reason) == ("ended", "encoder_lost")
        assert session.why_it_ended == "No encoder has connected."
        assert last_record(files) == Ended()

    def test_tells_nobody_of_the_servers_folders(self, session: Session, folder: Path, tmp_path: Path) -> None:
        (folder / "index.m3u8").unlink()
        (folder / "index.m3u8").mkdir()

        delay_s = SessionRun(claimed(session), threading.Event(), Renewals()).run()

        failure = session.events.get(kind=EventKind.RUN_FAILED)
        assert delay_s == 0.5
        assert failure.reason == "Something went wrong inside LiveHub. The server's log says what."


class TestCheckIn:
    def test_hands_over_what_another_worker_has_taken(self, session: Session) -> None:
        run = SessionRun(claimed(session), threading.Event(), Renewals())
        Lease.objects.update(until=None)
        claimed(session, worker="second")

        with pytest.raises(HandOverError):
            run.observer.check_in(**_seen(media_ms=0))

    def test_ends_a_run_whose_session_is_over(self, session: Session) -> None:
        run = SessionRun(claimed(session), threading.Event(), Renewals())
        ended(session)

        with pytest.raises(LeaseLostError):
            run.observer.check_in(**_seen(media_ms=0))

    def test_hands_over_at_once_when_the_worker_stops(self, session: Session, stopping: Worker) -> None:
        with pytest.raises(HandOverError):
            SessionRun(claimed(session), stopping.stopping, Renewals()).observer.check_in(**_seen(media_ms=0))

    def test_bears_a_database_that_is_away(self, session: Session, caplog: pytest.LogCaptureFixture) -> None:
        run = SessionRun(claimed(session), threading.Event(), Renewals())

        with _locked("streams_lease"):
            run.observer.check_in(**_seen(media_ms=1_000))

        assert "lease not renewed" in caplog.text
        assert run.observer.is_progressing

    def test_takes_no_silence_of_the_database_for_an_end(self, session: Session) -> None:
        run = SessionRun(claimed(session), threading.Event(), Renewals())
        Lease.objects.all().delete()

        with _locked("streams_session"), pytest.raises(HandOverError):
            run.observer.check_in(**_seen(media_ms=0))

    def test_waits_for_the_database_no_longer_than_until_the_next_time(self) -> None:
        assert held_lease.STATEMENT_TIMEOUT_S < broadcast._CHECK_IN_S

    def test_gives_its_connection_back(self, session: Session) -> None:
        SessionRun(claimed(session), threading.Event(), Renewals()).observer.check_in(**_seen(media_ms=0))

        assert connection.connection is None


class TestWrite:
    def test_goes_on_until_the_database_is_back(self, session: Session) -> None:
        answers: Iterator[OperationalError | str] = iter([OperationalError("away"), "written"])

        assert (
            SessionRun(claimed(session), threading.Event(), Renewals())._held.write(lambda: _answer(next(answers)))
            == "written"
        )

        assert connection.connection is None

    def test_is_given_up_by_a_worker_that_stops(self, session: Session, stopping: Worker) -> None:
        run = SessionRun(claimed(session), stopping.stopping, Renewals())

        with pytest.raises(LeaseLostError):
            run._held.write(lambda: _answer(OperationalError("away")))


class TestOwnSession:
    """The database was away for longer than a lease lasts, and the worker is called for what it runs itself."""

    @pytest.mark.parametrize(("silent_s", "epoch"), [(0, 1), (10, 2)])
    def test_is_taken_over_only_when_its_run_makes_no_progress(
        self, session: Session, stopping: Worker, silent_s: int, epoch: int
    ) -> None:
        run = stopping._runs[session.pk] = SessionRun(claimed(session), stopping.stopping, Renewals())
        run.observer._checked_in_at -= silent_s
        Lease.objects.update(until=Now() - timedelta(seconds=1))

        stopping.run_session(session.pk)

        assert Lease.objects.get().epoch == epoch

    def test_goes_on_with_the_rungs_that_it_does_without(self, session: Session, stopping: Worker) -> None:
        stopping._runs[session.pk] = SessionRun(claimed(session), stopping.stopping, Renewals())
        assert stopping._shedding.shed(session.pk, pixels_per_s=1.0, now_s=time.monotonic())

        stopping.run_session(session.pk)

        assert stopping._shedding.count(session.pk) == 1

    def test_makes_progress_when_it_checks_in(self, session: Session) -> None:
        run = SessionRun(claimed(session), threading.Event(), Renewals())
        run.observer._checked_in_at = time.monotonic() - 10
        assert not run.observer.is_progressing

        run.observer.check_in(**_seen(media_ms=0))

        assert run.observer.is_progressing


@pytest.fixture
def worker() -> Worker:
    return Worker("working")


@contextmanager
def _running(worker: Worker, session: Session) -> Iterator[None]:
    """Have the worker run a session beside the block, and stop after it."""

    def run() -> None:
        try:
            worker.run_session(session.pk)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        worker.stopping.set()
        thread.join(timeout=20)


def _begin_journal(session: Session, folder: Path) -> Path:
    """Leave what a run leaves that was killed: a journal without an end; return the session's folder."""
    files = folder / session.pk.hex[:16]
    begin_journal(files, epoch=1)
    return files


def _answer(answer: OperationalError | str) -> str:
    if isinstance(answer, OperationalError):
        raise answer
    return answer


class _Seen(TypedDict):
    media_ms: int
    received_bytes: int
    measured: Measured
    packager_latency_ms: float | None


def _seen(*, media_ms: int) -> _Seen:
    """Return what the media plane tells of so much media, and nothing else."""
    return _Seen(media_ms=media_ms, received_bytes=0, measured=Measured(), packager_latency_ms=None)
