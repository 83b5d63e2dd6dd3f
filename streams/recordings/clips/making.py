"""Making a clip's file and storing it: a task that may be called again at any time, by anybody, and killed anywhere."""

import logging
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from livehub.core import clock
from livehub.core.errors import NotFoundError, StaleStatusError
from livehub.core.outage import DATABASE_OUTAGE
from streams.media.journal import JournalError
from streams.recordings import spool
from streams.recordings.clips import lifecycle
from streams.recordings.clips.errors import NothingToClipError
from streams.recordings.clips.layout import lay_out, scratch_file, waiting_file, write_file
from streams.recordings.clips.materials import Material, of_recording, of_window
from streams.recordings.clips.window import read_window
from streams.recordings.lanes import lanes
from streams.recordings.locks import lock_clip
from streams.recordings.models import Clip, ClipQuerySet
from streams.recordings.models.recording import PROBLEM_MAX_LENGTH
from streams.recordings.sending import CONTENT_TYPE
from streams.recordings.states import ClipStatus
from streams.recordings.storage_services import forget_inline_target
from streams.recordings.stores.base import PART_SIZE_MIN_BYTES, Receipt, Store, StoreError, Upload, UploadPart, bound_s
from streams.recordings.storing import abandon, store_of

logger = logging.getLogger(__name__)

# Of what is done beside moving a part.
_LOOK_S = 60
# What is on its way when a clip is asked for has been closed by then, or never will be.
_CLOSED_WITHIN_MS = 30_000
_FAULT = "An error of LiveHub's own keeps it from being stored: the log says more. It is tried again."


class ClipTakenOverError(StaleStatusError):
    """Another task has the clip in hand."""


class _NotThereYetError(Exception):
    """The end of it is on its way."""


def make_clip(*, clip_id: UUID) -> None:
    """Make a clip's file, and store it.

    What goes wrong is told on the clip where it is for people, and tried again by the sweep; where nothing is left to
    cut, it fails for good.
    """
    clip = _claim(clip_id)
    if clip is None:
        return
    try:
        _make(clip)
    except NothingToClipError as error:
        _fail(clip, problem=error.message)
    except StoreError as error:
        _note_problem(clip, error.reason)
        logger.warning("clip not stored clip=%s code=%s: %s", clip.pk, error.code, error.reason)
    except (JournalError, OSError) as error:
        _note_problem(clip, "Its files on this machine cannot be read or kept: the log says more.")
        logger.warning("clip not made clip=%s", clip.pk, exc_info=error)
    except (StaleStatusError, NotFoundError, _NotThereYetError) as error:
        # Somebody else goes on, it has been deleted meanwhile, or the sweep comes again.
        logger.info("clip left to others clip=%s: %s", clip.pk, error)
    except DATABASE_OUTAGE:
        raise
    except Exception:
        # Nobody but the log would hear of it, and whoever waits for the clip asks in vain.
        _note_problem(clip, _FAULT)
        raise
    finally:
        Clip.objects.filter(pk=clip.pk, making_until=clip.making_until).update(making_until=None)


def erase_clip(*, clip_id: UUID) -> None:
    """Remove what is left of a deleted clip: here, and in its store.

    :raises StoreError: when the store does not do it: try again later.
    """
    deleted = Clip.objects.filter(pk=clip_id, is_erased=False).exclude(deleted_at=None)
    clip = deleted.select_related("storage").first()
    if clip is None:
        return
    spool.clear(clip.pk)
    try:
        with lanes.lane(app_id=clip.app_id, storage_id=clip.storage_id) as is_free:
            if is_free:
                _erase(clip)
    finally:
        # Those that are left go behind all others that wait: there may be many that never can be erased.
        deleted.update(updated_at=clock.now())


def _erase(clip: Clip) -> None:
    is_gone = clip.storage is not None and clip.storage.deleted_at is not None
    if clip.upload_token and not is_gone:
        store = store_of(clip)
        if not clip.is_ready:
            abandon(store, _upload_of(clip))
        store.delete(clip.object_name)
    Clip.objects.filter(pk=clip.pk).update(is_erased=True)
    if clip.storage is not None:
        forget_inline_target(clip.storage)


def free_leases_of_this_node() -> int:
    """Free what this node's worker had in hand that is dead; return how many. Call it when its successor begins."""
    held = Clip.objects.unfinished().filter(node=settings.NODE).exclude(making_until=None)
    return held.update(making_until=None)


def _make(clip: Clip) -> None:
    path = waiting_file(clip.pk)
    # A clip of a recording is stored where that is.
    with lanes.lane(app_id=clip.app_id, storage_id=clip.storage_id) as is_free:
        if not is_free:
            # The sweep comes again.
            return
        if not clip.playlists or not path.exists():
            _cut(clip)
        _store(clip, store_of(clip), path)
    with transaction.atomic():
        lifecycle.become_ready(lock_clip(clip.pk))
    spool.clear(clip.pk)


def _cut(clip: Clip) -> None:
    """Lay the clip out, write its file, and show its playlists.

    :raises NothingToClipError: when nothing of it is there any more.
    """
    with ExitStack() as stack:
        material = _material_of(clip, stack)
        layout = lay_out(material)
        try:
            write_file(clip.pk, layout, material)
        except StoreError as error:
            if error.code == "object_missing":
                raise NothingToClipError("What it was to be cut out of has been deleted.") from error
            raise
    if not _of_ours(clip).update(**layout.facts, updated_at=clock.now()):
        raise ClipTakenOverError(f"Clip {clip.pk} is another task's, or deleted.")


def _material_of(clip: Clip, stack: ExitStack) -> Material:
    if clip.from_us is not None and clip.until_us is not None:
        if clip.recording is None or clip.recording.deleted_at is not None:
            raise NothingToClipError("What it was to be cut out of has been deleted.")
        return of_recording(clip.recording, start_us=clip.from_us, end_us=clip.until_us)
    if clip.session is None or clip.from_ms is None or clip.until_ms is None:
        raise NothingToClipError("The broadcast that it was to be cut out of has been deleted.")
    window = read_window(clip.session)
    is_late = clock.epoch_ms(clock.now()) > clip.until_ms + _CLOSED_WITHIN_MS
    if clip.session.is_open and window.until_ms < clip.until_ms and not is_late:
        raise _NotThereYetError("the end of it is not closed yet")
    scratch = stack.enter_context(scratch_file(clip.pk))
    return of_window(window, from_ms=clip.from_ms, until_ms=clip.until_ms, scratch=scratch)


def _store(clip: Clip, store: Store, path: Path) -> None:
    """Put the file into its store, from the beginning: whoever began it before may have been killed anywhere.

    :raises StoreError: when the store does not take it: try again later.
    :raises OSError: when the file cannot be read.
    """
    size = path.stat().st_size
    stored = store.stat(clip.object_name) if clip.upload_token else None
    if stored is not None and stored.size == size:
        return
    if clip.upload_token:
        abandon(store, _upload_of(clip))
    clip.upload_token = store.begin(clip.object_name, content_type=CONTENT_TYPE)
    if not _of_ours(clip).update(upload_token_encrypted=clip.upload_token_encrypted):
        abandon(store, _upload_of(clip))
        raise ClipTakenOverError(f"Clip {clip.pk} is another task's, or deleted.")
    receipts = list[Receipt]()
    with path.open("rb") as file:
        for number, offset in enumerate(range(0, size, PART_SIZE_MIN_BYTES), start=1):
            _renew(clip)
            content = file.read(PART_SIZE_MIN_BYTES)
            part = UploadPart(number, offset, len(content), is_last=offset + len(content) == size)
            receipts.append(store.append(_upload_of(clip), part, content))
    store.finish(_upload_of(clip), receipts)
    if not Clip.objects.existing().filter(pk=clip.pk).exists():
        # Whoever erased it may have been here before the end.
        store.delete(clip.object_name)


def _upload_of(clip: Clip) -> Upload:
    return Upload(clip.object_name, clip.upload_token, PART_SIZE_MIN_BYTES)


def _claim(clip_id: UUID) -> Clip | None:
    rows = Clip.objects.existing().unfinished().filter(pk=clip_id)
    if not rows.filter(Q(making_until=None) | Q(making_until__lt=Now())).update(making_until=_lease_end()):
        return None
    return rows.select_related("storage", "session__livestream", "recording__storage").first()


def _renew(clip: Clip) -> None:
    until = _lease_end()
    if not _of_ours(clip).update(making_until=until):
        raise ClipTakenOverError(f"Clip {clip.pk} is another task's, or deleted.")
    clip.making_until = until


def _of_ours(clip: Clip) -> ClipQuerySet:
    return Clip.objects.existing().unfinished().filter(pk=clip.pk, making_until=clip.making_until)


def _lease_end() -> datetime:
    return clock.now() + timedelta(seconds=_LOOK_S + bound_s(PART_SIZE_MIN_BYTES))


@transaction.atomic
def _fail(clip: Clip, *, problem: str) -> None:
    try:
        locked = lock_clip(clip.pk)
    except NotFoundError:
        return
    if locked.status == ClipStatus.MAKING:
        lifecycle.fail(locked, problem=problem)


def _note_problem(clip: Clip, problem: str) -> None:
    rows = Clip.objects.filter(pk=clip.pk, status=ClipStatus.MAKING)
    rows.update(problem=problem[:PROBLEM_MAX_LENGTH], updated_at=clock.now())
