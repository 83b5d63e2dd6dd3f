"""Runs on a machine that is too busy for all renditions: real nginx-rtmp, ffmpeg and PostgreSQL."""

import threading
from pathlib import Path

import pytest
from pytest_django import Settings

from streams.livestreams.advice import advise
from streams.livestreams.renewals import Renewals
from streams.livestreams.runner import Worker
from streams.livestreams.runs import SessionRun
from streams.livestreams.shedding import IdleCores, OverloadedError, RestoredError, Shedding
from streams.livestreams.states import EventKind, SessionStatus
from streams.media.ladder import build_ladder
from streams.media.meter import Measured
from streams.models import Lease, Session
from tests.media.clips import flv
from tests.media.ingest import Ingest
from tests.media.test_source import GOOD
from tests.runs import claimed, publish_name
from tests.services import wait_until
from tests.streams.working import working

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def folder(settings: Settings, pulls: None, tmp_path: Path) -> Path:
    settings.PLAYBACK_DIR = tmp_path / "playback"
    return tmp_path / "playback"


class _Idle(IdleCores):
    """A machine with nothing to do."""

    def look(self, *, now_s: float) -> float:
        return 2.0


def _run(session: Session, shedding: Shedding) -> SessionRun:
    return SessionRun(claimed(session), threading.Event(), Renewals(), shedding=shedding)


def _check_in(run: SessionRun) -> None:
    run.observer.check_in(media_ms=1000, received_bytes=0, measured=Measured(), packager_latency_ms=None)


class TestRun:
    def test_ends_when_it_is_its_turn_to_do_with_less(self, session: Session) -> None:
        run = _run(session, Shedding())
        ladder = build_ladder(GOOD)

        with pytest.raises(OverloadedError, match=r"^This machine is too busy: 480p is left out for now\.$"):
            run.observer.overloaded(ladder.transcoded[0])

        assert run._job_spec().shed == 1
        # Others are to feel that first.
        run.observer.overloaded(ladder.transcoded[1])

    def test_begins_without_what_another_worker_has_left_out(self, session: Session) -> None:
        first = _run(session, Shedding())
        first.observer.found(GOOD, build_ladder(GOOD).without_top(1))
        Lease.objects.update(until=None)

        taken_over = _run(session, Shedding())

        assert taken_over._job_spec().shed == 1

    def test_ends_when_there_is_room_again(self, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("streams.livestreams.shedding._FIRST_WAIT_S", 0.0)
        monkeypatch.setattr("streams.livestreams.shedding._IDLE_S", 0.0)
        run = _run(session, Shedding(_Idle()))
        with pytest.raises(OverloadedError):
            run.observer.overloaded(build_ladder(GOOD).transcoded[0])
        # Of a run that has not found its source there is nothing to bring back.
        _check_in(run)
        run.observer.found(GOOD, build_ladder(GOOD).without_top(1))
        session.refresh_from_db()
        assert session.left_out == ["480p"]

        with pytest.raises(RestoredError, match=r"^This machine has room again: 480p comes back\.$"):
            _check_in(run)

        assert run._job_spec().shed == 0


def test_goes_on_with_less_and_has_it_back(
    session: Session, ingest: Ingest, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if pictures were late, and nothing taken.
    for name, value in {"_SETTLES_S": 1, "_WINDOW_S": 1, "_LONGEST_LATENCY_MS": 0, "_BLOCKED_SHARE": 0}.items():
        monkeypatch.setattr(f"streams.media.overload.{name}", value)
    monkeypatch.setattr("streams.livestreams.shedding._FIRST_WAIT_S", 8.0)
    monkeypatch.setattr("streams.livestreams.shedding._IDLE_S", 2.0)
    monkeypatch.setattr("streams.livestreams.shedding._SAMPLE_S", 1.0)
    # A machine of any size has room.
    monkeypatch.setattr("streams.livestreams.shedding._HEADROOM", -1.0)
    clip = tmp_path / "clip.flv"
    clip.write_bytes(flv(size="854x480", gop=30, seconds=10))
    worker = Worker("busy")

    with ingest.publishing(publish_name(session), clip), working(worker, session):
        wait_until(lambda: session.events.filter(kind=EventKind.RESUMED).count() == 1, what="the smaller ladder")
        less = Session.objects.with_connections().get()
        (multivariant,) = folder.glob("*/index.m3u8")
        offered = multivariant.read_text()
        wait_until(lambda: session.events.filter(kind=EventKind.RESUMED).count() == 2, what="the whole ladder")
        whole = Session.objects.get()

    assert less.status == whole.status == SessionStatus.LIVE
    assert (less.left_out, [rendition["name"] for rendition in less.renditions]) == (["360p"], ["480p", "audio"])
    assert ("/v0/" in offered, "/v1/" in offered) == (True, False)
    (sentence,) = advise(less)
    assert sentence.startswith("360p is left out since ")
    assert (whole.left_out, [rendition["name"] for rendition in whole.renditions]) == ([], ["480p", "360p", "audio"])
    story = list(session.events.order_by("id").exclude(kind=EventKind.RUN_STARTED).values_list("kind", "reason"))
    assert story[2:6] == [
        ("overloaded", "This machine is too busy: 360p is left out for now."),
        ("resumed", "Viewers see the picture again"),
        ("restored", "This machine has room again: 360p comes back."),
        ("resumed", "Viewers see the picture again"),
    ]
