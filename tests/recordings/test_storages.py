"""Recordings in a storage of their app's own: a bucket of OpenStack Swift."""

import zlib
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from django.test import Client
from pytest_django import Settings

from livehub.core import clock
from streams.models import Livestream, Recording, Rendering, Session, StorageTarget
from streams.organizations.services import SYSTEM, NewOrganization
from streams.recordings import played, services
from streams.recordings.advancing import advance_recording, erase_recording
from streams.recordings.configuring import new_recording_of
from streams.recordings.links import download_link, own_link
from streams.recordings.rendering import render_next
from streams.recordings.stills import make_stills
from streams.recordings.storage_services import create_storage_target, delete_storage_target
from streams.recordings.stores.base import StoreSettings
from tests.media.recording.probing import top_boxes
from tests.recordings.broadcast import MadeBroadcast, is_over, went_live
from tests.stores.servers import swift

# As the server is configured, and so the least that it takes.
_PART = 262_144


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreSettings]:
    with swift(tmp_path_factory.mktemp("swift")) as server:
        yield server


@pytest.fixture
def bucket(home: NewOrganization, server: StoreSettings, settings: Settings) -> StorageTarget:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    return create_storage_target(
        app=home.app,
        type="s3",
        actor=SYSTEM,
        name="Films",
        bucket=server.bucket,
        region=server.region,
        endpoint=server.endpoint,
        access_key=server.access_key,
        secret=server.secret,
    )


def test_are_stored_checked_fetched_and_deleted_there(
    session: Session, livestream: Livestream, bucket: StorageTarget, settings: Settings
) -> None:
    settings.RECORD_AUTOMATICALLY = False
    lease = went_live(session)
    broadcast = MadeBroadcast(session, began_ms=clock.epoch_ms(clock.now()))
    recording = services.start_recording(livestream=livestream, new=services.NewRecording(storage=bucket), actor=SYSTEM)
    Recording.objects.update(part_size=_PART, from_ms=None)
    broadcast.add(30)
    advance_recording(recording_id=recording.pk)
    assert recording.parts.count() > 1
    broadcast.end()
    is_over(lease)

    advance_recording(recording_id=recording.pk)

    recording.refresh_from_db()
    assert (recording.status, recording.problem, recording.is_verified) == ("uploaded", "", True)
    link = download_link(recording)
    assert link is not None
    answer = httpx.get(link.url)
    assert (len(answer.content), zlib.crc32(answer.content)) == (recording.size, recording.crc32)
    # Its first part was there before anybody knew how large it would be.
    assert [kind for kind, _ in top_boxes(answer.content)] == ["ftyp", "mdat", "moov"]
    assert recording.output_file_name in answer.headers["content-disposition"]
    _is_played_through_here(recording, answer.content)
    services.delete_recording(recording_id=recording.pk, actor=SYSTEM)
    erase_recording(recording_id=recording.pk)
    assert httpx.get(link.url).status_code == httpx.codes.NOT_FOUND


def _is_played_through_here(recording: Recording, content: bytes) -> None:
    """Hold that pages get ranges of it from here, and the sound and the pictures that were made of it."""
    make_stills(recording_id=recording.pk)
    recording = Recording.objects.select_related("livestream").get()
    assert recording.livestream is not None
    assert (recording.stills_status, recording.stills_problem) == ("made", "")
    there = f"/internal/recorded/{recording.livestream.playback_id}/recordings/{recording.pk}"
    own = urlsplit(own_link(recording.pk, expires_at=clock.now() + timedelta(hours=1)))
    for path in (f"{there}/media.mp4", f"{own.path}?{own.query}&play"):
        ranged = Client().get(path, headers={"Range": "bytes=1000-400000"})
        assert (ranged.status_code, ranged.getvalue()) == (206, content[1000:400_001])
    played.forget(recording)
    assert Client().get(f"{there}/pictures/poster.jpg").content.startswith(b"\xff\xd8")
    assert Client().get(f"{there}/video.m3u8").content.count(b"#EXTINF") == 30
    sound = Client().get(f"{own.path}?{own.query}&as=m4a").getvalue()
    assert sound[4:8] == b"ftyp"
    assert len(sound) < len(content) / 2


def test_are_rendered_into_the_storage_that_was_told_with_them(
    session: Session, livestream: Livestream, server: StoreSettings, settings: Settings
) -> None:
    settings.RECORD_AUTOMATICALLY = False
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    lease = went_live(session)
    broadcast = MadeBroadcast(session, began_ms=clock.epoch_ms(clock.now()))
    storage = {name: getattr(server, name) for name in ("bucket", "region", "endpoint", "access_key", "secret")}
    config = {"storage_config": {"type": "s3", "path": "/meetings", **storage}, "video_config": {"width": 160}}
    new = new_recording_of(config, app=livestream.app)
    recording = services.start_recording(livestream=livestream, new=new, actor=SYSTEM)
    Recording.objects.update(part_size=_PART, from_ms=None)
    broadcast.add(2)
    broadcast.end()
    is_over(lease)
    advance_recording(recording_id=recording.pk)

    render_next(node=recording.node)

    recording.refresh_from_db()
    assert (recording.status, recording.problem) == ("uploaded", "")
    link = download_link(recording)
    assert link is not None
    assert f"/meetings/{recording.output_file_name}?" in link.url
    assert len(httpx.get(link.url).content) == Rendering.objects.get().size
    services.delete_recording(recording_id=recording.pk, actor=SYSTEM)
    erase_recording(recording_id=recording.pk)
    assert httpx.get(link.url).status_code == httpx.codes.NOT_FOUND
    # Its keys go with it.
    target = StorageTarget.objects.get()
    assert (target.secrets, target.deleted_at is None) == ({}, False)


def test_wait_and_say_why_when_the_storage_is_deleted(
    session: Session, livestream: Livestream, bucket: StorageTarget, settings: Settings
) -> None:
    settings.RECORD_AUTOMATICALLY = False
    lease = went_live(session)
    broadcast = MadeBroadcast(session, began_ms=clock.epoch_ms(clock.now()))
    services.start_recording(livestream=livestream, new=services.NewRecording(storage=bucket), actor=SYSTEM)
    Recording.objects.update(from_ms=None)
    broadcast.add(2)
    broadcast.end()
    is_over(lease)
    delete_storage_target(target=bucket, actor=SYSTEM)

    advance_recording(recording_id=Recording.objects.get().pk)

    recording = Recording.objects.get()
    assert recording.status == "uploading"
    assert "Films was deleted" in recording.problem
