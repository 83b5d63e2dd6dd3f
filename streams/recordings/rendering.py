"""Making other files of recordings once these are over: one at a time on a node, at the lowest priority.

What was broadcast is stored and checked by then. Each step is written down once it is done, so whoever is killed
anywhere is followed by somebody who goes on: an unfinished file is made anew, a finished one is sent anew.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Sum

from livehub.core import clock
from livehub.core.errors import NotFoundError, StaleStatusError
from streams.media.errors import MediaError
from streams.media.fmp4 import Fmp4Error
from streams.media.played_file import probe_file
from streams.media.recording.index import TrackKind
from streams.media.rendering import AudioForm, TransientRenderingError, render, render_argv
from streams.recordings import lifecycle, node_jobs, spool
from streams.recordings.lanes import lanes
from streams.recordings.locks import lock_recording
from streams.recordings.models import Recording, Rendering
from streams.recordings.models.recording import PROBLEM_MAX_LENGTH
from streams.recordings.planning import video_form
from streams.recordings.renditions import FileForm
from streams.recordings.states import RecordingStatus, RenderingKind, RenderingStatus
from streams.recordings.stores.base import Receipt, Store, StoreError, Upload, UploadPart, bound_s
from streams.recordings.stores.folder import FolderStore
from streams.recordings.storing import abandon, store_of

logger = logging.getLogger(__name__)

# Who has one in hand says so every few seconds.
_LEASE_S = 90
# At the lowest priority of a machine that is busy with broadcasts. A file of nothing much takes a while as well.
_TIMES_AS_LONG, _LEAST_S = 40, 1800
# A worker that is ended with it each time will be ended with it the next time.
_MOST_TRIES = 5
# What players may make of the last sample's duration, and of sound that begins with its encoder's delay.
_ROUNDING_US = 1_000_000
_PIECE = 8 << 20
_UNREAD = "Its files on this machine cannot be read or kept: the log says more. It is tried again."
# What did not come to its end goes behind the others: for twice as long after each time that was its own.
_AGAIN, _MOMENT = timedelta(minutes=1), timedelta(seconds=10)


class _StorageBusyError(Exception):
    """As many use storages' servers, or the app's, as may at once."""


class RenderingLeftError(StaleStatusError):
    """Its recording has been deleted, or somebody else has it in hand."""


def go_on(recording: Recording) -> None:
    """Call for what is still to be made of a recording, or show it if all is."""
    statuses = set(recording.renderings.values_list("status", flat=True))
    if RenderingStatus.FAILED in statuses or statuses <= {RenderingStatus.STORED}:
        show(recording_id=recording.pk)
    elif recording.renderings.free().exclude(status=RenderingStatus.STORED).exists():
        node_jobs.render(node=recording.node)


@transaction.atomic
def show(*, recording_id: Any) -> None:
    """Show a recording whose files are all made, or one of which cannot be: what was broadcast is kept then."""
    locked = lock_recording(recording_id)
    if not locked.is_rendered:
        return
    made = list(locked.renderings.all())
    failed = next((each for each in made if each.status == RenderingStatus.FAILED), None)
    if failed is not None:
        problem = (
            f"{failed.get_kind_display()} could not be made: {failed.problem} What was broadcast is kept as it was."
        )
        lifecycle.change_status(
            locked,
            new=RecordingStatus.ERRORED,
            reason=problem[:PROBLEM_MAX_LENGTH],
            problem=problem[:PROBLEM_MAX_LENGTH],
            output_file_name=locked.object_name.rpartition("/")[2],
        )
    elif all(each.status == RenderingStatus.STORED for each in made):
        names = {each.kind: each.file_name for each in made}
        lifecycle.change_status(
            locked,
            new=RecordingStatus.UPLOADED,
            reason=locked.problem,
            uploaded_at=clock.now(),
            output_file_name=names.get(RenderingKind.VIDEO, locked.output_file_name),
        )
        node_jobs.make_stills(locked)


def render_next(*, node: str) -> None:
    """Make and store the next file of a node, if nobody makes one there; else send one that is made.

    What goes wrong is told on its row, and the sweep has it tried again.
    """
    made = _claim(node)
    if made is None:
        return
    try:
        _work(made)
    except TransientRenderingError as error:
        if made.tries < _MOST_TRIES:
            logger.warning("rendering is tried again rendering=%s: %s", made.pk, error)
            _put_off(made, problem=str(error), is_a_try=True)
        else:
            _fail(made, problem=str(error))
    except (MediaError, Fmp4Error) as error:
        _fail(made, problem=str(error))
    except _StorageBusyError:
        _put_off(made, problem=made.problem, pause=_MOMENT)
    except StoreError as error:
        _put_off(made, problem=error.reason)
        logger.warning("rendering waits for its store rendering=%s code=%s: %s", made.pk, error.code, error.reason)
    except OSError as error:
        _put_off(made, problem=_UNREAD)
        logger.warning("rendering not made rendering=%s", made.pk, exc_info=error)
    except (StaleStatusError, NotFoundError) as error:
        logger.info("rendering left rendering=%s: %s", made.pk, error)
    finally:
        Rendering.objects.filter(pk=made.pk, working_until=made.working_until).update(working_until=None)


def _work(made: Rendering) -> None:
    recording = made.recording
    store = store_of(recording)
    path = _path(made)
    if made.status == RenderingStatus.STORING and not path.exists():
        # Somebody removed it.
        made.status, made.tries = RenderingStatus.WAITING, made.tries + 1
    if made.status != RenderingStatus.STORING:
        _make(made, store, path)
        made.status = RenderingStatus.STORING
        Rendering.objects.filter(pk=made.pk).update(
            status=made.status, size=path.stat().st_size, problem="", updated_at=clock.now()
        )
    with _lane(made):
        _send(made, store, path)
    Rendering.objects.filter(pk=made.pk).update(status=RenderingStatus.STORED, problem="", updated_at=clock.now())
    path.unlink(missing_ok=True)
    if not recording.renderings.exclude(status=RenderingStatus.STORED).exists():
        spool.clear(recording.pk)
    show(recording_id=recording.pk)
    node_jobs.render(node=made.node)


def _claim(node: str) -> Rendering | None:
    """Return a rendering that is this task's now: an abandoned one, the oldest that waits, or one to be sent."""
    free = Rendering.objects.free().filter(node=node, recording__deleted_at=None).order_by("created_at", "id")
    for status in (RenderingStatus.RENDERING, RenderingStatus.WAITING, RenderingStatus.STORING):
        for found in free.filter(status=status)[:1]:
            if _take(found):
                rows = Rendering.objects.select_related("recording__app__organization", "recording__storage")
                return rows.get(pk=found.pk)
    return None


def _take(found: Rendering) -> bool:
    until = clock.now() + timedelta(seconds=_LEASE_S)
    changes: dict[str, Any] = {"working_until": until, "updated_at": clock.now()}
    if found.status != RenderingStatus.STORING:
        changes |= {"status": RenderingStatus.RENDERING, "tries": F("tries") + 1}
    try:
        with transaction.atomic():
            return bool(Rendering.objects.free().filter(pk=found.pk, status=found.status).update(**changes))
    except IntegrityError:
        return False  # Another one is being made on this node.


def _renew(made: Rendering, *, seconds: float = _LEASE_S) -> None:
    until = clock.now() + timedelta(seconds=seconds)
    mine = Rendering.objects.filter(pk=made.pk, working_until=made.working_until, recording__deleted_at=None)
    if not mine.update(working_until=until):
        raise RenderingLeftError(f"Rendering {made.pk} is nobody's, or another task's.")
    made.working_until = until


def _keep_on(made: Rendering) -> None:
    spool.check_room()
    _renew(made)


def _make(made: Rendering, store: Store, path: Path) -> None:
    """Make the file; whoever did that before was ended meanwhile.

    :raises MediaError: when it cannot be made.
    :raises OSError: when there is no room for it.
    """
    if made.tries > _MOST_TRIES:
        raise MediaError(f"It was begun {_MOST_TRIES} times, and never came to its end.")
    spool.check_room()
    recording, wanted = made.recording, FileForm.read(made.recording.rendition or {})
    folder = spool.made_folder(recording.pk)
    duration_us = recording.duration_us or 0
    sound = AudioForm(codec=wanted.sound_codec, channels=wanted.channels, copies=wanted.copies_sound)
    with _source(made, store, folder) as source:
        video = None if made.kind == RenderingKind.AUDIO else video_form(recording, wanted, folder)
        argv = render_argv(source, path, video=video, audio=sound)
        longest_s = _LEAST_S + _TIMES_AS_LONG * duration_us / 1_000_000
        render(argv, label=f"rendering {made.pk}", longest_s=longest_s, keep_on=lambda: _keep_on(made))
    _renew(made)
    length_us, least_us = probe_file(path).duration_us, _least_us(made)
    if not least_us - _ROUNDING_US <= length_us <= duration_us + _ROUNDING_US:
        raise MediaError(f"It came to {length_us / 1e6:.1f} s; {duration_us / 1e6:.1f} s were broadcast.")


def _least_us(made: Rendering) -> int:
    """Return how long the file has to be: of the sound as long as that was, since it may end before the pictures."""
    recording = made.recording
    if made.kind == RenderingKind.VIDEO:
        return recording.duration_us or 0
    sound = recording.segments.filter(slot__startswith=TrackKind.AUDIO, left_out="")
    return sound.aggregate(total_us=Sum("duration_us"))["total_us"] or 0


@contextmanager
def _source(made: Rendering, store: Store, folder: Path) -> Iterator[Path]:
    """Yield a file of what was broadcast: the stored object itself, or a copy of it."""
    recording = made.recording
    if isinstance(store, FolderStore):
        yield store.path(recording.object_name)
        return
    path = folder / f"{made.kind}.source.mp4"
    try:
        with _lane(made), path.open("wb") as copy:
            for offset in range(0, recording.size or 0, _PIECE):
                spool.check_room()
                _renew(made, seconds=_LEASE_S + bound_s(_PIECE))
                copy.write(store.read(recording.object_name, offset=offset, length=_PIECE))
        yield path
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def _lane(made: Rendering) -> Iterator[None]:
    """Use its storage in the block, as one of few.

    :raises _StorageBusyError: when it may not be used now.
    """
    recording = made.recording
    with lanes.lane(app_id=recording.app_id, storage_id=recording.storage_id) as is_free:
        if not is_free:
            raise _StorageBusyError
        yield


def _send(made: Rendering, store: Store, path: Path) -> None:
    """Store the file, from its beginning: what somebody sent of it before is given up.

    :raises StoreError: when the store does not take it.
    """
    size, part_size = path.stat().st_size, made.recording.part_size
    if made.upload_token:
        if (stored := store.stat(made.object_name)) is not None and stored.size == size:
            return  # It was finished, and whoever did that was ended before it was written down.
        abandon(store, Upload(made.object_name, made.upload_token, part_size))
    _renew(made, seconds=_LEASE_S + bound_s())
    made.upload_token = store.begin(made.object_name, content_type=made.content_type)
    made.save(update_fields=["upload_token_encrypted", "updated_at"])
    upload = Upload(made.object_name, made.upload_token, part_size)
    receipts: list[Receipt] = []
    with path.open("rb") as file:
        for offset in range(0, size, part_size):
            _renew(made, seconds=_LEASE_S + bound_s(part_size))
            content = file.read(part_size)
            part = UploadPart(len(receipts) + 1, offset, len(content), is_last=offset + len(content) == size)
            receipts.append(store.append(upload, part, content))
    store.finish(upload, receipts)
    if not Recording.objects.existing().filter(pk=made.recording_id).exists():
        # Whoever erased it may have come before.
        store.delete(made.object_name)


def _path(made: Rendering) -> Path:
    return spool.made_folder(made.recording_id) / f"made-{made.kind}{Path(made.file_name).suffix}"


def _fail(made: Rendering, *, problem: str) -> None:
    logger.warning("rendering failed rendering=%s: %s", made.pk, problem)
    mine = Rendering.objects.filter(pk=made.pk, working_until=made.working_until)
    if mine.update(status=RenderingStatus.FAILED, problem=problem[:PROBLEM_MAX_LENGTH], updated_at=clock.now()):
        spool.clear(made.recording_id)
        show(recording_id=made.recording_id)
        node_jobs.render(node=made.node)


def _put_off(made: Rendering, *, problem: str, pause: timedelta = _AGAIN, is_a_try: bool = False) -> None:
    """Have it tried again later, and others meanwhile; one that is still to be made leaves no files."""
    changes: dict[str, Any] = {"problem": problem[:PROBLEM_MAX_LENGTH], "updated_at": clock.now()}
    if made.status != RenderingStatus.STORING:
        _path(made).unlink(missing_ok=True)
        tries = made.tries if is_a_try else made.tries - 1
        pause = pause * 2**tries if is_a_try else pause
        changes |= {"status": RenderingStatus.WAITING, "tries": max(0, tries)}
    changes["working_until"] = clock.now() + pause
    Rendering.objects.filter(pk=made.pk, working_until=made.working_until).update(**changes)
