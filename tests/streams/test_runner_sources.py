"""Runs whose encoder changes what it sends, or sends more than it may: real nginx-rtmp, ffmpeg and PostgreSQL."""

from pathlib import Path

import pytest
from pytest_django import Settings

from streams.livestreams.runner import Worker
from streams.livestreams.states import EndReason, SessionStatus
from streams.models import Session
from streams.organizations.quotas import OwnQuotas, set_quotas
from streams.organizations.services import SYSTEM
from tests.media.clips import flv
from tests.media.crafted import claiming, joined
from tests.media.ingest import Ingest
from tests.runs import publish_name
from tests.services import wait_until
from tests.streams.working import working

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def folder(settings: Settings, pulls: None, tmp_path: Path) -> None:
    settings.PLAYBACK_DIR = tmp_path / "playback"


def _small(size: str = "320x180", seconds: float = 30) -> bytes:
    return flv(size=size, gop=15, seconds=seconds)


def test_goes_on_with_a_picture_of_another_size(session: Session, ingest: Ingest, tmp_path: Path) -> None:
    clip = tmp_path / "changes.flv"
    clip.write_bytes(joined(_small(seconds=6), _small("640x360")))

    with ingest.publishing(publish_name(session), clip), working(Worker("here"), session):
        wait_until(session.events.filter(kind="resumed").exists, what="the second run's picture")

    session.refresh_from_db()
    assert session.status == SessionStatus.LIVE
    assert (session.source["width"], session.source["height"]) == (640, 360)
    reason = session.events.get(kind="source_changed").reason
    assert reason == "The encoder changed its picture to 640x360."
    assert not session.events.filter(kind="run_failed").exists()


def test_refuses_what_the_encoder_changed_to(session: Session, ingest: Ingest, tmp_path: Path) -> None:
    clip = tmp_path / "grows.flv"
    clip.write_bytes(joined(_small(seconds=6), claiming(_small(), width=7680, height=4320)))

    with ingest.publishing(publish_name(session), clip), working(Worker("here"), session) as run:
        wait_until(lambda: not run.is_alive(), what="the end of the session")

    session.refresh_from_db()
    assert (session.status, session.end_reason) == (SessionStatus.ERRORED, EndReason.SOURCE_REFUSED)
    assert "7680x4320" in session.error_message


# The clip has some 600 kbit/s.
@pytest.mark.parametrize(("quota_kbps", "speed"), [(100, 1), (900, 10)])
def test_ends_what_sends_far_more_than_it_may(
    session: Session, ingest: Ingest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota_kbps: int, speed: int
) -> None:
    monkeypatch.setattr("streams.livestreams.bitrate._PATIENCE_S", 2.0)
    quotas = OwnQuotas(broadcast_kbps=quota_kbps)
    set_quotas(organization=session.livestream.app.organization, quotas=quotas, actor=SYSTEM)
    clip = tmp_path / "small.flv"
    clip.write_bytes(_small())

    with ingest.publishing(publish_name(session), clip, speed=speed), working(Worker("here"), session) as run:
        wait_until(lambda: not run.is_alive(), what="the end of the session")

    session.refresh_from_db()
    assert (session.status, session.end_reason) == (SessionStatus.ERRORED, EndReason.OVER_QUOTA)
    assert (
        f"your organization's limit is {quota_kbps / 1000:g}. Set the encoder to a lower bitrate"
        in session.error_message
    )
