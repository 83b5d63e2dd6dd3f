"""Poster and storyboard of a stored recording: small files that lie beside it, made when nothing waits for them.

What goes wrong with them is told on the recording, which is what it is without them.
"""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePosixPath
from threading import Lock
from uuid import UUID

from django.db.models import F

from livehub.core import clock
from streams.media.recording.index import TrackKind
from streams.media.recording.movie import Movie, MovieError
from streams.media.recording.pictures import KeyPicture, key_pictures
from streams.media.stills import jpeg, storyboard
from streams.media.stills.errors import StillError
from streams.media.stills.single import SMALL_HEIGHT, SMALL_WIDTH, decode_poster, decode_small
from streams.recordings import played
from streams.recordings.closing import movie_of
from streams.recordings.links import POSTER_NAME, STORYBOARD_NAME
from streams.recordings.models import Recording
from streams.recordings.models.recording import PROBLEM_MAX_LENGTH
from streams.recordings.states import RecordingStatus, StillsStatus
from streams.recordings.stores.base import Store, StoreError, Upload, UploadPart
from streams.recordings.storing import store_of

logger = logging.getLogger(__name__)

_US_PER_S = 1_000_000
# Nobody can point at more places of a scrub bar than that.
_LEAST_EVERY_S, _MOST = 5, 200
_PER_STRIP = 25
# In all, on a machine that has other work.
_MAKE_S = 600
_TRIES = 5
# Twice as long after each try.
_AGAIN = timedelta(minutes=1)
_TYPES = {".jpg": "image/jpeg", ".vtt": "text/vtt"}
# More than any of them has.
_MOST_BYTES = 8 * 1024 * 1024
# One at a time: the worker has recordings of running broadcasts to take on.
_turn = Lock()


@dataclass(frozen=True)
class _Small:
    picture: KeyPicture
    jpeg: bytes


def make_stills(*, recording_id: UUID) -> None:
    """Make the poster and the storyboard of a stored recording, unless others are being made: the sweep comes again."""
    if not _turn.acquire(blocking=False):
        return
    try:
        recording = _begin(recording_id)
        if recording is not None:
            _try(recording)
    finally:
        _turn.release()


def read_still(recording: Recording, name: str) -> bytes:
    """Return a file that was made of a recording: what is kept where players find it, which it is from now on.

    :raises StoreError: `object_missing` when there is none of that name, or when the store does not give it.
    """
    found = played.kept(recording, name)
    if found is not None:
        return found
    content = store_of(recording).read(_object_name(recording, name), offset=0, length=_MOST_BYTES)
    played.keep_if_possible(recording, lambda: played.keep(recording, name, content))
    return content


def has_still(recording: Recording, name: str) -> bool:
    return recording.has_stills and name in _names(recording.stills_strips)


def erase_stills(recording: Recording, store: Store) -> None:
    """Remove what was made, or half made, of a recording.

    :raises StoreError: when the store does not do it: try again later.
    """
    if recording.stills_strips:
        for name in _names(recording.stills_strips):
            store.delete(_object_name(recording, name))


def _begin(recording_id: UUID) -> Recording | None:
    """Count the try before it is one: of a recording that kills whoever looks at it there are not many."""
    waiting = Recording.objects.existing().filter(
        pk=recording_id, status=RecordingStatus.UPLOADED, stills_status=StillsStatus.WAITING
    )
    recording = waiting.select_related("livestream", "storage").first()
    if recording is None or (recording.stills_due_at is not None and recording.stills_due_at > clock.now()):
        return None
    recording.stills_tries += 1
    due_at = clock.now() + _AGAIN * 2 ** (recording.stills_tries - 1)
    waiting.update(stills_tries=F("stills_tries") + 1, stills_due_at=due_at)
    return recording


def _try(recording: Recording) -> None:
    try:
        _make(recording)
    except StoreError as error:
        _fail(recording, problem=error.reason)
    except (MovieError, StillError) as error:
        _fail(recording, problem=f"No picture of it can be made: {error}")
    except OSError as error:
        _fail(recording, problem="Its pictures cannot be made on this machine: the log says more.")
        logger.warning("no pictures recording=%s", recording.pk, exc_info=error)


def _fail(recording: Recording, *, problem: str) -> None:
    is_over = recording.stills_tries >= _TRIES
    logger.warning("pictures not made recording=%s try=%s: %s", recording.pk, recording.stills_tries, problem)
    _note(
        recording,
        stills_status=StillsStatus.FAILED if is_over else StillsStatus.WAITING,
        stills_problem=problem[:PROBLEM_MAX_LENGTH],
    )


def _make(recording: Recording) -> None:
    movie = movie_of(recording)
    if not movie.has(TrackKind.VIDEO):
        _note(recording, stills_status=StillsStatus.NONE, stills_problem="")
        return
    store = store_of(recording)
    smalls = _smalls(recording, movie, store)
    files = {POSTER_NAME: _poster(recording, smalls, store), **_storyboard(smalls)}
    strips = len(files) - 2
    if not _note(recording, stills_strips=strips):
        return
    for name, content in files.items():
        _put(store, _object_name(recording, name), content)
        played.keep(recording, name, content)
    recording.stills_strips, recording.stills_status = strips, StillsStatus.MADE
    if not _note(recording, stills_status=StillsStatus.MADE, stills_problem=""):
        # It was deleted meanwhile.
        erase_stills(recording, store)
        played.forget(recording)
        return
    played.keep_playlists(recording, movie)


def _smalls(recording: Recording, movie: Movie, store: Store) -> list[_Small]:
    """Decode the pictures of the scrub bar; those that cannot be are left out.

    :raises StillError: when none can be, or when it takes too long.
    """
    every_us = max(_LEAST_EVERY_S * _US_PER_S, -(-movie.duration_us // _MOST))
    slates = frozenset(recording.segments.filter(shows_slate=True).values_list("offset", flat=True))
    until, found, problem = time.monotonic() + _MAKE_S, list[_Small](), "There is no key frame."
    for picture in key_pictures(movie, every_us=every_us, slates=slates):
        if time.monotonic() > until:
            raise StillError(f"It took longer than {_MAKE_S} s.")
        try:
            found.append(_Small(picture, decode_small(_media(recording, picture, store))))
        except StillError as error:
            logger.info("picture left out recording=%s at=%s: %s", recording.pk, picture.at_us, error)
            problem = str(error)
    if not found:
        raise StillError(problem)
    return found


def _poster(recording: Recording, smalls: list[_Small], store: Store) -> bytes:
    """Return the picture in which there is most to be seen, as a JPEG tells by its length: none that is all black."""
    of_encoders = [small for small in smalls if not small.picture.is_of_slate]
    best = max(of_encoders or smalls, key=lambda small: len(small.jpeg))
    return decode_poster(_media(recording, best.picture, store))


def _media(recording: Recording, picture: KeyPicture, store: Store) -> bytes:
    return picture.init + store.read(recording.object_name, offset=picture.offset, length=picture.length)


def _storyboard(smalls: list[_Small]) -> dict[str, bytes]:
    """Return the strips and the list of what is where in them, by name."""
    groups = [smalls[at : at + _PER_STRIP] for at in range(0, len(smalls), _PER_STRIP)]
    strips = {_strip_name(number): jpeg.stack([small.jpeg for small in group]) for number, group in enumerate(groups)}
    pictures = [
        storyboard.Picture(
            small.picture.at_us // 1000, _strip_name(number), place * SMALL_HEIGHT, SMALL_WIDTH, SMALL_HEIGHT
        )
        for number, group in enumerate(groups)
        for place, small in enumerate(group)
    ]
    listed = storyboard.render(pictures, every_ms=_LEAST_EVERY_S * 1000, is_dated=False)
    return {**strips, STORYBOARD_NAME: listed.encode()}


def _names(strips: int) -> Iterator[str]:
    yield from (POSTER_NAME, STORYBOARD_NAME)
    yield from map(_strip_name, range(strips))


def _strip_name(number: int) -> str:
    return f"pictures/{number}.jpg"


def _object_name(recording: Recording, name: str) -> str:
    return f"{recording.object_name.removesuffix('.mp4')}/{name}"


def _put(store: Store, name: str, content: bytes) -> None:
    content_type = _TYPES[PurePosixPath(name).suffix]
    upload = Upload(name, store.begin(name, content_type=content_type), len(content))
    store.finish(upload, [store.append(upload, UploadPart(1, 0, len(content), is_last=True), content)])


def _note(recording: Recording, **values: object) -> int:
    """Write down what became of it, and tell whether the recording is still there."""
    return Recording.objects.existing().filter(pk=recording.pk).update(**values, updated_at=clock.now())
