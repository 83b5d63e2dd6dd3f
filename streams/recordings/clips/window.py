"""What of a broadcast this node can still cut: the closed segments that players can go back to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from livehub.core import clock
from streams.livestreams.models import Session
from streams.livestreams.storage import local_storage
from streams.media import journal
from streams.media.journal import Dropped, Reader
from streams.media.recording.closed import ClosedSegment, ClosedSegments
from streams.recordings.clips.errors import NothingToClipError
from streams.recordings.following import PICTURE, SLOTS, SOUND

# Decoders of sound need a frame before the first that is heard.
_SOUND_BEFORE_MS = 50


@dataclass(frozen=True)
class Window:
    """Closed segments of a broadcast's best picture and of its sound, in order; never empty."""

    folder: Path
    segments: Sequence[ClosedSegment]

    @property
    def slot(self) -> str:
        """The picture's, or the sound's where there is none."""
        return PICTURE if any(each.slot == PICTURE for each in self.segments) else SOUND

    @property
    def first_ms(self) -> int:
        """When it begins, since 1970."""
        return self.of(self.slot)[0].at_ms

    @property
    def until_ms(self) -> int:
        """Up to where there is something of every track."""
        return min(_end_ms(self.of(slot)[-1]) for slot in {each.slot for each in self.segments})

    @property
    def first_at(self) -> datetime:
        return _moment(self.first_ms)

    @property
    def until_at(self) -> datetime:
        return _moment(self.until_ms)

    def of(self, slot: str) -> list[ClosedSegment]:
        return [each for each in self.segments if each.slot == slot]

    def needed(self, slot: str, *, from_ms: int, until_ms: int) -> list[ClosedSegment]:
        """Return a track's segments that are needed for what is shown between two times: from a key frame on."""
        found = [each for each in self.of(slot) if each.at_ms < until_ms]
        begins_ms = from_ms if slot == PICTURE else from_ms - _SOUND_BEFORE_MS
        first = max((place for place, each in enumerate(found) if each.at_ms <= begins_ms), default=0)
        while slot == PICTURE and first and not found[first].begins_with_key:
            first -= 1
        return found[first:]


def has_files_here(session: Session) -> bool:
    """Tell whether this node has something of the broadcast."""
    return bool(journal.epochs(_folder_of(session)))


def read_window(session: Session) -> Window:
    """Return what can be cut of a broadcast; its livestream must be loaded.

    :raises NothingToClipError: when that is nothing.
    :raises JournalError: when its journals cannot be understood.
    :raises OSError: when they cannot be read.
    """
    folder = _folder_of(session)
    _, entries = Reader(folder, leaves_old_parts_out=True).read()
    kept = {each.record.slot: each.record.first_msn for each in entries if isinstance(each.record, Dropped)}
    closed = [each for each in ClosedSegments().feed(entries) if each.slot in SLOTS]
    segments = [each for each in closed if each.msn >= kept.get(each.slot, 0)]
    if not segments:
        raise NothingToClipError(
            f"There is nothing of the broadcast {session.pk} to cut: it has just begun, or its files are gone."
        )
    return Window(folder, segments)


def _folder_of(session: Session) -> Path:
    return local_storage().session_folder(session.livestream.playback_id, session_id=session.pk)


def _end_ms(segment: ClosedSegment) -> int:
    return segment.at_ms + segment.duration_us // 1000


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def words_of(moment_ms: int) -> str:
    """Return a time as the API writes it."""
    return clock.isoformat(_moment(moment_ms))
