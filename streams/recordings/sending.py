"""The bytes of a recording, made of its rows and its spool alone, and their way to the store, part by part."""

import hashlib
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress

from django.db import IntegrityError, transaction

from livehub.core import clock
from livehub.core.counters import STORED_BYTES
from livehub.core.errors import StaleStatusError
from streams.media.recording.stored import read_init, stored_init, stored_segment
from streams.recordings import spool
from streams.recordings.heads import head_of, recorded_head
from streams.recordings.models import RecordedSegment, Recording, RecordingPart
from streams.recordings.stores.base import Store, StoreError, Upload, UploadPart
from streams.recordings.storing import abandon

CONTENT_TYPE = "video/mp4"


def upload_of(recording: Recording) -> Upload:
    """Return what its store knows the recording's upload by."""
    return Upload(recording.object_name, recording.upload_token, recording.part_size)


def send(recording: Recording, store: Store, *, tail: bytes | None = None, renew: Callable[[], None]) -> None:
    """Send every part that is full; with `tail`, what the file ends with, all the rest as well.

    The first part is sent again then if it begins otherwise, now that it is known how large the file's media is.
    `renew` is called before each part, and raises when somebody else has taken over.

    :raises StoreError: when the store does not take a part.
    :raises StaleStatusError: when somebody else sends at the same time.
    :raises OSError: when the spool cannot be read.
    """
    last = recording.parts.order_by("-number").first()
    number, sent = (last.number, last.offset + last.size) if last else (0, 0)
    crc32 = last.crc32 if last else 0
    end = recording.taken_bytes + (len(tail) if tail is not None else 0)
    if tail is None and end - sent < recording.part_size:
        return
    recorded, head = recorded_head(recording), head_of(recording, store, size=None if tail is None else end)
    while end - sent >= recording.part_size or (tail is not None and sent < end):
        renew()
        size = min(recording.part_size, end - sent)
        part = UploadPart(number + 1, sent, size, is_last=tail is not None and sent + size == end)
        content = _between(recording, sent, sent + size, head=head, tail=tail or b"")
        crc32 = zlib.crc32(content if sent else recorded + content[len(head) :], crc32)
        _send_part(recording, store, part, content, crc32=crc32)
        number, sent = part.number, sent + size
        _let_go(recording, until=sent, keeps_first=store.replaces_parts)
    if tail is not None and number > 1 and head != recorded:
        _replace_first(recording, store, head=head, tail=tail, renew=renew)


def _replace_first(recording: Recording, store: Store, *, head: bytes, tail: bytes, renew: Callable[[], None]) -> None:
    """Send the first part again, unless it is stored with that head.

    :raises OSError: when the spool cannot be read, which keeps that part's segments until the end.
    """
    first = recording.parts.get(number=1)
    content = _between(recording, 0, first.size, head=head, tail=tail)
    sha256 = hashlib.sha256(content).hexdigest()
    if first.sha256 == sha256:
        return
    renew()
    receipt = store.append(upload_of(recording), UploadPart(1, 0, first.size), content)
    RecordingPart.objects.filter(pk=first.pk).update(etag=receipt.etag, sha256=sha256)


def _send_part(recording: Recording, store: Store, part: UploadPart, content: bytes, *, crc32: int) -> None:
    if not recording.upload_token:
        _begin(recording, store)
    receipt = store.append(upload_of(recording), part, content)
    STORED_BYTES.labels(recording.storage.type if recording.storage else "folder").inc(part.size)
    row = RecordingPart(
        recording=recording,
        number=part.number,
        offset=part.offset,
        size=part.size,
        etag=receipt.etag,
        sha256=hashlib.sha256(content).hexdigest(),
        crc32=crc32,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        # Somebody else has sent it as well, a first one maybe with another head: the store has what came last.
        sent = RecordingPart.objects.filter(recording=recording, number=part.number)
        sent.update(etag=receipt.etag, sha256=row.sha256)


def _begin(recording: Recording, store: Store) -> None:
    """Begin the one upload of a recording.

    :raises StaleStatusError: when somebody else has begun it at the same time.
    """
    recording.upload_token = store.begin(recording.object_name, content_type=CONTENT_TYPE)
    mine = Recording.objects.filter(pk=recording.pk, upload_token_encrypted="")
    if not mine.update(upload_token_encrypted=recording.upload_token_encrypted, updated_at=clock.now()):
        # With both, parts would be in either, and none would be whole.
        with suppress(StoreError):
            abandon(store, upload_of(recording))
        raise StaleStatusError(f"Somebody else sends recording {recording.pk}.")


def _let_go(recording: Recording, *, until: int, keeps_first: bool) -> None:
    """Remove what is stored from the spool: segments that end within the newest part, but none of the first part's."""
    first = max(recording.part_size if keeps_first else 0, until - 2 * recording.part_size)
    segments = recording.segments.filter(offset__gte=first, offset__lt=until)
    # No rows: of those that lack their recording's id each would ask for it.
    for slot, name, offset, size in segments.values_list("slot", "name", "offset", "size"):
        if offset + size <= until:
            spool.remove(recording.pk, slot=slot, name=name)


def _between(recording: Recording, start: int, end: int, *, head: bytes, tail: bytes) -> bytes:
    """Return the bytes of the file from `start` up to `end`.

    :raises OSError: when the spool lacks some.
    """
    pieces = list[bytes | memoryview]()
    if start < len(head):
        pieces.append(head[start:end])
    for offset, content in _boxes(recording, start, end, tail=tail):
        pieces.append(memoryview(content)[max(0, start - offset) : end - offset])
    return b"".join(pieces)


def _boxes(recording: Recording, start: int, end: int, *, tail: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield what stands between, behind the head, in order, each with its place: more at both ends."""
    rows = list(recording.inits.order_by("offset"))
    inits = {init.pk: read_init(bytes(init.content)) for init in rows}
    boxes: list[tuple[int, RecordedSegment | bytes]] = []
    for init in rows:
        stored = stored_init(inits[init.pk])
        if init.offset < end and init.offset + len(stored) > start:
            boxes.append((init.offset, stored))
    boxes += [(segment.offset, segment) for segment in _segments_between(recording, start, end)]
    for offset, box in sorted(boxes, key=lambda each: each[0]):
        if isinstance(box, bytes):
            yield offset, box
        else:
            content = spool.spooled(recording.pk, slot=box.slot, name=box.name).read_bytes()
            yield offset, stored_segment(content, inits[box.init_id])
    if end > recording.taken_bytes:
        yield recording.taken_bytes, tail


def _segments_between(recording: Recording, start: int, end: int) -> Iterator[RecordedSegment]:
    segments = recording.segments.defer("index")
    before = segments.filter(offset__lte=start).order_by("-offset").first()
    if before is not None and before.offset + before.size > start:
        yield before
    yield from segments.filter(offset__gt=start, offset__lt=end).order_by("offset")
