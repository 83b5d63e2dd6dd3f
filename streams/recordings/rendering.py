"""Making other files of recordings once these are over: one at a time on a node, at the lowest priority.

What was broadcast is stored and checked by then. Each step is written down once it is done, so whoever is killed
anywhere is followed by somebody who goes on: an unfinished file is made anew, a finished one is sent anew.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from livehub.core import clock
from livehub.core.errors import NotFoundError, StaleStatusError
from streams.media.errors import MediaError
from streams.media.fmp4 import Fmp4Error
from streams.media.played_file import probe_file
from streams.media.recording.stored import picture_size, read_init
from streams.media.rendering import AudioForm, Overlay, PictureError, VideoForm, render, render_argv
from streams.recordings import lifecycle, node_jobs, spool
from streams.recordings.locks import lock_recording
from streams.recordings.models import Recording, Rendering
from streams.recordings.models.recording import PROBLEM_MAX_LENGTH
from streams.recordings.renditions import FileForm
from streams.recordings.states import RecordingStatus, RenderingKind, RenderingStatus
from streams.recordings.stores.base import Receipt, Store, StoreError, Upload, UploadPart, bound_s
from streams.recordings.stores.folder import FolderStore
from streams.recordings.stores.line import Line
from streams.recordings.storing import abandon, store_of

logger = logging.getLogger(__name__)

_CONTENT_TYPES = {
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".m4a": "audio/mp4",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
}
# A picture to be laid over: as many bytes as it may have, and how long its server may take.
_PICTURE_BYTES = 5 << 20
_PICTURE_S = 20.0
_HTTP_OK = 200
# Who has one in hand says so every few seconds.
_LEASE_S = 90
# At the lowest priority of a machine that is busy with broadcasts. A file of nothing much takes a while as well.
_TIMES_AS_LONG, _LEAST_S = 40, 1800
# A worker that is ended with it each time will be ended with it the next time.
_MOST_TRIES = 5
# What players may make of the last sample's duration, and of sound that begins with its encoder's delay.
_ROUNDING_US = 1_000_000
_PIECE = 8 << 20
_UNREAD = "Its files on this machine cannot be read or kept: the log says more."
# A broadcast without pictures has no other.
_NO_SIZE = (1280, 720)


class RenderingLeftError(StaleStatusError):
    """Its recording has been deleted, or somebody else has it in hand."""


def plan_renderings(recording: Recording) -> bool:
    """Have made of a locked recording what was asked for; tell whether anything is to be."""
    if recording.rendition is None:
        return False
    wanted = FileForm.read(recording.rendition)
    stem = recording.output_file_name.removesuffix(wanted.suffix)
    folder = recording.object_name.removesuffix(recording.object_name.rpartition("/")[2])
    is_met = wanted.copies_pictures(_sizes(recording)) and wanted.copies_sound
    own = f"{folder}{recording.output_file_name}"
    names = dict[RenderingKind, str]()
    if wanted.has_video_file and recording.object_name != own:
        names[RenderingKind.VIDEO] = own
    elif wanted.has_video_file and not is_met:
        # Another encoder came that nobody could know of; what was broadcast has the name.
        names[RenderingKind.VIDEO] = f"{folder}{stem}.rendered{wanted.suffix}"
    if wanted.has_sound_file:
        names[RenderingKind.AUDIO] = f"{folder}{stem}{wanted.sound_suffix}"
    Rendering.objects.bulk_create(
        Rendering(
            recording=recording,
            kind=kind,
            node=recording.node,
            file_name=name.removeprefix(folder),
            object_name=name,
            content_type=_CONTENT_TYPES[Path(name).suffix],
        )
        for kind, name in names.items()
    )
    return bool(names)


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
    except (MediaError, Fmp4Error) as error:
        _fail(made, problem=str(error))
    except StoreError as error:
        _note(made, problem=error.reason)
        logger.warning("rendering waits for its store rendering=%s code=%s: %s", made.pk, error.code, error.reason)
    except OSError as error:
        _note(made, problem=_UNREAD)
        logger.warning("rendering not made rendering=%s", made.pk, exc_info=error)
    except (StaleStatusError, NotFoundError) as error:
        logger.info("rendering left rendering=%s: %s", made.pk, error)
    finally:
        Rendering.objects.filter(pk=made.pk, working_until=made.working_until).update(working_until=None)


def _work(made: Rendering) -> None:
    recording = made.recording
    store = store_of(recording)
    path = _path(made)
    if made.status != RenderingStatus.STORING or not path.exists():
        _make(made, store, path)
        Rendering.objects.filter(pk=made.pk).update(
            status=RenderingStatus.STORING, size=path.stat().st_size, problem="", updated_at=clock.now()
        )
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


def _make(made: Rendering, store: Store, path: Path) -> None:
    """Make the file; whoever did that before was ended meanwhile.

    :raises MediaError: when it cannot be made.
    """
    if made.tries > _MOST_TRIES:
        raise MediaError(f"It was begun {_MOST_TRIES} times, and never came to its end.")
    recording, wanted = made.recording, FileForm.read(made.recording.rendition or {})
    folder = spool.made_folder(recording.pk)
    duration_us = recording.duration_us or 0
    sound = AudioForm(codec=wanted.sound_codec, channels=wanted.channels, copies=wanted.copies_sound)
    with _source(made, store, folder) as source:
        video = None if made.kind == RenderingKind.AUDIO else _video_form(recording, wanted, folder)
        argv = render_argv(source, path, video=video, audio=sound)
        longest_s = _LEAST_S + _TIMES_AS_LONG * duration_us / 1_000_000
        render(argv, label=f"rendering {made.pk}", longest_s=longest_s, keep_on=lambda: _renew(made))
    _renew(made)
    length_us = probe_file(path).duration_us
    if abs(length_us - duration_us) > _ROUNDING_US:
        raise MediaError(f"It came to {length_us / 1e6:.1f} s; {duration_us / 1e6:.1f} s were broadcast.")


def _video_form(recording: Recording, wanted: FileForm, folder: Path) -> VideoForm:
    sizes = _sizes(recording)
    width, height = wanted.size_of(sizes[0] if sizes else _NO_SIZE)
    overlay = None
    if wanted.watermark_url:
        overlay = Overlay(
            path=_fetched(wanted.watermark_url, folder),
            position=wanted.watermark_position,
            width=wanted.watermark_width,
            height=wanted.watermark_height,
        )
    copies = wanted.copies_pictures(sizes)
    return VideoForm(codec=wanted.codec, width=width, height=height, overlay=overlay, copies=copies)


def _fetched(url: str, folder: Path) -> Path:
    """Return a file of the picture at an address.

    :raises PictureError: when it cannot be had.
    """
    allowed = tuple(ip_network(text) for text in settings.OUTGOING_ALLOWED_NETWORKS)
    try:
        with Line(allowed=allowed, seconds=_PICTURE_S) as line:
            answer = line.request("GET", url, headers={"Accept": "image/*"}, answer_bytes=_PICTURE_BYTES)
    except StoreError as error:
        raise PictureError(f"The watermark cannot be fetched: {error.reason}") from error
    if answer.status != _HTTP_OK:
        raise PictureError(f"The watermark cannot be fetched: its server answers {answer.status}.")
    path = folder / "watermark"
    path.write_bytes(answer.content)
    return path


def _sizes(recording: Recording) -> list[tuple[int, int]]:
    """Return how large the pictures were that were broadcast, in order of their coming."""
    contents = recording.inits.filter(slot__startswith="v").order_by("offset").values_list("content", flat=True)
    return [picture_size(read_init(bytes(content))) for content in contents]


@contextmanager
def _source(made: Rendering, store: Store, folder: Path) -> Iterator[Path]:
    """Yield a file of what was broadcast: the stored object itself, or a copy of it."""
    recording = made.recording
    if isinstance(store, FolderStore):
        yield store.path(recording.object_name)
        return
    path = folder / f"{made.kind}.source.mp4"
    with path.open("wb") as copy:
        for offset in range(0, recording.size or 0, _PIECE):
            _renew(made, seconds=_LEASE_S + bound_s(_PIECE))
            copy.write(store.read(recording.object_name, offset=offset, length=_PIECE))
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


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


def _note(made: Rendering, *, problem: str) -> None:
    rows = Rendering.objects.filter(pk=made.pk, working_until=made.working_until)
    rows.update(problem=problem[:PROBLEM_MAX_LENGTH], updated_at=clock.now())
