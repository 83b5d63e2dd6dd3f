"""A broadcast that goes on at another machine, with a folder of its own: two files, and nothing lost between them."""

import json
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction
from pytest_django import Settings

from livehub.core import clock
from streams.livestreams import arrivals, leases
from streams.livestreams.arrivals import Encoder
from streams.livestreams.locks import lock_livestream
from streams.livestreams.states import EndReason
from streams.models import Connection, Lease, Livestream, Recording, Session, StreamKey
from streams.organizations.services import SYSTEM, NewOrganization
from streams.recordings import services, storing, sweeps
from streams.recordings.advancing import advance_recording
from streams.recordings.pushing import push
from streams.recordings.renditions import FileForm
from streams.recordings.storage_services import create_storage_target
from tests.recordings.broadcast import MadeBroadcast, is_over, went_live

ELSEWHERE = Encoder(node="south", client_id=9, address="203.0.113.24", software="OBS 31")


@pytest.fixture
def lease(session: Session) -> Lease:
    Livestream.objects.update(reconnect_window_s=60)
    return went_live(session)


@pytest.fixture
def south(tmp_path: Path) -> Path:
    return tmp_path / "south"


def _moves(session: Session, lease: Lease) -> Lease:
    """Have the encoder come back to another machine, whose worker goes on with the session."""
    leases.mark_away(lease, reason=EndReason.ENCODER_LOST)
    leases.release_lease(lease)
    with transaction.atomic():
        livestream = lock_livestream(session.livestream_id)
        key = StreamKey.objects.get(livestream=livestream, revoked_at=None)
        arrivals.admit(livestream=livestream, stream_key=key, encoder=ELSEWHERE)
    there = leases.claim_session(session_id=session.pk, worker="second", node="south")
    assert there is not None
    leases.mark_back(there)
    return there


def _at(settings: Settings, folder: Path, *, node: str) -> None:
    settings.NODE = node
    settings.PLAYBACK_DIR = folder / "playback"
    settings.RECORDING_SPOOL_DIR = settings.PLAYBACK_DIR / ".recordings"
    settings.RECORDINGS_DIR = folder / "recordings"


def _frames(recording: Recording) -> int:
    path = storing.folder_store().path(recording.object_name)
    argv = ["ffprobe", "-loglevel", "error", "-count_packets", "-select_streams", "v", "-show_streams"]
    report = subprocess.run([*argv, "-print_format", "json", str(path)], capture_output=True, check=True).stdout
    (stream,) = json.loads(report)["streams"]
    return int(stream["nb_read_packets"])


def test_what_names_begin_with_goes_on_with_it(session: Session, lease: Lease) -> None:
    Recording.objects.update(output_file_name=f"keynote_{session.livestream_id}_17.mp4")
    _moves(session, lease)

    sweeps.sweep_recordings()

    second = Recording.objects.latest("invoked_at")
    assert second.output_file_name.startswith(f"keynote_{session.livestream_id}_")


def test_each_machine_records_what_it_has(
    session: Session, lease: Lease, settings: Settings, tmp_path: Path, south: Path
) -> None:
    broadcast = MadeBroadcast(session, began_ms=clock.epoch_ms(clock.now()) - 3_000)
    broadcast.add(3)
    lease = _moves(session, lease)

    sweeps.sweep_recordings()

    first, second = Recording.objects.order_by("invoked_at")
    assert (first.node, first.status, first.stop_reason) == ("main", "uploading", "moved")
    assert (second.node, second.status, second.origin, second.is_further) == ("south", "invoked", "automatic", False)
    _at(settings, south, node="south")
    # By this machine's clock, which is a little behind that of whoever wrote down when the encoder came.
    came_at = Connection.objects.get(node="south").connected_at
    there = MadeBroadcast(session, began_ms=clock.epoch_ms(came_at) - 1_000, epoch=2)
    there.add(4)
    there.end()
    is_over(lease)
    advance_recording(recording_id=second.pk)
    second.refresh_from_db()
    assert (second.status, second.problem, second.is_verified, _frames(second)) == ("uploaded", "", True, 120)
    _at(settings, tmp_path, node="main")
    advance_recording(recording_id=first.pk)
    first.refresh_from_db()
    assert (first.status, first.problem, first.is_verified, _frames(first)) == ("uploaded", "", True, 90)


def test_the_first_is_stored_while_the_broadcast_goes_on_elsewhere(session: Session, lease: Lease) -> None:
    broadcast = MadeBroadcast(session, began_ms=clock.epoch_ms(clock.now()) - 40_000)
    broadcast.add(3)
    _moves(session, lease)
    sweeps.sweep_recordings()
    first = Recording.objects.get(node="main")
    # Nobody closes the segment that its run was about to, and after a while nobody waits for that.
    Recording.objects.filter(pk=first.pk).update(until_ms=clock.epoch_ms(clock.now()) - 31_000)

    advance_recording(recording_id=first.pk)

    first.refresh_from_db()
    assert (first.status, first.is_verified, _frames(first)) == ("uploaded", True, 90)


def test_a_paused_one_stays_paused(session: Session, lease: Lease) -> None:
    services.pause_recording(recording_id=Recording.objects.get().pk, actor=SYSTEM)
    _moves(session, lease)

    sweeps.sweep_recordings()

    second = Recording.objects.get(node="south")
    assert (second.status, second.pauses[0][1]) == ("paused", None)


def test_what_holds_for_one_holds_for_the_other(session: Session, lease: Lease, home: NewOrganization) -> None:
    began_at = clock.now() - timedelta(seconds=1_000)
    storage = create_storage_target(
        app=home.app,
        type="s3",
        actor=SYSTEM,
        name="Films",
        bucket="films",
        endpoint="https://s3.example.com",
        access_key="a",
        secret="b",
    )
    Recording.objects.update(storage=storage)
    wanted = FileForm(codec="VP8", width=160, height=90)
    elsewhere = push(session.livestream, url="rtmp://203.0.113.9/live/key", actor=SYSTEM)
    Recording.objects.update(
        max_seconds=3600,
        retention_s=77,
        config={"a": 1},
        started_at=began_at,
        slate="keep",
        rendition=wanted.kept,
        has_links=False,
        push=elsewhere,
        started_by="ann@northwind.example",
        start_reason="api_call",
        is_further=True,
    )
    _moves(session, lease)

    sweeps.sweep_recordings()

    second = Recording.objects.get(node="south")
    assert (second.retention_s, second.config, second.storage) == (77, {"a": 1}, storage)
    assert (second.slate, second.rendition, second.has_links) == ("keep", wanted.kept, False)
    assert second.push == elsewhere
    assert Recording.objects.exclude(pk=second.pk).get().push is None
    assert (second.started_by, second.start_reason, second.is_further) == ("ann@northwind.example", "api_call", True)
    # What is left of them.
    assert second.max_seconds == pytest.approx(2600, abs=60)


def test_is_followed_once(session: Session, lease: Lease) -> None:
    _moves(session, lease)

    sweeps.sweep_recordings()
    sweeps.sweep_recordings()

    assert Recording.objects.count() == 2


def test_one_whose_broadcast_stays_goes_on(session: Session, lease: Lease) -> None:
    leases.mark_away(lease, reason=EndReason.ENCODER_LOST)
    leases.mark_back(lease)

    sweeps.sweep_recordings()

    assert Recording.objects.get().status == "invoked"


def test_a_machine_that_is_gone_is_named(session: Session, lease: Lease, settings: Settings) -> None:
    is_over(lease)
    settings.NODE = "south"
    long_ago = clock.now().replace(year=2020)
    Recording.objects.update(updated_at=long_ago)

    sweeps.sweep_recordings()

    recording = Recording.objects.get()
    assert recording.status == "uploading"
    assert "Its files are on the machine main, which does not answer." in recording.problem
