"""The end of a recording's file: its index, the last parts, and what is told of it once it is stored and checked."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction

from livehub.core import clock
from streams.media.recording.index import TrackKind
from streams.media.recording.movie import Gap, Movie, MovieError, RecordedInit, RecordedPiece
from streams.media.recording.stored import read_init
from streams.recordings import heads, lifecycle, node_jobs, planning, played, sending, spool, verifying
from streams.recordings.locks import lock_recording
from streams.recordings.models import RecordedSegment, Recording
from streams.recordings.states import GAP_WORDS, RecordingStatus
from streams.recordings.stores.base import Receipt, Store, StoredObject
from streams.recordings.storing import abandon

logger = logging.getLogger(__name__)

_NOTHING = "It was stopped before anything was broadcast."
_ALL_GONE = "Nothing of the broadcast could be taken: {}."


@dataclass(frozen=True)
class _Closed:
    """A file that is stored."""

    movie: Movie
    stored: StoredObject
    crc32: int
    finding: "verifying.Finding"
    gaps: Sequence[Gap]


def close(recording: Recording, store: Store, *, renew: Callable[[], None]) -> None:
    """Store the end of a recording that nothing more comes to, check what is stored, and show it.

    :raises StoreError: when the store does not do its part: try again later.
    :raises OSError: when the spool cannot be read.
    """
    if not recording.taken_bytes:
        reasons = {GAP_WORDS.get(str(lost["reason"]), "lost").lower() for lost in recording.lost_at_end}
        problem = _ALL_GONE.format(", ".join(sorted(reasons))) if reasons else _NOTHING
        _give_up(recording, store, problem=problem)
        return
    try:
        movie = movie_of(recording)
    except MovieError as error:
        _give_up(recording, store, problem=f"Nothing of it can be shown: {error}")
        return
    sending.send(recording, store, tail=movie.moov(), renew=renew)
    parts = list(recording.parts.order_by("number"))
    receipts = [Receipt(part.number, part.size, part.etag) for part in parts]
    stored = store.finish(sending.upload_of(recording), receipts)
    renew()
    gaps = gaps_of(recording, movie)
    finding = verifying.verify(recording, movie, gaps, store=store, stored=stored, parts=parts)
    _keep_playlists(recording, movie)
    crc32 = heads.crc32_of(recording, store, parts)
    _show(recording, _Closed(movie, stored, crc32, finding, gaps))
    spool.clear(recording.pk)


def _keep_playlists(recording: Recording, movie: Movie) -> None:
    """Make what it is played by while the movie is at hand: of a long one that takes a while."""
    try:
        played.keep_playlists(recording, movie)
    except OSError as error:
        # Whoever plays it has them made again.
        logger.warning("playlists not kept recording=%s", recording.pk, exc_info=error)


def movie_of(recording: Recording) -> Movie:
    """Return what was recorded.

    :raises MovieError: when nothing can be shown of it.
    """
    inits = {row.pk: RecordedInit(row.offset, read_init(bytes(row.content))) for row in recording.inits.all()}
    rows = recording.segments.order_by("offset")
    return Movie(inits, (_piece(row) for row in rows.iterator(chunk_size=2000)))


def gaps_of(recording: Recording, movie: Movie) -> list[Gap]:
    """Return what is missing in the file, in its order: before it, in it, and behind it."""
    return [
        *(Gap(0, **lost) for lost in recording.lost_at_begin),
        *movie.gaps,
        *(Gap(movie.duration_us, **lost) for lost in recording.lost_at_end),
    ]


def _piece(row: RecordedSegment) -> RecordedPiece:
    return RecordedPiece(
        kind=TrackKind(row.slot[0]),
        offset=row.offset,
        size=row.size,
        index=bytes(row.index),
        init=row.init_id,
        run=row.run,
        at_ms=row.at_ms,
        left_out=row.left_out,
        gap_before=row.gap_before,
    )


@transaction.atomic
def _show(recording: Recording, closed: _Closed) -> None:
    locked = lock_recording(recording.pk)
    if locked.status != RecordingStatus.UPLOADING or locked.is_rendered:
        # Somebody else has closed it at the same time, with the same bytes.
        return
    now = clock.now()
    digests = "".join(recording.parts.order_by("number").values_list("sha256", flat=True))
    found: dict[str, Any] = {
        "verified_at": now,
        "expires_at": now + timedelta(seconds=locked.retention_s) if locked.retention_s else None,
        "size": closed.stored.size,
        "duration_us": closed.movie.duration_us,
        "sha256": hashlib.sha256(bytes.fromhex(digests)).hexdigest(),
        "crc32": closed.crc32,
        "etag": closed.stored.etag,
        "is_verified": closed.finding.is_verified,
        "has_sound": closed.movie.has(TrackKind.AUDIO),
        "gaps": [_told(gap) for gap in closed.gaps],
        "problem": closed.finding.problem,
    }
    if planning.plan_renderings(locked):
        # It is shown when what was asked for has been made of it.
        Recording.objects.filter(pk=locked.pk).update(**found, updated_at=now)
        node_jobs.render(node=locked.node)
        return
    reason = "" if closed.finding.is_verified else closed.finding.problem
    lifecycle.change_status(locked, new=RecordingStatus.UPLOADED, reason=reason, uploaded_at=now, **found)
    node_jobs.make_stills(locked)


def _told(gap: Gap) -> dict[str, object]:
    return asdict(gap)


def _give_up(recording: Recording, store: Store, *, problem: str) -> None:
    """Fail it, and leave nothing behind, neither here nor in its store."""
    if recording.upload_token:
        abandon(store, sending.upload_of(recording))
    with transaction.atomic():
        locked = lock_recording(recording.pk)
        if locked.status == RecordingStatus.UPLOADING:
            lifecycle.fail(locked, problem=problem)
    spool.clear(recording.pk)
