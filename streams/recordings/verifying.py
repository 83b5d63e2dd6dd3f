"""Is what is stored what was broadcast? Each check is of the stored object or of the broadcast's own words."""

import hashlib
import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from streams.media.errors import MediaError
from streams.media.played_file import decode_at, probe_file
from streams.media.recording.index import TrackKind
from streams.media.recording.movie import Gap, Movie
from streams.media.recording.stored import read_init, stored_init
from streams.recordings import spool
from streams.recordings.heads import head_of, recorded_head
from streams.recordings.models import Recording, RecordingPart
from streams.recordings.selectors import taken_us
from streams.recordings.stores.base import Store, StoredObject
from streams.recordings.stores.folder import FolderStore

# What nobody wanted to be missing. The others were left out on purpose.
_ON_PURPOSE = frozenset({"slate", "paused"})
# What a splice may take of a track: a picture at 10 frames a second.
_LOST_PER_SPLICE_US = 100_000
# Of a probe's answer, which rounds, and of the last sample's guessed duration.
_ROUNDING_US = 250_000
_MOST_SPLICES_DECODED = 20
# Read again, of a file on this machine: twelve hours of it would take longer than people wait.
_MOST_PARTS_READ = 64
# What stands before the first segment, and some of that.
_HEAD_BYTES = 64 * 1024
_SEGMENTS_LOOKED_AT = 3
_BOX = struct.Struct(">I4s")


@dataclass(frozen=True)
class Finding:
    """`problem` is a sentence for people, empty where all is well."""

    problem: str = ""

    @property
    def is_verified(self) -> bool:
        return not self.problem


def verify(
    recording: Recording,
    movie: Movie,
    gaps: Sequence[Gap],
    *,
    store: Store,
    stored: StoredObject,
    parts: Sequence[RecordingPart],
) -> Finding:
    """Return what checks of the stored object find; `gaps` are all that it has.

    :raises StoreError: when the store does not answer: try again later.
    """
    problem = (
        _wrong_size(stored, parts)
        or _wrong_content(recording, store, stored, parts)
        or _missing(gaps)
        or _wrong_length(recording, movie)
        or _not_playable(recording, movie, store, stored)
    )
    return Finding(problem)


def _wrong_size(stored: StoredObject, parts: Sequence[RecordingPart]) -> str:
    sent = sum(part.size for part in parts)
    return "" if stored.size == sent else f"The store has {stored.size} bytes of it, and was sent {sent}."


def _wrong_content(recording: Recording, store: Store, stored: StoredObject, parts: Sequence[RecordingPart]) -> str:
    """Read again what lies on this machine, of long files parts from all over; others have vouched for each part.

    The head, which was sent twice, is read of all.
    """
    head = head_of(recording, store, size=stored.size)
    if store.read(stored.name, offset=0, length=len(head)) != head:
        return "It begins other than it was sent."
    if not isinstance(store, FolderStore):
        return ""
    count = min(len(parts), _MOST_PARTS_READ)
    for place in range(count):
        part = parts[place * (len(parts) - 1) // max(1, count - 1)]
        content = store.read(stored.name, offset=part.offset, length=part.size)
        if hashlib.sha256(content).hexdigest() != part.sha256:
            return f"Part {part.number} is stored other than it was sent."
    return ""


def _missing(gaps: Sequence[Gap]) -> str:
    missing = [gap for gap in gaps if gap.reason not in _ON_PURPOSE]
    if not missing:
        return ""
    length_s = sum(gap.length_us for gap in missing) / 1_000_000
    return f"{length_s:.1f} s of the broadcast are missing, in {len(missing)} place{'s'[: len(missing) > 1]}."


def _wrong_length(recording: Recording, movie: Movie) -> str:
    """Compare the file's length with what the broadcast's journal says of the segments that are in it."""
    longest_us = taken_us(recording)
    allowed_us = _ROUNDING_US + _LOST_PER_SPLICE_US * len(movie.stretches)
    if abs(movie.duration_us - longest_us) <= allowed_us:
        return ""
    return f"It lasts {movie.duration_us / 1e6:.3f} s, and {longest_us / 1e6:.3f} s were broadcast."


def _not_playable(recording: Recording, movie: Movie, store: Store, stored: StoredObject) -> str:
    """Have players' own programs look at what is stored, and decode something behind each of the last splices."""
    stretches = movie.stretches[-_MOST_SPLICES_DECODED:]
    try:
        with _at_hand(recording, movie, store, stored) as path:
            probed = probe_file(path)
            if abs(probed.duration_us - movie.duration_us) > _ROUNDING_US:
                return f"Players take it for {probed.duration_us / 1e6:.3f} s; it has {movie.duration_us / 1e6:.3f} s."
            for stretch in stretches:
                decode_at(path, at_us=stretch.start_us)
    except MediaError as error:
        return f"It cannot be played: {error}"
    return ""


@contextmanager
def _at_hand(recording: Recording, movie: Movie, store: Store, stored: StoredObject) -> Iterator[Path]:
    """Yield a file that has what is looked at: the object itself, or a copy of those pieces with holes between.

    So nobody but the store's own client goes there, and no more is fetched than is needed.
    """
    if isinstance(store, FolderStore):
        yield store.path(recording.object_name)
        return
    with NamedTemporaryFile(dir=spool.made_folder(recording.pk), prefix="look-") as copy:
        copy.truncate(stored.size)
        if head_of(recording, store, size=stored.size) == recorded_head(recording):
            # Readers go from box to box until they find the index.
            for offset, header in _headers(recording):
                copy.seek(offset)
                copy.write(header)
        for offset, length in _looked_at(recording, movie, stored):
            copy.seek(offset)
            copy.write(store.read(stored.name, offset=offset, length=length))
        copy.flush()
        yield Path(copy.name)


def _headers(recording: Recording) -> Iterator[tuple[int, bytes]]:
    """Yield where the boxes of the file begin, as their rows have it, and with what."""
    for init in recording.inits.all():
        yield init.offset, stored_init(read_init(bytes(init.content)))
    for offset, size in recording.segments.values_list("offset", "size").iterator(chunk_size=5000):
        yield offset, _BOX.pack(size, b"mdat")


def _looked_at(recording: Recording, movie: Movie, stored: StoredObject) -> Iterator[tuple[int, int]]:
    """Yield the head, the index, and the first segments of each of the last stretches."""
    yield 0, min(_HEAD_BYTES, stored.size)
    yield recording.taken_bytes, stored.size - recording.taken_bytes
    wanted = movie.stretches[-_MOST_SPLICES_DECODED:]
    for kind in TrackKind:
        seen: Counter[int] = Counter()
        for stretch, placed in movie.shown(kind):
            if stretch in wanted and seen[stretch.start_us] < _SEGMENTS_LOOKED_AT:
                seen[stretch.start_us] += 1
                yield placed.piece.offset, placed.piece.size
