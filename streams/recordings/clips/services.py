"""Asking for clips, of broadcasts and of recordings, and deleting them."""

import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from livehub.core import clock, events
from livehub.core.errors import ValidationFailedError
from livehub.core.names import check_name
from streams.livestreams.locks import lock_livestream
from streams.livestreams.models import Livestream
from streams.organizations.services import Actor, record
from streams.recordings import node_jobs, spool
from streams.recordings.clips import lifecycle
from streams.recordings.clips.errors import RecordingNotStoredError, told_to_callers
from streams.recordings.clips.layout import lay_out, scratch_file, write_file
from streams.recordings.clips.materials import of_recording, of_window
from streams.recordings.clips.wishes import Found, Wish, check_length, find_stretch, longest_clip_s
from streams.recordings.events import ClipDeleted
from streams.recordings.locks import lock_clip, lock_recording
from streams.recordings.models import Clip, Recording
from streams.recordings.policies import get_policy, storage_of

_BY_MAX_LENGTH = 255
# Cut by who asks, in each process: ten minutes take seconds of a disk, and others need the web program's threads, too.
_AT_ONCE = 2
_room = threading.BoundedSemaphore(_AT_ONCE)


def clip_livestream(*, livestream: Livestream, wish: Wish, title: str, actor: Actor) -> Clip:
    """Cut a clip out of a broadcast, and return it: it can be played at once where this node has all of it.

    What was broadcast less than a segment ago is waited for, and its clip laid out by the job that makes the file; so
    is one that is asked for while others are cut.

    :raises NotFoundError: when the livestream is deleted.
    :raises ValidationFailedError: when a value cannot be used; says what can.
    :raises NothingToClipError: when nothing is there to be shown.
    :raises FilesUnreadableError: when the broadcast's files cannot be read, or there is no room.
    """
    title = check_name(title, field="title")
    with told_to_callers():
        found = find_stretch(livestream, wish, longest_s=longest_clip_s())
    policy = get_policy(livestream)
    clip = Clip(
        id=uuid.uuid4(),
        app=livestream.app,
        livestream=livestream,
        session=found.session,
        title=title,
        from_ms=found.from_ms,
        until_ms=found.until_ms,
        storage=storage_of(policy),
        node=_node_of(found),
        expires_at=_expiry(settings.RECORDING_RETENTION_S if policy.retention_s is None else policy.retention_s),
    )
    try:
        with told_to_callers(), _turn() as has_room:
            _show(clip, _laid_out(clip, found) if has_room else {})
        with transaction.atomic():
            clip.livestream = lock_livestream(livestream.pk)
            _begin(clip, actor=actor)
    except BaseException:
        # Nobody knows of it.
        spool.clear(clip.pk)
        raise
    return clip


def clip_recording(*, recording: Recording, from_us: int, until_us: int, title: str, actor: Actor) -> Clip:
    """Cut a clip out of a stored recording, between two of its times, and return it: it can be laid out at once.

    Its bytes are fetched by the job that makes the file, but for those that lie in this node's folder.

    :raises NotFoundError: when the recording is deleted.
    :raises ValidationFailedError: when a value cannot be used; says what can.
    :raises RecordingNotStoredError: when the recording has no file yet, or it cannot be read.
    :raises NothingToClipError: when nothing of it can be shown.
    :raises FilesUnreadableError: when there is no room.
    """
    title = check_name(title, field="title")
    duration_us = _duration_of(recording)
    check_length(until_us - from_us, field="end_s", longest_s=longest_clip_s())
    if until_us > duration_us:
        said = [f"The recording lasts {duration_us / 1_000_000:.3f} s."]
        raise ValidationFailedError("The stretch is not there.", fields={"end_s": said})
    clip = Clip(
        id=uuid.uuid4(),
        app=recording.app,
        livestream=recording.livestream,
        session=recording.session,
        recording=recording,
        title=title,
        from_us=from_us,
        until_us=until_us,
        storage=recording.storage,
        node=recording.node,
        expires_at=_expiry(recording.retention_s),
    )
    try:
        with told_to_callers(), _turn() as has_room:
            material = of_recording(recording, start_us=from_us, end_us=until_us)
            layout = lay_out(material)
            _show(clip, layout.facts)
            if has_room and recording.storage is None and recording.node == settings.NODE:
                write_file(clip.pk, layout, material)
        with transaction.atomic():
            clip.recording = lock_recording(recording.pk)
            _begin(clip, actor=actor)
    except BaseException:
        spool.clear(clip.pk)
        raise
    return clip


@transaction.atomic
def delete_clip(*, clip_id: uuid.UUID, actor: Actor) -> Clip:
    """Delete a clip, and its file where it is stored; what it was cut out of stays.

    :raises NotFoundError: when it is deleted.
    """
    clip = lock_clip(clip_id)
    clip.deleted_at = clock.now()
    clip.save(update_fields=["deleted_at", "updated_at"])
    _audit(clip, actor=actor, action="clip.deleted")
    events.publish(ClipDeleted.of(clip, at=clip.deleted_at, actor=actor))
    node_jobs.erase_clip(clip)
    return clip


@contextmanager
def _turn() -> Iterator[bool]:
    """Tell the block whether it may cut now."""
    has_room = _room.acquire(blocking=False)
    try:
        yield has_room
    finally:
        if has_room:
            _room.release()


def _laid_out(clip: Clip, found: Found) -> Mapping[str, object]:
    if found.window is None:
        return {}
    with scratch_file(clip.pk) as scratch:
        material = of_window(found.window, from_ms=found.from_ms, until_ms=found.until_ms, scratch=scratch)
        layout = lay_out(material)
        write_file(clip.pk, layout, material)
    return layout.facts


def _show(clip: Clip, facts: Mapping[str, object]) -> None:
    for name, value in facts.items():
        setattr(clip, name, value)


def _begin(clip: Clip, *, actor: Actor) -> None:
    clip.created_by = str(actor)[:_BY_MAX_LENGTH]
    clip.object_name = f"{clip.app_id.hex}/clips/{clip.pk}.mp4"
    clip.save(force_insert=True)
    _audit(clip, actor=actor, action="clip.created")
    lifecycle.began(clip, actor=actor)
    node_jobs.make_clip(clip)


def _node_of(found: Found) -> str:
    if found.window is not None:
        return settings.NODE
    return found.session.node or next(iter(found.session.file_nodes), settings.NODE)


def _duration_of(recording: Recording) -> int:
    if not recording.is_stored or recording.duration_us is None:
        raise RecordingNotStoredError(
            f"Recording {recording.pk} has no file to cut. Cut its livestream's broadcast, or wait until it is stored."
        )
    return recording.duration_us


def _expiry(retention_s: int) -> datetime | None:
    return clock.now() + timedelta(seconds=retention_s) if retention_s else None


def _audit(clip: Clip, *, actor: Actor, action: str) -> None:
    said = {"livestream": str(clip.livestream_id), "title": clip.title}
    record(organization=clip.app.organization, actor=actor, action=action, target=clip, **said)
