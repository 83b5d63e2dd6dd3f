"""From segments to a file that is stored and checked: what a recording's task does, whenever it is called."""

import hashlib
import json
import re
import subprocess
from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest
from django.conf import settings as live_settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from livehub.core import clock
from streams.livestreams.storage import local_storage
from streams.models import Lease, RecordedSegment, Recording, RecordingPart, Session
from streams.organizations.services import SYSTEM
from streams.recordings import services, storing
from streams.recordings.advancing import advance_recording, erase_recording, free_leases_of_this_node
from tests.recordings.broadcast import MadeBroadcast, folder_of, is_over, went_live

# Some segments of the clip: so that a short broadcast has several parts.
_PART = 60_000


@pytest.fixture
def lease(session: Session) -> Lease:
    return went_live(session)


@pytest.fixture
def broadcast(session: Session, lease: Lease) -> MadeBroadcast:
    return MadeBroadcast(session, began_ms=clock.epoch_ms(clock.now()))


@pytest.fixture
def recording(lease: Lease) -> Recording:
    """The broadcast's own recording, in small parts."""
    Recording.objects.update(part_size=_PART)
    return Recording.objects.get()


def _advanced(recording: Recording) -> Recording:
    advance_recording(recording_id=recording.pk)
    recording.refresh_from_db()
    return recording


def _finished(recording: Recording, broadcast: MadeBroadcast, lease: Lease) -> Recording:
    broadcast.end()
    is_over(lease)
    return _advanced(recording)


def _file(recording: Recording) -> Path:
    return storing.folder_store().path(recording.object_name)


def _frames(path: Path) -> int:
    argv = ["ffprobe", "-loglevel", "error", "-count_packets", "-select_streams", "v", "-show_streams"]
    report = subprocess.run([*argv, "-print_format", "json", str(path)], capture_output=True, check=True).stdout
    (stream,) = json.loads(report)["streams"]
    return int(stream["nb_read_packets"])


def _spooled(recording_id: UUID) -> list[Path]:
    return sorted(Path(live_settings.RECORDING_SPOOL_DIR).glob(f"{recording_id.hex}/*"))


class TestWholeBroadcast:
    def test_becomes_one_verified_file(
        self, recording: Recording, broadcast: MadeBroadcast, lease: Lease, session: Session
    ) -> None:
        broadcast.add(5)
        assert _advanced(recording).status == "recording"
        broadcast.add(5)

        _finished(recording, broadcast, lease)

        assert (recording.status, recording.problem, recording.is_verified) == ("uploaded", "", True)
        path = _file(recording)
        assert _frames(path) == 300
        assert recording.size == path.stat().st_size
        assert recording.duration_us == pytest.approx(10_000_000, abs=100_000)
        assert recording.gaps == []
        assert recording.started_at is not None
        assert recording.sha256 == _digest_of(path)
        assert RecordingPart.objects.count() > 2
        assert _spooled(recording.pk) == []

    def test_is_the_same_whenever_its_parts_are_sent(
        self, recording: Recording, broadcast: MadeBroadcast, lease: Lease, session: Session
    ) -> None:
        for _ in range(8):
            broadcast.add(1)
            _advanced(recording)
        assert recording.livestream is not None
        further = services.make_recording(
            recording.livestream,
            session,
            new=services.NewRecording(allows_multiple=True),
            actor=SYSTEM,
            is_further=True,
        )
        Recording.objects.filter(pk=further.pk).update(from_ms=None, part_size=_PART)

        _finished(recording, broadcast, lease)
        further.refresh_from_db()
        _advanced(further)

        assert _file(recording).read_bytes() == _file(further).read_bytes()

    def test_asks_nothing_of_each_segment(self, recording: Recording, broadcast: MadeBroadcast, lease: Lease) -> None:
        # One part for all of them.
        Recording.objects.update(part_size=10_000_000)
        broadcast.add(10)

        with CaptureQueriesContext(connection) as captured:
            _finished(recording, broadcast, lease)

        alike = Counter(re.sub(r"\d+", "0", query["sql"]) for query in captured.captured_queries)
        assert RecordedSegment.objects.count() == 20
        assert max(alike.values()) < 10, alike.most_common(1)

    def test_outlives_the_files_of_the_broadcast(
        self, recording: Recording, broadcast: MadeBroadcast, lease: Lease, session: Session
    ) -> None:
        broadcast.add(3)
        _advanced(recording)
        for segment in folder_of(session).glob("v0/1-*.m4s"):
            segment.unlink()

        _finished(recording, broadcast, lease)

        assert (recording.is_verified, _frames(_file(recording))) == (True, 90)

    def test_tells_of_what_was_gone_before_it_was_taken(
        self, recording: Recording, broadcast: MadeBroadcast, lease: Lease, session: Session
    ) -> None:
        broadcast.add(3)
        _advanced(recording)
        broadcast.add(3)
        for slot in ("v0", "a0"):
            (folder_of(session) / slot / "1-3.m4s").unlink()

        _finished(recording, broadcast, lease)

        assert (recording.status, recording.is_verified, _frames(_file(recording))) == ("uploaded", False, 150)
        ((gap),) = recording.gaps
        assert (gap["reason"], gap["at_us"]) == ("files_gone", pytest.approx(3_000_000, abs=50_000))
        assert gap["length_us"] == pytest.approx(1_000_000, abs=50_000)
        assert "1.0 s of the broadcast are missing" in recording.problem

    def test_goes_on_behind_what_cannot_be_read(
        self, recording: Recording, broadcast: MadeBroadcast, lease: Lease, session: Session
    ) -> None:
        broadcast.add(3)
        for slot in ("v0", "a0"):
            (folder_of(session) / slot / "1-1.m4s").write_bytes(b"no box of ours")

        _finished(recording, broadcast, lease)

        assert ([gap["reason"] for gap in recording.gaps], _frames(_file(recording))) == (["damaged"], 60)

    def test_is_not_verified_if_the_disk_has_something_else(
        self, recording: Recording, broadcast: MadeBroadcast, lease: Lease
    ) -> None:
        # More parts than are read again.
        Recording.objects.update(part_size=1_000)
        recording.refresh_from_db()
        broadcast.add(6)
        _advanced(recording)
        assert RecordingPart.objects.count() > 64
        (growing,) = _file(recording).parent.glob(".*.part")
        with growing.open("r+b") as file:
            # Of each part but the first, which is sent again at the end.
            for place in range(1_000, growing.stat().st_size, 1_000):
                file.seek(place)
                file.write(b"other")

        _finished(recording, broadcast, lease)

        assert (recording.status, recording.is_verified) == ("uploaded", False)
        assert re.fullmatch(r"Part \d+ is stored other than it was sent\.", recording.problem)

    def test_makes_a_gap_where_the_disk_is_full(
        self, recording: Recording, broadcast: MadeBroadcast, lease: Lease, settings: Settings
    ) -> None:
        broadcast.add(2)
        _advanced(recording)
        settings.DISK_STOP_MB = 10_000_000
        broadcast.add(2)
        _advanced(recording)
        settings.DISK_STOP_MB = 0
        broadcast.add(2)

        _finished(recording, broadcast, lease)

        assert [gap["reason"] for gap in recording.gaps] == ["disk_full"]
        assert (recording.is_verified, _frames(_file(recording))) == (False, 120)

    def test_is_without_the_slate(self, recording: Recording, broadcast: MadeBroadcast, lease: Lease) -> None:
        broadcast.add(2)
        broadcast.cut(shows_slate=True)
        broadcast.add(3)
        broadcast.cut(shows_slate=False)
        broadcast.add(2)

        _finished(recording, broadcast, lease)

        assert (recording.is_verified, recording.problem, _frames(_file(recording))) == (True, "", 120)
        (gap,) = recording.gaps
        assert (gap["reason"], gap["length_us"]) == ("slate", pytest.approx(3_000_000, abs=100_000))

    def test_has_the_slate_in_it_where_that_is_to_be_kept_but_not_what_waited_for_the_encoder(
        self, recording: Recording, broadcast: MadeBroadcast, lease: Lease
    ) -> None:
        Recording.objects.update(slate="keep")
        broadcast.cut(shows_slate=True)
        broadcast.add(2)
        broadcast.cut(shows_slate=False)
        broadcast.add(2)
        broadcast.cut(shows_slate=True)
        broadcast.add(3)
        broadcast.cut(shows_slate=False)
        broadcast.add(1)

        _finished(recording, broadcast, lease)

        assert (recording.is_verified, recording.problem, recording.gaps) == (True, "", [])
        assert _frames(_file(recording)) == (2 + 3 + 1) * 30
        pictures = RecordedSegment.objects.filter(slot="v0").order_by("msn")
        assert [each.shows_slate for each in pictures] == [False] * 2 + [True] * 3 + [False]


class TestByHand:
    def test_leaves_out_what_is_broadcast_while_it_is_paused(
        self, recording: Recording, broadcast: MadeBroadcast, lease: Lease
    ) -> None:
        broadcast.add(6)
        began_ms = Recording.objects.get().invoked_at.timestamp() * 1000
        first = round(began_ms) + 2_500
        Recording.objects.update(pauses=[[first, first + 2_000]])

        _finished(recording, broadcast, lease)

        assert (recording.is_verified, _frames(_file(recording))) == (True, 120)
        assert [gap["reason"] for gap in recording.gaps] == ["paused"]

    def test_ends_where_it_was_stopped_while_the_broadcast_goes_on(
        self, recording: Recording, broadcast: MadeBroadcast
    ) -> None:
        broadcast.add(3)
        stopped = services.stop_recording(recording_id=recording.pk, actor=SYSTEM)
        assert stopped.until_ms is not None
        Recording.objects.update(until_ms=clock.epoch_ms(recording.invoked_at) + 2_500)
        broadcast.add(3)

        _advanced(recording)

        assert (recording.status, recording.is_verified, _frames(_file(recording))) == ("uploaded", True, 90)

    def test_waits_for_the_end_of_the_segment_that_it_was_stopped_in(
        self, recording: Recording, broadcast: MadeBroadcast
    ) -> None:
        broadcast.add(2)
        services.stop_recording(recording_id=recording.pk, actor=SYSTEM)
        Recording.objects.update(until_ms=clock.epoch_ms(clock.now()) + 20_000)

        assert _advanced(recording).status == "uploading"

    def test_fails_in_words_if_it_was_stopped_before_the_first_segment(
        self, recording: Recording, broadcast: MadeBroadcast, lease: Lease
    ) -> None:
        _finished(recording, broadcast, lease)

        assert (recording.status, recording.problem) == ("errored", "It was stopped before anything was broadcast.")

    def test_is_removed_with_all_that_is_left_of_it(
        self, recording: Recording, broadcast: MadeBroadcast, lease: Lease
    ) -> None:
        broadcast.add(3)
        _finished(recording, broadcast, lease)
        path = _file(recording)
        services.delete_recording(recording_id=recording.pk, actor=SYSTEM)

        erase_recording(recording_id=recording.pk)
        erase_recording(recording_id=recording.pk)

        recording.refresh_from_db()
        assert (recording.is_erased, path.exists()) == (True, False)


class TestInterruptions:
    def test_leave_a_recording_to_who_has_it_in_hand(self, recording: Recording, broadcast: MadeBroadcast) -> None:
        broadcast.add(2)
        later = clock.now().replace(year=2100)
        Recording.objects.update(advancing_until=later)

        _advanced(recording)
        assert not RecordedSegment.objects.exists()

        assert free_leases_of_this_node() == 1
        _advanced(recording)
        assert RecordedSegment.objects.count() == 4

    def test_of_the_store_are_told_until_it_is_back(
        self, recording: Recording, broadcast: MadeBroadcast, lease: Lease, settings: Settings
    ) -> None:
        broadcast.add(3)
        folder = Path(settings.RECORDINGS_DIR)
        folder.write_bytes(b"no folder")

        _finished(recording, broadcast, lease)
        assert recording.status == "uploading"
        assert recording.problem != ""

        folder.unlink()
        _advanced(recording)
        assert (recording.status, recording.problem, recording.is_verified) == ("uploaded", "", True)

    def test_of_the_machine_do_not_matter_once_it_is_over(
        self, recording: Recording, broadcast: MadeBroadcast, lease: Lease, session: Session
    ) -> None:
        broadcast.add(3)
        # Nobody has written the end: its run was killed.
        is_over(lease)

        _advanced(recording)

        assert (recording.status, recording.is_verified) == ("uploaded", True)
        assert local_storage().session_folder(session.livestream.playback_id, session_id=session.pk).exists()


def _digest_of(path: Path) -> str:
    content = path.read_bytes()
    parts = [content[at : at + _PART] for at in range(0, len(content), _PART)]
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()
