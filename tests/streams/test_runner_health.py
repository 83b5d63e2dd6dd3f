"""A run whose encoder sends badly, and then well: real nginx-rtmp, ffmpeg and PostgreSQL."""

from itertools import pairwise
from pathlib import Path

import pytest
from pytest_django import Settings

from streams.livestreams.runner import Worker
from streams.models import Connection, Session
from tests.media.clips import flv
from tests.media.crafted import joined, without_sound
from tests.media.ingest import Ingest
from tests.runs import publish_name
from tests.services import wait_until
from tests.streams.working import working
from webhooks.models import Event

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def folder(settings: Settings, pulls: None, tmp_path: Path) -> None:
    settings.PLAYBACK_DIR = tmp_path / "playback"


def test_names_what_is_wrong_until_it_is_mended(session: Session, ingest: Ingest, tmp_path: Path) -> None:
    clip = tmp_path / "silent.flv"
    sound = flv(size="320x180", gop=60, seconds=60)
    clip.write_bytes(joined(flv(size="320x180", gop=60, seconds=4), without_sound(sound, until_ms=7_000)))
    findings = session.findings.filter(kind="audio_missing")

    with ingest.publishing(publish_name(session), clip, is_endless=False), working(Worker("here"), session):
        wait_until(findings.filter(cleared_at=None, severity="error").exists, what="the finding")
        assert session.events.filter(kind="fault_found", reason__startswith="No sound has come").exists()
        wait_until(findings.exclude(cleared_at=None).exists, what="its end")

    assert session.events.filter(kind="fault_mended").exists()
    told = Event.objects.filter(type="livestream.health_changed").order_by("pk")
    # A machine that is busy makes others come and go.
    kinds = [{finding["kind"] for finding in event.facts["health"]["findings"]} for event in told]
    assert (True, False) in pairwise("audio_missing" in found for found in kinds), kinds
    readings = Connection.objects.get().measured["readings"]
    assert readings["frames_missing_percent"]["at"] > "2026"
