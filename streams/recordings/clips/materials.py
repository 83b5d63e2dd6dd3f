"""What clips are cut out of: a broadcast's files on this node, or a stored recording; both as one laid-out movie."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from streams.media.fmp4 import Fmp4Error
from streams.media.recording.closed import ClosedSegment
from streams.media.recording.index import TrackKind
from streams.media.recording.layout import Placed, Stretch
from streams.media.recording.movie import Movie, MovieError, RecordedInit, RecordedPiece
from streams.media.recording.stored import read_init, store_segment, stored_init
from streams.recordings.clips.errors import NothingToClipError
from streams.recordings.clips.window import Window
from streams.recordings.closing import movie_of
from streams.recordings.following import SLOTS
from streams.recordings.models import Recording
from streams.recordings.stores.base import StoreError
from streams.recordings.storing import store_of

logger = logging.getLogger(__name__)

_SLATE, _GONE, _DAMAGED = "slate", "files_gone", "damaged"


@dataclass(frozen=True)
class Material:
    """A movie, between which of its times the clip is, and how bytes of its file are read (offset, length).

    `read` raises StoreError or OSError.
    """

    movie: Movie
    start_us: int
    end_us: int
    read: Callable[[int, int], bytes]

    @property
    def starts_ms(self) -> int:
        """When its first picture was taken, since 1970."""
        found = None
        for stretch, each in _pieces(self.movie):
            if found is not None and _shown_us(stretch, each) > self.start_us:
                break
            found = stretch, each
        if found is None:
            raise MovieError("There is nothing to be shown.")
        stretch, each = found
        return each.piece.at_ms + max(0, self.start_us - _shown_us(stretch, each)) // 1000


def of_window(window: Window, *, from_ms: int, until_ms: int, scratch: IO[bytes]) -> Material:
    """Return what was broadcast between two times, since 1970, from this node's files; the slate is left out.

    What is needed of them is put into `scratch`, as in a recording, so that nothing takes it away meanwhile; it is read
    from there for as long as that is open.

    :raises NothingToClipError: when nothing of it can be shown.
    :raises OSError: when files cannot be read, or there is no room.
    """
    wanted = {
        each for slot in SLOTS for each in window.needed(slot, from_ms=from_ms, until_ms=until_ms)
    }  # In the order of the window, in which picture and sound take turns.
    gathering = _Gathering(window.folder, scratch)
    for segment in window.segments:
        if segment in wanted:
            gathering.take(segment)
    try:
        movie = Movie(gathering.inits, gathering.pieces)
    except MovieError as error:
        raise NothingToClipError(f"Nothing of it can be shown: {error}") from error
    return Material(movie, _file_us(movie, from_ms), _file_us(movie, until_ms), _reader_of(scratch))


def of_recording(recording: Recording, *, start_us: int, end_us: int) -> Material:
    """Return a stretch of a stored recording, wherever that is.

    :raises NothingToClipError: when nothing of it can be shown.
    :raises StoreError: when its store cannot be reached by what is known of it.
    """
    store = store_of(recording)

    def read(offset: int, length: int) -> bytes:
        content = store.read(recording.object_name, offset=offset, length=length)
        if len(content) < length:
            raise StoreError("The recording's file is shorter than it was stored.", code="damaged")
        return content

    try:
        return Material(movie_of(recording), start_us, end_us, read)
    except MovieError as error:
        raise NothingToClipError(f"Nothing of the recording can be shown: {error}") from error


class _Gathering:
    """Puts segments one behind the other, with what they are decoded with, as a recording has them."""

    def __init__(self, folder: Path, file: IO[bytes]) -> None:
        self.inits: dict[int, RecordedInit] = {}
        self.pieces: list[RecordedPiece] = []
        self._folder = folder
        self._file = file
        self._keys: dict[tuple[str, str], int] = {}
        self._gaps: dict[str, str] = {}

    def take(self, segment: ClosedSegment) -> None:
        if segment.shows_slate:
            self._gaps[segment.slot] = _SLATE
            return
        try:
            self._put(segment)
        except FileNotFoundError:
            self._gaps[segment.slot] = _GONE
        except Fmp4Error:
            logger.exception("segment not understood folder=%s %s", self._folder.name, segment.name)
            self._gaps[segment.slot] = _DAMAGED

    def _put(self, segment: ClosedSegment) -> None:
        folder = self._folder / segment.slot
        content = (folder / segment.name).read_bytes()
        key = self._key_of(segment)
        init = self.inits[key].init
        stored, index = store_segment(content, init)
        offset = self._file.tell()
        self._file.write(stored)
        self.pieces.append(
            RecordedPiece(
                kind=init.kind,
                offset=offset,
                size=len(stored),
                index=index.packed(),
                init=key,
                run=segment.run,
                at_ms=segment.at_ms,
                gap_before=self._gaps.pop(segment.slot, ""),
            )
        )

    def _key_of(self, segment: ClosedSegment) -> int:
        name = (segment.slot, segment.init_name)
        if name not in self._keys:
            init = read_init((self._folder / segment.slot / segment.init_name).read_bytes())
            number = len(self._keys)
            self.inits[number] = RecordedInit(self._file.tell(), init)
            self._file.write(stored_init(init))
            self._keys[name] = number
        return self._keys[name]


def _reader_of(file: IO[bytes]) -> Callable[[int, int], bytes]:
    def read(offset: int, length: int) -> bytes:
        file.seek(offset)
        return file.read(length)

    return read


def _file_us(movie: Movie, at_ms: int) -> int:
    """Return when in the movie is shown what was broadcast at a time; for what is left out, what is shown then."""
    found = 0
    for stretch, each in _pieces(movie):
        if each.piece.at_ms > at_ms:
            break
        shown_us = _shown_us(stretch, each) + (at_ms - each.piece.at_ms) * 1000
        found = max(found, min(shown_us, each.shown_until_us + stretch.shift_us))
    return found


def _pieces(movie: Movie) -> Iterator[tuple[Stretch, Placed]]:
    return movie.shown(TrackKind.VIDEO if movie.has(TrackKind.VIDEO) else TrackKind.AUDIO)


def _shown_us(stretch: Stretch, each: Placed) -> int:
    """Return when in the file its first sample is shown, which was broadcast at its `at_ms`."""
    key = each.key_us
    is_first = key is not None and key[0] == each.start_us
    return (key[1] if key is not None and is_first else each.start_us) + stretch.shift_us
