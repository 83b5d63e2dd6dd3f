"""Taking a recording on: a short task that is called again and again, by anybody, at any time.

Whatever it does is written down once it is done, and done again if that did not come to pass: a task that is killed
anywhere costs at most one part that is sent twice. Two at a time would send twice as much for nothing, hence the lease.
"""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now

from livehub.core import clock
from livehub.core.errors import NotFoundError, StaleStatusError
from livehub.core.outage import DATABASE_OUTAGE
from streams.media.journal import JournalError
from streams.recordings import closing, played, rendering, sending, spool, taking
from streams.recordings.lanes import lanes
from streams.recordings.models import Clip, Recording, RecordingQuerySet, Rendering
from streams.recordings.models.recording import PROBLEM_MAX_LENGTH
from streams.recordings.services import stop_when_too_long
from streams.recordings.states import RecordingStatus, RenderingStatus
from streams.recordings.stills import erase_stills
from streams.recordings.storage_services import forget_inline_target
from streams.recordings.stores.base import StoreError, Upload, bound_s
from streams.recordings.storing import abandon, store_of

logger = logging.getLogger(__name__)

# Of what a look takes beside sending a part.
_LOOK_S = 60
_FILES = "Its files on this machine cannot be read or kept: the log says more."
_FAULT = "An error of LiveHub's own keeps it from being stored: the log says more. It is tried again."


class TakenOverError(StaleStatusError):
    """Another task has the recording in hand."""


def advance_recording(*, recording_id: UUID) -> None:
    """Take what the broadcast has made, send what is due, and close the file once nothing more comes.

    What goes wrong is told on the recording where it is for people, and tried again by the sweep.
    """
    recording = _claim(recording_id)
    if recording is None:
        _keep(recording_id)
        return
    try:
        _advance(recording)
    except StoreError as error:
        _note_problem(recording, error.reason)
        logger.warning("recording not sent recording=%s code=%s: %s", recording.pk, error.code, error.reason)
    except (JournalError, OSError) as error:
        _note_problem(recording, _FILES)
        logger.warning("recording not taken on recording=%s", recording.pk, exc_info=error)
    except (TakenOverError, StaleStatusError, NotFoundError) as error:
        # Somebody else goes on, or it has been deleted meanwhile.
        logger.info("recording left to others recording=%s: %s", recording.pk, error)
    except DATABASE_OUTAGE:
        raise
    except Exception:
        # Nobody but the log would hear of it, and whoever waits for the recording asks in vain.
        _note_problem(recording, _FAULT)
        raise
    finally:
        _give_back(recording)


def _advance(recording: Recording) -> None:
    if recording.is_rendered:
        rendering.go_on(recording)
        return
    stop_when_too_long(recording)
    has_ended = recording.is_taken or taking.take(recording)
    if has_ended and not recording.is_taken:
        recording.is_taken = True
        recording.save(update_fields=["is_taken", "lost_at_end", "updated_at"])
    with lanes.lane(app_id=recording.app_id, storage_id=recording.storage_id) as is_free:
        if is_free:
            _store(recording, has_ended=has_ended)


def _store(recording: Recording, *, has_ended: bool) -> None:
    store = store_of(recording)
    if recording.taken_bytes:
        sending.send(recording, store, renew=lambda: _renew(recording))
    if has_ended:
        closing.close(recording, store, renew=lambda: _renew(recording))
    elif recording.problem:
        _note_problem(recording, "")


def _keep(recording_id: UUID) -> None:
    """Keep what is broadcast while somebody sends what was taken before."""
    busy = Recording.objects.existing().unfinished().filter(pk=recording_id, is_taken=False).first()
    if busy is None:
        return
    try:
        taking.keep(busy)
    except (JournalError, OSError) as error:
        # Whoever takes it finds the same, and tells it.
        logger.warning("recording not kept recording=%s", recording_id, exc_info=error)


def erase_recording(*, recording_id: UUID) -> None:
    """Remove what is left of a deleted recording: here, and in its store.

    :raises StoreError: when the store does not do it: try again later.
    """
    deleted = Recording.objects.filter(pk=recording_id, is_erased=False).exclude(deleted_at=None)
    # Whoever still sends it notices before the next part; what comes to the store behind our back would stay there.
    recording = _claim_of(deleted)
    if recording is None:
        return
    try:
        spool.clear(recording.pk)
        # Before its store is asked, which may be away.
        played.forget(recording)
        with lanes.lane(app_id=recording.app_id, storage_id=recording.storage_id) as is_free:
            if is_free:
                _erase(recording)
    finally:
        # Those that are left go behind all others that wait: there may be many that never can be erased.
        deleted.update(updated_at=clock.now())
        _give_back(recording)


def _erase(recording: Recording) -> None:
    is_gone = recording.storage is not None and recording.storage.deleted_at is not None
    if recording.upload_token and not is_gone:
        store = store_of(recording)
        if recording.size is None:
            abandon(store, sending.upload_of(recording))
        store.delete(recording.object_name)
        erase_stills(recording, store)
        for made in recording.renderings.all():
            if made.upload_token:
                if made.status != RenderingStatus.STORED:
                    abandon(store, Upload(made.object_name, made.upload_token, recording.part_size))
                store.delete(made.object_name)
    Recording.objects.filter(pk=recording.pk).update(is_erased=True)
    if recording.storage is not None:
        forget_inline_target(recording.storage)


def free_leases_of_this_node() -> int:
    """Free what this node's worker had in hand that is dead; return how many. Call it when its successor begins.

    What waits in the spool for nobody any more goes.
    """
    Rendering.objects.filter(node=settings.NODE).exclude(working_until=None).update(working_until=None)
    held = Recording.objects.filter(node=settings.NODE).exclude(advancing_until=None)
    freed = held.update(advancing_until=None)
    waiting = spool.list_waiting()
    unfinished = {
        *Recording.objects.existing().unfinished().filter(pk__in=waiting).values_list("pk", flat=True),
        *Clip.objects.existing().unfinished().filter(pk__in=waiting).values_list("pk", flat=True),
    }
    for nobodys in set(waiting) - unfinished:
        spool.clear(nobodys)
    return freed


def _claim(recording_id: UUID) -> Recording | None:
    return _claim_of(Recording.objects.existing().unfinished().filter(pk=recording_id))


def _claim_of(rows: RecordingQuerySet) -> Recording | None:
    """Take the one recording of these rows in hand; None when there is none, or somebody else has it."""
    part_size = rows.values_list("part_size", flat=True).first()
    if part_size is None:
        return None
    free = rows.filter(Q(advancing_until=None) | Q(advancing_until__lt=Now()))
    if not free.update(advancing_until=_lease_end(part_size)):
        return None
    return rows.select_related("app__organization", "livestream", "meeting", "storage").first()


def _give_back(recording: Recording) -> None:
    held = Recording.objects.filter(pk=recording.pk, advancing_until=recording.advancing_until)
    held.update(advancing_until=None)


def _renew(recording: Recording) -> None:
    until = _lease_end(recording.part_size)
    held = Recording.objects.existing().filter(pk=recording.pk, advancing_until=recording.advancing_until)
    if not held.update(advancing_until=until):
        raise TakenOverError(f"Recording {recording.pk} is another task's.")
    recording.advancing_until = until


def _lease_end(part_size: int) -> datetime:
    return clock.now() + timedelta(seconds=_LOOK_S + bound_s(part_size))


def _note_problem(recording: Recording, problem: str) -> None:
    rows = Recording.objects.filter(pk=recording.pk).exclude(status=RecordingStatus.UPLOADED)
    rows.update(problem=problem[:PROBLEM_MAX_LENGTH], updated_at=clock.now())
