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
from streams.media.journal import JournalError
from streams.recordings import closing, sending, spool, taking
from streams.recordings.models import Recording
from streams.recordings.models.recording import PROBLEM_MAX_LENGTH
from streams.recordings.services import stop_when_too_long
from streams.recordings.states import UNFINISHED, RecordingStatus
from streams.recordings.stores.base import StoreError, bound_s
from streams.recordings.storing import abandon, store_of

logger = logging.getLogger(__name__)

# Of what a look takes beside sending a part.
_LOOK_S = 60


class TakenOverError(StaleStatusError):
    """Another task has the recording in hand."""


def advance_recording(*, recording_id: UUID) -> None:
    """Take what the broadcast has made, send what is due, and close the file once nothing more comes.

    What goes wrong is told on the recording where it is for people, and tried again by the sweep.
    """
    recording = _claim(recording_id)
    if recording is None:
        return
    try:
        _advance(recording)
    except StoreError as error:
        _note_problem(recording, error.reason)
        logger.warning("recording not sent recording=%s code=%s: %s", recording.pk, error.code, error.reason)
    except (JournalError, OSError) as error:
        _note_problem(recording, "Its files on this machine cannot be read or kept: the log says more.")
        logger.warning("recording not taken on recording=%s", recording.pk, exc_info=error)
    except (TakenOverError, StaleStatusError, NotFoundError) as error:
        # Somebody else goes on, or it has been deleted meanwhile.
        logger.info("recording left to others recording=%s: %s", recording.pk, error)
    finally:
        Recording.objects.filter(pk=recording.pk, advancing_until=recording.advancing_until).update(
            advancing_until=None
        )


def _advance(recording: Recording) -> None:
    stop_when_too_long(recording)
    has_ended = recording.is_taken or taking.take(recording)
    store = store_of(recording)
    if recording.taken_bytes:
        sending.send(recording, store, renew=lambda: _renew(recording))
    if has_ended:
        if not recording.is_taken:
            recording.is_taken = True
            recording.save(update_fields=["is_taken", "updated_at"])
        closing.close(recording, store, renew=lambda: _renew(recording))
    elif recording.problem:
        _note_problem(recording, "")


def erase_recording(*, recording_id: UUID) -> None:
    """Remove what is left of a deleted recording: here, and in its store.

    :raises StoreError: when the store does not do it: try again later.
    """
    deleted = Recording.objects.filter(pk=recording_id, is_erased=False).exclude(deleted_at=None)
    recording = deleted.select_related("storage").first()
    if recording is None:
        return
    store = store_of(recording)
    if recording.upload_token:
        if not recording.is_stored:
            abandon(store, sending.upload_of(recording))
        store.delete(recording.object_name)
    spool.clear(recording.pk)
    Recording.objects.filter(pk=recording.pk).update(is_erased=True)


def free_leases_of_this_node() -> int:
    """Free what this node's worker had in hand that is dead; return how many. Call it when its successor begins."""
    held = Recording.objects.filter(node=settings.NODE, status__in=UNFINISHED).exclude(advancing_until=None)
    return held.update(advancing_until=None)


def _claim(recording_id: UUID) -> Recording | None:
    rows = Recording.objects.existing().unfinished().filter(pk=recording_id)
    part_size = rows.values_list("part_size", flat=True).first()
    if part_size is None:
        return None
    free = rows.filter(Q(advancing_until=None) | Q(advancing_until__lt=Now()))
    if not free.update(advancing_until=_lease_end(part_size)):
        return None
    return rows.select_related("app__organization", "meeting", "storage").first()


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
