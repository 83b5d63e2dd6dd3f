"""Poster and storyboard of stored recordings, and what is told when there are none."""

import json
import re
import subprocess
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks as Capture
from pytest_django import Settings

from livehub.core import clock
from streams.media.stills import single
from streams.models import RecordedSegment, Recording, Session
from streams.organizations.services import SYSTEM
from streams.recordings import services, stills
from streams.recordings.advancing import advance_recording, erase_recording
from streams.recordings.stills import make_stills
from streams.recordings.stores.base import Receipt, StoredObject, Upload
from streams.recordings.stores.folder import FolderStore
from streams.recordings.storing import folder_store
from streams.recordings.sweeps import sweep_recordings
from tests.conftest import Broker
from tests.recordings.broadcast import MadeBroadcast, is_over, went_live

_CUE = re.compile(r"^(\S+) --> (\S+)\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)$", re.MULTILINE)


def _stored(session: Session, *, seconds: int) -> Recording:
    lease = went_live(session)
    broadcast = MadeBroadcast(session, began_ms=clock.epoch_ms(clock.now()))
    broadcast.add(seconds)
    broadcast.end()
    is_over(lease)
    recording = Recording.objects.get()
    advance_recording(recording_id=recording.pk)
    return Recording.objects.select_related("livestream").get()


@pytest.fixture
def recording(session: Session) -> Recording:
    """A stored one of eleven seconds."""
    return _stored(session, seconds=11)


@pytest.fixture
def beside(recording: Recording) -> Path:
    """The folder in its store where they are to be."""
    return folder_store().path(recording.object_name).with_suffix("")


@pytest.fixture
def made(recording: Recording) -> Recording:
    make_stills(recording_id=recording.pk)
    recording.refresh_from_db()
    return recording


def _size(path: Path) -> tuple[int, int]:
    argv = ["ffprobe", "-v", "error", "-show_entries", "stream=width,height", "-of", "json", str(path)]
    (stream,) = json.loads(subprocess.run(argv, capture_output=True, check=True).stdout)["streams"]
    return stream["width"], stream["height"]


def _gray(path: Path, *filters: str, seek: str = "") -> bytes:
    """Return a picture's brightness in 16 by 9 fields."""
    argv = ["ffmpeg", "-nostdin", "-v", "error", *(["-ss", seek] if seek else []), "-i", str(path), "-frames:v", "1"]
    shown = ",".join([*filters, "scale=16:9", "format=gray"])
    return subprocess.run([*argv, "-vf", shown, "-f", "rawvideo", "-"], capture_output=True, check=True).stdout


def _differ(one: bytes, other: bytes) -> float:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)


class TestMaking:
    def test_leaves_a_poster_and_for_each_few_seconds_what_was_broadcast_then(
        self, made: Recording, beside: Path
    ) -> None:
        assert (made.stills_status, made.stills_problem) == ("made", "")
        assert _size(beside / "pictures/poster.jpg") == (320, 180)
        assert _size(beside / "pictures/0.jpg") == (256, 3 * 144)
        cues = _CUE.findall((beside / "storyboard.vtt").read_text())
        assert [begins for begins, *_ in cues] == ["00:00:00.000", "00:00:05.000", "00:00:10.000"]
        assert [cue[2:] for cue in cues] == [("pictures/0.jpg", "0", str(top), "256", "144") for top in (0, 144, 288)]
        path = folder_store().path(made.object_name)
        strips = [_gray(beside / "pictures/0.jpg", f"crop=256:144:0:{top}") for top in (0, 144, 288)]
        shown = [_gray(path, seek=seek) for seek in ("0", "5", "10")]

        for number, picture in enumerate(strips):
            assert min(range(3), key=lambda each: _differ(picture, shown[each])) == number
            assert _differ(picture, shown[number]) < 8

    def test_leaves_no_more_than_a_scrub_bar_has_places(
        self, recording: Recording, beside: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # As of a recording of a hundred times the length.
        monkeypatch.setattr(stills, "_MOST", 2)

        make_stills(recording_id=recording.pk)

        cues = _CUE.findall((beside / "storyboard.vtt").read_text())
        # The first key frames at or after each half of it.
        assert [begins for begins, *_ in cues] == ["00:00:00.000", "00:00:06.000"]

    def test_takes_no_slate_for_the_poster(self, recording: Recording, beside: Path) -> None:
        # All but the one at five seconds.
        begins = RecordedSegment.objects.filter(slot="v0").order_by("msn").values_list("pk", flat=True)
        RecordedSegment.objects.exclude(pk=begins[5]).update(shows_slate=True)

        make_stills(recording_id=recording.pk)

        poster = _gray(beside / "pictures/poster.jpg")
        assert _differ(poster, _gray(folder_store().path(recording.object_name), seek="5")) < 8

    def test_is_shown_to_players_and_goes_with_the_recording(
        self, made: Recording, beside: Path, settings: Settings
    ) -> None:
        assert made.livestream is not None
        there = f"{made.livestream.playback_id}/recordings/{made.pk}"
        kept = Path(settings.RECORDINGS_PLAYED_DIR) / there

        assert 'DATA-ID="livehub.storyboard",FORMAT=RAW,URI="storyboard.vtt"' in (kept / "index.m3u8").read_text()
        for name in ("pictures/poster.jpg", "pictures/0.jpg", "storyboard.vtt"):
            content = (beside / name).read_bytes()
            assert (kept / name).read_bytes() == content
            (kept / name).unlink()
            assert Client().get(f"/internal/recorded/{there}/{name}").content == content
            assert (kept / name).read_bytes() == content
        assert Client().get(f"/internal/recorded/{there}/pictures/1.jpg").status_code == 404

        services.delete_recording(recording_id=made.pk, actor=SYSTEM)

        erase_recording(recording_id=made.pk)

        assert not beside.exists()

    def test_is_one_picture_of_two_seconds(self, session: Session) -> None:
        recording = _stored(session, seconds=2)

        make_stills(recording_id=recording.pk)

        beside = folder_store().path(recording.object_name).with_suffix("")
        assert _size(beside / "pictures/0.jpg") == (256, 144)
        assert len(_CUE.findall((beside / "storyboard.vtt").read_text())) == 1

    def test_is_none_of_sound_alone(self, recording: Recording) -> None:
        RecordedSegment.objects.filter(slot="v0").delete()

        make_stills(recording_id=recording.pk)

        recording.refresh_from_db()
        assert (recording.stills_status, recording.stills_problem) == ("none", "")


class TestFailing:
    def test_is_told_tried_again_and_no_fault_of_the_recording(
        self, recording: Recording, beside: Path, settings: Settings
    ) -> None:
        beside.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(b"in the way")

        make_stills(recording_id=recording.pk)

        recording.refresh_from_db()
        assert (recording.stills_status, recording.status, recording.problem) == ("waiting", "uploaded", "")
        assert recording.stills_problem != ""
        beside.unlink()
        # Not before its time.
        make_stills(recording_id=recording.pk)
        assert Recording.objects.get().stills_tries == 1
        Recording.objects.update(stills_due_at=clock.now())
        make_stills(recording_id=recording.pk)
        recording.refresh_from_db()
        assert (recording.stills_status, recording.stills_problem) == ("made", "")

    def test_is_given_up_after_some_tries(self, recording: Recording) -> None:
        folder_store().path(recording.object_name).write_bytes(bytes(recording.size or 0))
        waits_s = list[float]()
        for _ in range(7):
            Recording.objects.update(stills_due_at=None)
            make_stills(recording_id=recording.pk)
            due_at = Recording.objects.get().stills_due_at
            waits_s += [] if due_at is None else [(due_at - clock.now()).total_seconds()]

        assert waits_s == pytest.approx([60, 120, 240, 480, 960], abs=25)
        recording.refresh_from_db()
        assert (recording.stills_status, recording.stills_tries, recording.status) == ("failed", 5, "uploaded")
        assert recording.stills_problem.startswith("No picture of it can be made: ffmpeg says")

    def test_decodes_no_picture_that_claims_to_be_huge(
        self, recording: Recording, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What comes back from a storage may be anything."""
        monkeypatch.setattr(single, "_MOST_PIXELS", 320 * 180 - 1)

        make_stills(recording_id=recording.pk)

        recording.refresh_from_db()
        assert recording.stills_problem.startswith("No picture of it can be made: ffmpeg says")

    def test_is_none_of_what_was_deleted(self, recording: Recording, beside: Path) -> None:
        Recording.objects.update(deleted_at=clock.now())

        make_stills(recording_id=recording.pk)

        assert not beside.exists()

    def test_leaves_nothing_of_what_is_deleted_meanwhile(
        self, recording: Recording, beside: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Between the first of its files and the last."""
        finish = FolderStore.finish

        def is_late(store: FolderStore, upload: Upload, receipts: Sequence[Receipt]) -> StoredObject:
            Recording.objects.update(deleted_at=clock.now())
            return finish(store, upload, receipts)

        monkeypatch.setattr(FolderStore, "finish", is_late)

        make_stills(recording_id=recording.pk)

        left = [*beside.rglob("*.*"), *Path(settings.RECORDINGS_PLAYED_DIR).rglob("*.*")]
        assert left == []


class TestCalling:
    def test_comes_for_what_waits_when_its_time_has_come(
        self, recording: Recording, broker: Broker, capture: Capture
    ) -> None:
        called = ("streams.make_recording_stills", {"recording_id": str(recording.pk)})
        for due_at, is_called in ((clock.now(), True), (clock.now() + timedelta(minutes=1), False)):
            broker.arguments.clear()
            Recording.objects.update(stills_due_at=due_at)

            with capture(execute=True):
                sweep_recordings()

            assert (called in broker.arguments) is is_called
