"""What a recording's file begins with: while it is recorded, and once it is known how large its media is."""

from collections.abc import Sequence

from streams.media.recording.stored import file_head
from streams.media.recording.sums import crc32_with_other_head
from streams.recordings.models import Recording, RecordingPart
from streams.recordings.stores.base import Store


def head_of(recording: Recording, store: Store, *, size: int | None) -> bytes:
    """Return the head in that store by what is known now; `size` is the whole file's, None while that may grow.

    One box holds all of the media, unless the first part was sent before anybody knew how large that would be, and its
    store replaces nothing.
    """
    is_one_part = size is not None and size <= recording.part_size
    has_one_box = recording.is_taken and (store.replaces_parts or is_one_part)
    return _head(recording, media_end=recording.taken_bytes if has_one_box else None)


def recorded_head(recording: Recording) -> bytes:
    """Return the head while it is recorded."""
    return _head(recording, media_end=None)


def crc32_of(recording: Recording, store: Store, parts: Sequence[RecordingPart]) -> int:
    """Return the crc32 of the whole file as it is stored, given all of its parts."""
    last = parts[-1]
    size = last.offset + last.size
    head = head_of(recording, store, size=size)
    return crc32_with_other_head(last.crc32, size=size, before=recorded_head(recording), after=head)


def _head(recording: Recording, *, media_end: int | None) -> bytes:
    """Return as much of the head as there is room for: recordings that were begun without have the file's type alone.

    What the first segment is decoded with stands right behind it.
    """
    begins = recording.inits.order_by("offset").values_list("offset", flat=True)[:1].get()
    return file_head(media_end=media_end)[:begins]
