"""Runs whose broadcast goes to another platform: real nginx-rtmp on both sides, ffmpeg and PostgreSQL."""

import threading
from pathlib import Path

import pytest
from pytest_django import Settings

from streams.livestreams.outputs import NewOutput, create_output
from streams.livestreams.renewals import Renewals
from streams.livestreams.runner import Worker
from streams.livestreams.runs import SessionRun
from streams.livestreams.simulcasting import Simulcasts
from streams.models import Livestream, Output, Session
from streams.organizations.services import SYSTEM
from tests.media.clips import flv
from tests.media.crafted import joined
from tests.media.ingest import Ingest
from tests.runs import admitted_test_picture, claimed, publish_name
from tests.services import wait_until
from tests.streams.working import working

pytestmark = pytest.mark.django_db(transaction=True)

_KEY = "of-the-other-platform"


@pytest.fixture(autouse=True)
def folder(settings: Settings, pulls: None, tmp_path: Path) -> None:
    settings.PLAYBACK_DIR = tmp_path / "playback"
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]


def test_goes_there_from_the_first_picture_to_the_end_over_all_runs(
    session: Session, livestream: Livestream, ingest: Ingest, tmp_path: Path
) -> None:
    new = NewOutput(type="simulcast", uri=ingest.server.pull_base_url.rstrip("/"), stream_key=_KEY)
    output = create_output(livestream=livestream, new=new, actor=SYSTEM)
    clip = tmp_path / "changes.flv"
    first, second = flv(size="320x180", gop=15, seconds=6), flv(size="640x360", gop=15, seconds=30)
    clip.write_bytes(joined(first, second))

    with working(Worker("here"), session) as run:
        with ingest.publishing(publish_name(session), clip):
            wait_until(lambda: ingest.server.find_publisher(_KEY), what="the broadcast at the platform")
            # The encoder's picture becomes another one, and another run of the session follows.
            wait_until(session.events.filter(kind="resumed").exists, what="the second run's picture")
            before = Output.objects.get(pk=output.pk).push_bytes
            wait_until(lambda: Output.objects.get(pk=output.pk).push_bytes > before + 50_000, what="more of it")
            output.refresh_from_db()
            assert (output.push_state, output.push_tries) == ("broadcasting", 1)
        wait_until(lambda: not run.is_alive(), what="the end of the session")

    wait_until(lambda: ingest.server.find_publisher(_KEY) is None, what="its end at the platform")
    output.refresh_from_db()
    assert output.push_state == "idle"
    states = [event.state for event in output.push_events.all() if event.state != "starting"]
    assert states == ["idle", "broadcasting"]


def test_a_test_picture_goes_to_no_other_platform(livestream: Livestream) -> None:
    lease = claimed(admitted_test_picture(livestream))

    run = SessionRun(lease, threading.Event(), Renewals(), simulcasts=Simulcasts(lease.worker))

    assert run.observer.simulcasts is None
