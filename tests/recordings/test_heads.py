"""What a recording's file begins with, in stores of each kind: so that players find its index at once, or at all."""

import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings as live_settings
from django.db.models import F

from livehub.core import clock
from livehub.core.errors import StaleStatusError
from streams.models import Lease, Recording, RecordingPart, Session
from streams.recordings import closing, sending, taking
from streams.recordings.stores.base import Receipt, Upload, UploadPart
from streams.recordings.stores.folder import FolderStore
from tests.media.recording.probing import packets, top_boxes
from tests.recordings.broadcast import MadeBroadcast, taken, went_live

_PART = 60_000
_RESERVED = 16
_ONE_BOX = ["ftyp", "mdat", "moov"]


class _Store(FolderStore):
    """Writes down the number of each part that it is sent."""

    def __init__(self) -> None:
        super().__init__(Path(live_settings.RECORDINGS_DIR))
        self.sent: list[int] = []

    def append(self, upload: Upload, part: UploadPart, content: bytes) -> Receipt:
        self.sent.append(part.number)
        return super().append(upload, part, content)


class _InOrder(_Store):
    """Takes each part once, and nothing behind the last, as Google does."""

    replaces_parts = False

    def append(self, upload: Upload, part: UploadPart, content: bytes) -> Receipt:
        assert part.number == len(self.sent) + 1
        return super().append(upload, part, content)


class _Forgetful(_Store):
    """Keeps what it had of a part that is sent again."""

    def append(self, upload: Upload, part: UploadPart, content: bytes) -> Receipt:
        if part.number in self.sent:
            return Receipt(part.number, len(content), "")
        return super().append(upload, part, content)


class _HeldUp(_Store):
    """Lets something happen before it takes the first part."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        super().__init__()
        self._meanwhile = meanwhile

    def append(self, upload: Upload, part: UploadPart, content: bytes) -> Receipt:
        if not self.sent:
            self._meanwhile()
        return super().append(upload, part, content)


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


def _send(recording: Recording, store: FolderStore) -> None:
    """Take and send what there is, as the task does while the broadcast goes on."""
    taking.take(recording)
    sending.send(recording, store, renew=_go_on)


def _close(recording: Recording, store: FolderStore) -> Path:
    closing.close(recording, store, renew=_go_on)
    recording.refresh_from_db()
    return store.path(recording.object_name)


def _go_on() -> None:
    """Nobody takes it over."""


def _kinds(path: Path) -> list[str]:
    return [kind for kind, _ in top_boxes(path.read_bytes())]


def _check(recording: Recording, path: Path) -> None:
    """Check what is told of a stored recording by its file."""
    assert (recording.status, recording.is_verified, recording.problem) == ("uploaded", True, "")
    content = path.read_bytes()
    assert (recording.size, recording.crc32) == (len(content), zlib.crc32(content))
    parts = recording.parts.order_by("number")
    assert sum(part.size for part in parts) == len(content)


def test_becomes_the_header_of_all_media_at_the_end(
    recording: Recording, broadcast: MadeBroadcast, lease: Lease
) -> None:
    store = _Store()
    for _ in range(6):
        broadcast.add(1)
        _send(recording, store)
    assert store.sent[:2] == [1, 2]

    over = taken(recording, broadcast, lease)
    path = _close(over, store)

    _check(over, path)
    assert _kinds(path) == _ONE_BOX
    # Each part once, and the first once more.
    assert sorted(store.sent) == [1, *range(1, over.parts.count() + 1)]
    assert len(packets(path, "v")) == 180


def test_is_sent_once_if_all_of_it_is_sent_at_the_end(
    recording: Recording, broadcast: MadeBroadcast, lease: Lease
) -> None:
    broadcast.add(6)
    over, store = taken(recording, broadcast, lease), _Store()

    sending.send(over, store, renew=_go_on)
    path = _close(over, store)

    _check(over, path)
    assert _kinds(path) == _ONE_BOX
    assert store.sent == [*range(1, over.parts.count() + 1)]
    assert len(store.sent) > 2


@pytest.mark.parametrize("kind", [_Store, _InOrder])
def test_of_what_fits_into_one_part_is_right_from_the_beginning(
    recording: Recording, broadcast: MadeBroadcast, lease: Lease, kind: type[_Store]
) -> None:
    Recording.objects.update(part_size=10_000_000)
    recording.refresh_from_db()
    broadcast.add(2)
    store = kind()
    _send(recording, store)
    assert store.sent == []

    over = taken(recording, broadcast, lease)
    path = _close(over, store)

    _check(over, path)
    assert (_kinds(path), store.sent) == (_ONE_BOX, [1])


def test_of_what_fills_one_part_to_its_last_byte_is_right_from_the_beginning(
    recording: Recording, broadcast: MadeBroadcast, lease: Lease
) -> None:
    broadcast.add(2)
    over, store = taken(recording, broadcast, lease), _InOrder()
    over.part_size = over.taken_bytes + len(closing.movie_of(over).moov())
    over.save(update_fields=["part_size"])

    path = _close(over, store)

    _check(over, path)
    assert (path.stat().st_size, _kinds(path), store.sent) == (over.part_size, _ONE_BOX, [1])


@pytest.mark.parametrize("kind", [_Store, _InOrder])
def test_of_what_fits_into_one_part_without_its_index(
    recording: Recording, broadcast: MadeBroadcast, lease: Lease, kind: type[_Store]
) -> None:
    broadcast.add(2)
    over, store = taken(recording, broadcast, lease), kind()
    over.part_size = over.taken_bytes + 100
    over.save(update_fields=["part_size"])

    path = _close(over, store)

    _check(over, path)
    assert (_kinds(path)[-1], store.sent) == ("moov", [1, 2])


def test_stays_as_it_was_recorded_where_nothing_can_be_replaced(
    recording: Recording, broadcast: MadeBroadcast, lease: Lease
) -> None:
    store = _InOrder()
    for _ in range(6):
        broadcast.add(1)
        _send(recording, store)

    over = taken(recording, broadcast, lease)
    path = _close(over, store)

    _check(over, path)
    # Two tracks: what each is decoded with, and six segments.
    assert _kinds(path) == ["ftyp", "free", *["mdat"] * 14, "moov"]
    assert len(packets(path, "v")) == 180


def test_of_those_that_were_begun_without_room_for_it_stays_as_it_is(
    recording: Recording, broadcast: MadeBroadcast, lease: Lease
) -> None:
    store = _Store()
    broadcast.add(1)
    taking.take(recording)
    # As it was taken before there was any.
    for rows in (recording.inits, recording.segments):
        for row in rows.order_by("offset"):
            rows.filter(pk=row.pk).update(offset=F("offset") - _RESERVED)
    Recording.objects.update(taken_bytes=F("taken_bytes") - _RESERVED)
    recording.refresh_from_db()
    for _ in range(5):
        broadcast.add(1)
        _send(recording, store)

    over = taken(recording, broadcast, lease)
    path = _close(over, store)

    _check(over, path)
    assert _kinds(path) == ["ftyp", *["mdat"] * 14, "moov"]
    assert store.sent == [*range(1, over.parts.count() + 1)]
    assert len(packets(path, "v")) == 180


def test_that_was_to_be_replaced_and_was_not_is_found(
    recording: Recording, broadcast: MadeBroadcast, lease: Lease
) -> None:
    store = _Forgetful()
    broadcast.add(4)
    _send(recording, store)

    over = taken(recording, broadcast, lease)
    _close(over, store)

    assert (over.status, over.is_verified, over.problem) == (
        "uploaded",
        False,
        "It begins other than it was sent.",
    )


def test_that_somebody_who_was_held_up_has_sent_is_replaced(
    recording: Recording, broadcast: MadeBroadcast, lease: Lease
) -> None:
    broadcast.add(6)
    taking.take(recording)

    def meanwhile() -> None:
        over = taken(recording, broadcast, lease)
        sending.send(over, _Store(), tail=closing.movie_of(over).moov(), renew=_go_on)

    held_up = _HeldUp(meanwhile)

    def is_anothers() -> None:
        if held_up.sent:
            raise StaleStatusError("Another task has the recording in hand.")

    with pytest.raises(StaleStatusError):
        sending.send(recording, held_up, renew=is_anothers)
    first = RecordingPart.objects.get(number=1)
    over, store = Recording.objects.get(pk=recording.pk), _Store()
    path = _close(over, store)

    _check(over, path)
    assert (_kinds(path), store.sent) == (_ONE_BOX, [1])
    assert RecordingPart.objects.get(number=1).sha256 != first.sha256
