"""Files that are made of recordings once they are over: of another size or codec, with a picture, of the sound."""

import json
import socket
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.conf import settings as live_settings
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks as Capture
from pytest_django import Settings

from livehub.core import clock
from streams.models import Lease, Recording, Rendering, Session, StorageTarget
from streams.organizations.services import SYSTEM
from streams.recordings import rendering, services, spool, storing
from streams.recordings.advancing import advance_recording, erase_recording
from streams.recordings.lanes import lanes
from streams.recordings.links import download_link, sound_file_link
from streams.recordings.renditions import FileForm
from streams.recordings.storage_services import create_storage_target
from streams.recordings.stores.base import Receipt, StoredObject, Upload
from streams.recordings.stores.folder import FolderStore
from tests.conftest import Broker
from tests.media.recording.probing import durations
from tests.recordings.broadcast import MadeBroadcast, clip, is_over, went_live

SECONDS = 2
ALL = FileForm(
    codec="VP8", width=160, height=90, sound_codec="VORBIS", channels=1, has_video_file=True, has_sound_file=True
)


@pytest.fixture
def lease(session: Session, settings: Settings) -> Lease:
    settings.RECORD_AUTOMATICALLY = False
    return went_live(session)


@pytest.fixture
def broadcast(session: Session, lease: Lease) -> MadeBroadcast:
    """A broadcast of some seconds of 320 by 180, which has not ended."""
    broadcast = MadeBroadcast(session, began_ms=clock.epoch_ms(clock.now()))
    broadcast.add(SECONDS)
    return broadcast


def _recorded(session: Session, broadcast: MadeBroadcast, lease: Lease, wanted: FileForm) -> Recording:
    """Return a recording that is over, and stored as it was broadcast."""
    new = services.NewRecording(rendition=wanted)
    recording = services.start_recording(livestream=session.livestream, new=new, actor=SYSTEM)
    Recording.objects.update(from_ms=None)
    broadcast.end()
    is_over(lease)
    advance_recording(recording_id=recording.pk)
    recording.refresh_from_db()
    return recording


def _render_all(recording: Recording) -> None:
    for _ in range(Rendering.objects.count()):
        rendering.render_next(node=recording.node)
    recording.refresh_from_db()


def _streams(path: Path) -> dict[str, Any]:
    looked = ["ffprobe", "-loglevel", "error", "-print_format", "json", "-show_streams", str(path)]
    report = json.loads(subprocess.run(looked, capture_output=True, check=True).stdout)
    return {stream["codec_type"]: stream for stream in report["streams"]}


def _path(recording: Recording, kind: str) -> Path:
    return storing.folder_store().path(recording.renderings.get(kind=kind).object_name)


def _spooled() -> list[Path]:
    return [*Path(live_settings.RECORDING_SPOOL_DIR).glob("*/*")]


def test_are_made_before_the_recording_is_shown(
    session: Session, broadcast: MadeBroadcast, lease: Lease, client: Client, broker: Broker, capture: Capture
) -> None:
    with capture(execute=True):
        recording = _recorded(session, broadcast, lease, ALL)
    assert broker.names[-1] == "streams.render_next"
    assert (recording.status, recording.shown.label, download_link(recording)) == ("uploading", "Rendering", None)
    assert recording.output_file_name.endswith(".webm")
    # The sweep calls for it again and again.
    advance_recording(recording_id=recording.pk)

    broker.names.clear()
    with capture(execute=True):
        rendering.render_next(node=recording.node)
    recording.refresh_from_db()
    assert (recording.status, broker.names) == ("uploading", ["streams.render_next"])
    broker.names.clear()
    with capture(execute=True):
        _render_all(recording)

    assert (recording.status, recording.problem) == ("uploaded", "")
    assert "streams.make_recording_stills" in broker.names
    video = _streams(_path(recording, "video"))
    assert [video["video"][key] for key in ("codec_name", "width", "height")] == ["vp8", 160, 90]
    assert (video["audio"]["codec_name"], video["audio"]["channels"]) == ("vorbis", 1)
    assert _streams(_path(recording, "audio")).keys() == {"audio"}
    assert _spooled() == []
    link, sound = download_link(recording), sound_file_link(recording)
    assert link is not None
    assert sound is not None
    answer = client.get(link.url)
    assert (answer.headers["Content-Type"], recording.output_file_name in answer["Content-Disposition"]) == (
        "video/webm",
        True,
    )
    assert client.get(sound.url).headers["Content-Type"] == "audio/ogg"


def test_copies_what_was_broadcast_as_it_was_asked_for(
    session: Session, broadcast: MadeBroadcast, lease: Lease
) -> None:
    recording = _recorded(session, broadcast, lease, FileForm(width=320, height=180, has_sound_file=True))

    _render_all(recording)

    streams = _streams(_path(recording, "video"))
    assert streams["video"]["nb_frames"] == str(30 * SECONDS)
    assert _streams(_path(recording, "audio"))["audio"]["codec_name"] == "aac"


def test_makes_nothing_where_the_source_is_like_that(session: Session, broadcast: MadeBroadcast, lease: Lease) -> None:
    Session.objects.update(source={"width": 320, "height": 180})

    recording = _recorded(session, broadcast, lease, FileForm(width=320, height=180))

    assert recording.status == "uploaded"
    assert Rendering.objects.count() == 0
    assert download_link(recording) is not None


def test_makes_it_after_all_when_another_encoder_came(session: Session, broadcast: MadeBroadcast, lease: Lease) -> None:
    Session.objects.update(source={"width": 160, "height": 90})
    recording = _recorded(session, broadcast, lease, FileForm(width=160, height=90))

    _render_all(recording)

    assert recording.status == "uploaded"
    assert recording.output_file_name.endswith(".rendered.mp4")
    assert _streams(_path(recording, "video"))["video"]["width"] == 160


def test_makes_nothing_of_sound_that_there_is_none_of(session: Session, lease: Lease) -> None:
    silent = MadeBroadcast(session, began_ms=clock.epoch_ms(clock.now()), tracks={"v0": clip("v0")})
    silent.add(SECONDS)

    recording = _recorded(session, silent, lease, FileForm(width=160, height=90, has_sound_file=True))
    _render_all(recording)

    assert (recording.status, recording.problem) == ("uploaded", "")
    assert [*recording.renderings.values_list("kind", flat=True)] == ["video"]


def test_leaves_out_of_the_sound_what_is_left_out_of_the_recording(
    session: Session, broadcast: MadeBroadcast, lease: Lease
) -> None:
    broadcast.cut(shows_slate=True)
    broadcast.add(3)
    broadcast.cut(shows_slate=False)
    broadcast.add(1)

    recording = _recorded(session, broadcast, lease, FileForm(has_sound_file=True))
    _render_all(recording)

    assert (recording.status, recording.problem) == ("uploaded", "")
    assert durations(_path(recording, "audio"))["file"] == pytest.approx(SECONDS + 1, abs=0.2)


def test_makes_none_of_another_node(session: Session, broadcast: MadeBroadcast, lease: Lease) -> None:
    recording = _recorded(session, broadcast, lease, replace(ALL, has_sound_file=False))

    rendering.render_next(node="south")

    assert Rendering.objects.get().status == "waiting"
    rendering.render_next(node=recording.node)
    assert Rendering.objects.get().status == "stored"


def test_that_came_to_less_than_was_broadcast_is_none(session: Session, broadcast: MadeBroadcast, lease: Lease) -> None:
    recording = _recorded(session, broadcast, lease, replace(ALL, has_sound_file=False))
    # As if what it is made of were read to its first half alone.
    Recording.objects.update(duration_us=2_000_000 * SECONDS)

    _render_all(recording)

    assert recording.status == "errored"
    assert f"{2 * SECONDS}.0 s were broadcast." in recording.problem


def test_leaves_nothing_of_a_recording_that_is_deleted_meanwhile(
    session: Session, broadcast: MadeBroadcast, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = _recorded(session, broadcast, lease, replace(ALL, has_sound_file=False))
    finish = FolderStore.finish

    def is_late(store: FolderStore, upload: Upload, receipts: Sequence[Receipt]) -> StoredObject:
        services.delete_recording(recording_id=recording.pk, actor=SYSTEM)
        return finish(store, upload, receipts)

    # While the store makes one object of it.
    Recording.objects.update(status="uploaded")
    monkeypatch.setattr(FolderStore, "finish", is_late)

    rendering.render_next(node=recording.node)

    stored = [path.name for path in Path(live_settings.RECORDINGS_DIR).rglob("*") if path.is_file()]
    assert stored == [recording.object_name.rpartition("/")[2]]


def test_makes_one_at_a_time(session: Session, broadcast: MadeBroadcast, lease: Lease) -> None:
    recording = _recorded(session, broadcast, lease, ALL)
    held = Rendering.objects.earliest("created_at", "id")
    Rendering.objects.filter(pk=held.pk).update(status="rendering", working_until=clock.now() + timedelta(hours=1))

    rendering.render_next(node=recording.node)

    assert sorted(Rendering.objects.values_list("status", flat=True)) == ["rendering", "waiting"]


def test_goes_on_for_who_was_killed(session: Session, broadcast: MadeBroadcast, lease: Lease) -> None:
    """One was killed while it made a file, another while it sent one."""
    recording = _recorded(session, broadcast, lease, ALL)
    Rendering.objects.filter(kind="video").update(status="rendering", tries=1)
    Rendering.objects.filter(kind="audio").update(status="storing", size=1)

    for _ in range(2):
        rendering.render_next(node=recording.node)

    recording.refresh_from_db()
    assert recording.status == "uploaded"


def test_fails_in_words_and_keeps_what_was_broadcast(
    session: Session, broadcast: MadeBroadcast, lease: Lease, client: Client
) -> None:
    recording = _recorded(session, broadcast, lease, replace(ALL, has_sound_file=False))
    Rendering.objects.update(status="rendering", tries=5)

    rendering.render_next(node=recording.node)

    recording.refresh_from_db()
    assert recording.status == "errored"
    assert "never came to its end" in recording.problem
    assert recording.output_file_name.endswith(".original.mp4")
    link = download_link(recording)
    assert link is not None
    assert client.get(link.url)["X-Accel-Redirect"].endswith(".original.mp4")
    assert storing.folder_store().path(recording.object_name).exists()


def test_are_erased_with_their_recording(session: Session, broadcast: MadeBroadcast, lease: Lease) -> None:
    recording = _recorded(session, broadcast, lease, ALL)
    rendering.render_next(node=recording.node)
    services.delete_recording(recording_id=recording.pk, actor=SYSTEM)
    rendering.render_next(node=recording.node)

    erase_recording(recording_id=recording.pk)

    assert [path for path in Path(live_settings.RECORDINGS_DIR).rglob("*") if path.is_file()] == []


def _storage_at(recording: Recording, port: int) -> StorageTarget:
    """Have a stored recording lie in a storage of its app's on this machine."""
    storage = create_storage_target(
        app=recording.app,
        type="s3",
        actor=SYSTEM,
        name="Attic",
        bucket="films",
        endpoint=f"http://127.0.0.1:{port}",
        access_key="key",
        secret="secret",
    )
    Recording.objects.filter(pk=recording.pk).update(storage=storage)
    return storage


def test_waits_for_a_storage_that_is_away_however_long(
    session: Session, broadcast: MadeBroadcast, lease: Lease, settings: Settings
) -> None:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    recording = _recorded(session, broadcast, lease, replace(ALL, has_sound_file=False))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    _storage_at(recording, port)

    for _ in range(7):
        rendering.render_next(node=recording.node)
        made = Rendering.objects.get()
        assert (made.status, made.tries, "cannot be reached" in made.problem) == ("waiting", 0, True)
        assert not Rendering.objects.free().exists()
        Rendering.objects.update(working_until=None)

    assert _spooled() == []
    Recording.objects.update(storage=None)
    _render_all(recording)
    assert (recording.status, recording.problem) == ("uploaded", "")


@pytest.mark.parametrize("status", ["waiting", "storing"])
def test_leaves_storages_servers_to_as_few_as_recordings_do(
    status: str, session: Session, broadcast: MadeBroadcast, lease: Lease, settings: Settings
) -> None:
    """Else some that go to a storage that never answers have all of a worker's threads, and nothing is recorded."""
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    recording = _recorded(session, broadcast, lease, replace(ALL, has_sound_file=False))
    if status == "storing":
        (spool.made_folder(recording.pk) / "made-video.webm").write_bytes(b"film")
        Rendering.objects.update(status=status, size=4)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        storage = _storage_at(recording, server.getsockname()[1])
        with (
            lanes.lane(app_id=recording.app_id, storage_id=storage.pk),
            lanes.lane(app_id=recording.app_id, storage_id=storage.pk),
        ):
            rendering.render_next(node=recording.node)
        with pytest.raises(BlockingIOError):
            server.accept()

    made = Rendering.objects.get()
    assert (made.status, made.tries) == (status, 0)
    # Others of the node have their turn first.
    assert not Rendering.objects.free().exists()


def test_leaves_the_rest_of_the_disk_to_broadcasts(
    session: Session, broadcast: MadeBroadcast, lease: Lease, settings: Settings
) -> None:
    recording = _recorded(session, broadcast, lease, replace(ALL, has_sound_file=False))
    settings.DISK_STOP_PERCENT = 0

    _render_all(recording)

    made = Rendering.objects.get()
    assert (recording.status, made.status, made.tries) == ("uploading", "waiting", 0)
    assert "cannot be read or kept" in made.problem


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of a white square, at `/mark.png`, and of something much too large."""
    path = tmp_path_factory.mktemp("pictures") / "mark.png"
    make = ["-f", "lavfi", "-i", "color=white:s=40x40:d=0.1", "-frames:v", "1", str(path)]
    subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", *make], check=True)
    contents = {"/mark.png": path.read_bytes(), "/large.png": bytes(6 << 20), "/page.html": b"<html>"}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path in contents else 503 if self.path == "/busy.png" else 404)
            self.end_headers()
            self.wfile.write(contents.get(self.path, b""))

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class TestWatermark:
    def test_is_laid_over(
        self, session: Session, broadcast: MadeBroadcast, lease: Lease, pictures: str, settings: Settings
    ) -> None:
        settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
        wanted = FileForm(watermark_url=f"{pictures}/mark.png", watermark_position="right bottom")
        recording = _recorded(session, broadcast, lease, wanted)

        _render_all(recording)

        assert recording.status == "uploaded"
        shown = ["-frames:v", "1", "-vf", "format=rgb24,crop=1:1:310:170", "-f", "rawvideo", "pipe:1"]
        argv = ["ffmpeg", "-nostdin", "-loglevel", "error", "-i", str(_path(recording, "video")), *shown]
        pixel = subprocess.run(argv, capture_output=True, check=True).stdout
        assert min(pixel) > 240

    def test_is_asked_for_again_while_its_server_cannot_answer(
        self, session: Session, broadcast: MadeBroadcast, lease: Lease, pictures: str, settings: Settings
    ) -> None:
        settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
        recording = _recorded(session, broadcast, lease, FileForm(watermark_url=f"{pictures}/busy.png"))

        _render_all(recording)

        made = Rendering.objects.get()
        assert (recording.status, made.status, made.tries, "503" in made.problem) == ("uploading", "waiting", 1, True)
        assert not Rendering.objects.free().exists()

        Rendering.objects.update(working_until=None, tries=4)
        _render_all(recording)
        assert (recording.status, "503" in recording.problem) == ("errored", True)

    @pytest.mark.parametrize(
        ("path", "is_allowed", "problem"),
        [
            ("/mark.png", False, "inside"),
            ("/large.png", True, "longer"),
            ("/none.png", True, "404"),
            ("/page.html", True, "no PNG"),
        ],
    )
    def test_is_refused_in_words(
        self,
        path: str,
        is_allowed: bool,
        problem: str,
        session: Session,
        broadcast: MadeBroadcast,
        lease: Lease,
        pictures: str,
        settings: Settings,
    ) -> None:
        settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"] if is_allowed else []
        recording = _recorded(session, broadcast, lease, FileForm(watermark_url=f"{pictures}{path}"))

        _render_all(recording)

        assert recording.status == "errored"
        assert problem in recording.problem
        assert pictures not in recording.problem
