"""What is told of a recording that is stored: each figure is compared with the file itself, or with the broadcast."""

import zlib
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from livehub.core import clock
from streams.models import Lease, RecordedSegment, Recording, Session
from streams.recordings import closing, sending, services, storing, taking
from streams.recordings.advancing import advance_recording
from streams.recordings.stores.base import Receipt, Store, StoredObject, Upload
from tests.recordings.broadcast import MadeBroadcast, is_over, taken, went_live

_PART = 60_000
_MIB = 1024 * 1024


@pytest.fixture
def lease(session: Session) -> Lease:
    return went_live(session)


@pytest.fixture
def broadcast(session: Session, lease: Lease) -> MadeBroadcast:
    return MadeBroadcast(session, began_ms=clock.epoch_ms(clock.now()))


@pytest.fixture
def recording(lease: Lease) -> Recording:
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


def test_the_sum_over_the_file_is_the_files(recording: Recording, broadcast: MadeBroadcast, lease: Lease) -> None:
    broadcast.add(6)

    _finished(recording, broadcast, lease)

    assert recording.crc32 == zlib.crc32(storing.folder_store().path(recording.object_name).read_bytes())


def test_it_is_kept_for_as_long_as_it_was_said(recording: Recording, broadcast: MadeBroadcast, lease: Lease) -> None:
    Recording.objects.update(retention_s=3600)
    broadcast.add(1)

    _finished(recording, broadcast, lease)

    assert recording.uploaded_at is not None
    assert recording.expires_at == recording.uploaded_at + timedelta(seconds=3600)


def test_without_a_time_it_is_kept_for_ever(recording: Recording, broadcast: MadeBroadcast, lease: Lease) -> None:
    broadcast.add(1)

    assert _finished(recording, broadcast, lease).expires_at is None


def test_a_part_that_the_disk_has_changed_is_found(
    recording: Recording, broadcast: MadeBroadcast, lease: Lease, tmp_path: Path
) -> None:
    broadcast.add(8)
    _advanced(recording)
    (growing,) = (tmp_path / "recordings").rglob("*.part")
    with growing.open("r+b") as file:
        file.seek(_PART + 100)
        file.write(b"damaged")

    _finished(recording, broadcast, lease)

    assert (recording.status, recording.is_verified) == ("uploaded", False)
    assert recording.problem == "Part 2 is stored other than it was sent."


def test_a_file_that_is_shorter_than_the_broadcast_is_found(
    recording: Recording, broadcast: MadeBroadcast, lease: Lease
) -> None:
    broadcast.add(3)
    _advanced(recording)
    # What the journal said of them.
    RecordedSegment.objects.update(duration_us=2_000_000)

    _finished(recording, broadcast, lease)

    assert recording.problem.startswith("It lasts 3.")
    assert recording.problem.endswith("s, and 6.000 s were broadcast.")


class _Elsewhere:
    """A store that vouches for what it is sent, so that only pieces of it are read again; shows something else."""

    def __init__(self, change: Callable[[bytes], bytes], *, replaces_parts: bool) -> None:
        self._folder = storing.folder_store()
        self._change = change
        self.replaces_parts = replaces_parts

    def __getattr__(self, name: str) -> Any:
        return getattr(self._folder, name)

    def finish(self, upload: Upload, receipts: Sequence[Receipt]) -> StoredObject:
        stored = self._folder.finish(upload, receipts)
        path = self._folder.path(upload.name)
        path.write_bytes(self._change(path.read_bytes()))
        return stored


def _as_it_was_sent(content: bytes) -> bytes:
    return content


def _twice_as_fast(content: bytes) -> bytes:
    """Have the movie's second hold twice as many ticks. Source: ISO/IEC 14496-12, 8.2.2, version 1."""
    at = content.rindex(b"mvhd") + 24
    return content[:at] + (2 * int.from_bytes(content[at : at + 4])).to_bytes(4) + content[at + 4 :]


def _without_pictures(content: bytes) -> bytes:
    """Leave nothing of what was broadcast but where its boxes begin."""
    index = content.rindex(b"moov") - 4
    return content[:4096] + bytes(index - 4096) + content[index:]


@pytest.mark.parametrize(
    ("change", "problem", "replaces_parts"),
    [
        (_as_it_was_sent, "", True),
        (_as_it_was_sent, "", False),
        (_twice_as_fast, "Players take it for 3.", True),
        (_without_pictures, "It cannot be played: ", False),
    ],
)
def test_what_players_would_find_elsewhere_is_looked_at(
    recording: Recording,
    broadcast: MadeBroadcast,
    lease: Lease,
    change: Callable[[bytes], bytes],
    problem: str,
    replaces_parts: bool,
) -> None:
    store = cast(Store, _Elsewhere(change, replaces_parts=replaces_parts))
    broadcast.add(4)
    taking.take(recording)
    sending.send(recording, store, renew=lambda: None)
    broadcast.add(2)
    over = taken(recording, broadcast, lease)

    closing.close(over, store, renew=lambda: None)

    over.refresh_from_db()
    assert (over.status, over.is_verified) == ("uploaded", not problem)
    assert over.problem.startswith(problem)
    assert bool(over.problem) is bool(problem)


def test_it_ends_when_it_has_lasted_long_enough(recording: Recording, broadcast: MadeBroadcast) -> None:
    broadcast.add(6)
    _advanced(recording)
    began_at = clock.now() - timedelta(seconds=100)
    Recording.objects.update(max_seconds=60, started_at=began_at)

    _advanced(recording)

    assert recording.stop_reason == "max_seconds"
    assert recording.until_ms == clock.epoch_ms(began_at) + 60_000


def test_it_goes_on_until_then(recording: Recording, broadcast: MadeBroadcast) -> None:
    broadcast.add(1)
    Recording.objects.update(max_seconds=60, started_at=clock.now() - timedelta(seconds=20))

    assert _advanced(recording).stop_reason == ""


@pytest.mark.parametrize(
    ("kbps", "part_size"),
    [(0, 8 * _MIB), (6_000, 8 * _MIB), (6_001, 16 * _MIB), (15_000, 16 * _MIB), (15_001, 32 * _MIB)],
)
def test_a_day_fits_into_as_many_parts_as_stores_take(session: Session, kbps: int, part_size: int) -> None:
    session.source = {"video_kbps": kbps}

    assert services.part_size_of(session) == part_size
