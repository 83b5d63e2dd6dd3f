"""Taking what a broadcast makes: segments are kept in the spool, then written down with their place in the file."""

import logging
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from django.db import transaction
from django.db.models import Max

from livehub.core import clock
from livehub.core.errors import StaleStatusError
from streams.livestreams import disk_guard
from streams.livestreams.models import Session
from streams.livestreams.playback import finish_playlists
from streams.livestreams.states import DiskLevel
from streams.livestreams.storage import local_storage
from streams.media import journal
from streams.media.fmp4 import Fmp4Error
from streams.media.recording.closed import ClosedSegment
from streams.media.recording.stored import (
    file_head,
    read_init,
    store_segment,
    stored_init,
)
from streams.recordings import lifecycle, spool
from streams.recordings.following import Follower, Followers, KeptApart
from streams.recordings.locks import lock_recording
from streams.recordings.models import RecordedSegment, Recording, RecordingInit
from streams.recordings.states import RecordingStatus, SlateRecording

logger = logging.getLogger(__name__)

# Why something is missing.
PAUSED, SLATE, GONE, DISK_FULL, DAMAGED = "paused", "slate", "files_gone", "disk_full", "damaged"
# What is on its way when a recording is stopped has been closed by then, or never will be.
_CLOSED_WITHIN_MS = 30_000
# What is not closed when a broadcast ends, and what its end takes: less than that is not told of.
_UNTAKEN_US = 15_000_000
_followers = Followers()
# Of those that are kept only, while somebody else sends what was taken.
_keepers = Followers()
_keeping = KeptApart()


def keep(recording: Recording) -> None:
    """Keep what the broadcast has made by now in the spool, while somebody else has the recording in hand.

    A store may be slow, and what leaves a broadcast's window, or runs out, is gone: it is taken from the spool then.

    :raises JournalError: when its journals cannot be understood.
    :raises OSError: when files cannot be read or kept.
    """
    session = _session_of(recording)
    if session is None:
        return
    with _keeping.alone(recording.pk) as is_alone:
        if is_alone:
            follower = _keepers.take_out(recording.pk, folder=_folder_of(session))
            follower.read()
            _Taking(recording, follower).keep()
            _keepers.put_back(recording.pk, follower)


def take(recording: Recording) -> bool:
    """Take what the broadcast has made by now; tell whether nothing more will come.

    :raises JournalError: when its journals cannot be understood.
    :raises OSError: when files cannot be read or kept.
    :raises StaleStatusError: when somebody else takes at the same time.
    """
    session = _session_of(recording)
    if session is None:
        # It has not begun, or its livestream is gone for good.
        return recording.status == RecordingStatus.UPLOADING
    if not session.is_open:
        # Whoever ran it may have been killed: then nobody else has said that it is over.
        finish_playlists(session_id=session.pk)
    follower = _followers.take_out(recording.pk, folder=_folder_of(session))
    follower.read()
    _Taking(recording, follower).take()
    has_ended = _has_ended(recording, follower, is_over=not session.is_open)
    if has_ended:
        recording.lost_at_end = _lost_at_end(recording, follower, session)
    _followers.put_back(recording.pk, follower)
    return has_ended


def _session_of(recording: Recording) -> Session | None:
    if recording.session_id is None:
        return None
    return Session.objects.select_related("livestream").filter(pk=recording.session_id).first()


def _folder_of(session: Session) -> Path:
    return local_storage().session_folder(session.livestream.playback_id, session_id=session.pk)


def _lost_at_end(recording: Recording, follower: Follower, session: Session) -> list[dict[str, object]]:
    """Return what of the broadcast came behind the last segment that was taken, and could not be."""
    if not follower.is_ended and not journal.epochs(follower.folder):
        # With all that told of it. Of a broadcast that never was, there is nothing to lose.
        newest = recording.segments.order_by("-at_ms").values_list("at_ms", "duration_us").first()
        started_ms = clock.epoch_ms(session.started_at) if session.started_at else None
        from_ms = newest[0] + newest[1] // 1000 if newest else recording.from_ms or started_ms
        if session.started_at is None or session.stopped_at is None or from_ms is None:
            return []
        ends = [clock.epoch_ms(session.stopped_at), *([recording.until_ms] if recording.until_ms is not None else [])]
        lost_us = (min(ends) - from_ms) * 1000
        return [{"length_us": lost_us, "reason": GONE}] if lost_us > _UNTAKEN_US else []
    return follower.losses()


def _has_ended(recording: Recording, follower: Follower, *, is_over: bool) -> bool:
    if recording.status != RecordingStatus.UPLOADING:
        return False
    if is_over:
        return follower.is_ended or not journal.epochs(follower.folder)
    if recording.until_ms is None:
        return False
    until_ms = recording.until_ms
    is_late = clock.epoch_ms(clock.now()) > until_ms + _CLOSED_WITHIN_MS
    seen_ms = follower.seen_ms.values()
    return is_late or (bool(seen_ms) and min(seen_ms) >= until_ms)


class _Taking:
    """One look at what is new."""

    def __init__(self, recording: Recording, follower: Follower) -> None:
        self._recording = recording
        self._follower = follower
        self._offset = recording.taken_bytes
        self._inits = {(init.slot, init.name): init for init in recording.inits.all()}
        self._new_inits: list[RecordingInit] = []
        self._segments: list[RecordedSegment] = []
        newest = recording.segments.values_list("slot").annotate(msn=Max("msn"))
        self._taken = dict(newest)
        self._lost_at_begin: list[dict[str, object]] = []
        self._is_full: bool | None = None

    def keep(self) -> None:
        found, self._follower.found = self._follower.found, []
        for segment in found:
            if self._is_wanted(segment) and not self._is_disk_full():
                # What is gone is told by who takes it.
                with suppress(FileNotFoundError):
                    self._link(segment)

    def take(self) -> None:
        found, self._follower.found = self._follower.found, []
        for segment in found:
            if self._is_wanted(segment):
                self._take(segment)
        if self._segments:
            self._write()

    def _take(self, segment: ClosedSegment) -> None:
        try:
            if self._is_disk_full():
                reason = DISK_FULL
            else:
                self._link(segment)
                self._place(segment)
                return
        except FileNotFoundError:
            reason = GONE
        except Fmp4Error:
            logger.exception("segment not understood recording=%s %s", self._recording.pk, segment.name)
            reason = DAMAGED
        logger.warning("segment not recorded recording=%s %s: %s", self._recording.pk, segment.name, reason)
        self._follower.lose(segment, reason)

    def _link(self, segment: ClosedSegment) -> None:
        source = self._file(segment.slot, segment.name)
        spool.link(self._recording.pk, source, slot=segment.slot, name=segment.name)

    def _is_wanted(self, segment: ClosedSegment) -> bool:
        recording = self._recording
        if segment.msn <= self._taken.get(segment.slot, -1):
            return False
        if recording.from_ms is not None and segment.at_ms < recording.from_ms:
            return False
        if recording.until_ms is not None and segment.at_ms >= recording.until_ms:
            return False
        if segment.shows_slate and not self._keeps_slate(segment):
            self._follower.gaps[segment.slot] = SLATE
        elif any(began <= segment.at_ms and (end is None or segment.at_ms < end) for began, end in recording.pauses):
            self._follower.gaps[segment.slot] = PAUSED
        else:
            return True
        return False

    def _keeps_slate(self, segment: ClosedSegment) -> bool:
        """Tell whether viewers saw it in place of an encoder that had been there: what waited for the first is not."""
        if self._recording.slate != SlateRecording.KEEP:
            return False
        if self._recording.started_at is not None:
            return segment.at_ms >= clock.epoch_ms(self._recording.started_at)
        return bool(self._segments) and segment.at_ms >= self._segments[0].at_ms

    def _is_disk_full(self) -> bool:
        if self._is_full is None:
            self._is_full = disk_guard.measure().level == DiskLevel.FULL
        return self._is_full

    def _file(self, slot: str, name: str) -> Path:
        return self._follower.folder / slot / name

    def _place(self, segment: ClosedSegment) -> None:
        """Give a kept segment its place, and what it is decoded with one before it.

        :raises FileNotFoundError: when that is gone.
        :raises Fmp4Error: when either is not what it should be.
        """
        key = (segment.slot, segment.init_name)
        row = self._inits.get(key)
        init_content = bytes(row.content) if row is not None else self._file(*key).read_bytes()
        init = read_init(init_content)
        content = spool.spooled(self._recording.pk, slot=segment.slot, name=segment.name).read_bytes()
        stored, index = store_segment(content, init)
        self._offset = self._offset or len(file_head())
        if not self._taken and not self._segments:
            self._lost_at_begin = self._follower.losses()
        if row is None:
            row = RecordingInit(
                recording=self._recording, slot=key[0], name=key[1], offset=self._offset, content=init_content
            )
            self._inits[key] = row
            self._new_inits.append(row)
            self._offset += len(stored_init(init))
        self._segments.append(
            RecordedSegment(
                recording=self._recording,
                init=row,
                slot=segment.slot,
                msn=segment.msn,
                name=segment.name,
                run=segment.run,
                offset=self._offset,
                size=len(stored),
                at_ms=segment.at_ms,
                duration_us=segment.duration_us,
                shows_slate=segment.shows_slate,
                gap_before=self._follower.gaps.pop(segment.slot, ""),
                index=index.packed(),
            )
        )
        self._offset += len(stored)
        self._follower.lost_us.pop(segment.slot, None)

    @transaction.atomic
    def _write(self) -> None:
        recording = self._recording
        before = Recording.objects.filter(pk=recording.pk, taken_bytes=recording.taken_bytes)
        recording.lost_at_begin = self._lost_at_begin or recording.lost_at_begin
        taken = {"taken_bytes": self._offset, "lost_at_begin": recording.lost_at_begin}
        if not before.update(**taken, updated_at=clock.now()):
            raise StaleStatusError(f"Somebody else takes for recording {recording.pk}.")
        RecordingInit.objects.bulk_create(self._new_inits)
        RecordedSegment.objects.bulk_create(self._segments)
        recording.taken_bytes = self._offset
        if recording.started_at is None:
            self._begin()

    def _begin(self) -> None:
        """Show that there is something of it."""
        locked = lock_recording(self._recording.pk)
        started_at = datetime.fromtimestamp(self._segments[0].at_ms / 1000, UTC)
        if locked.status == RecordingStatus.INVOKED:
            lifecycle.change_status(locked, new=RecordingStatus.RECORDING, started_at=started_at)
        else:
            locked.started_at = started_at
            locked.save(update_fields=["started_at", "updated_at"])
        self._recording.status, self._recording.started_at = locked.status, locked.started_at
