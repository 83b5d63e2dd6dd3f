"""Locking and reading recordings and clips again: what a caller holds may be stale.

Behind livestream and session in the order of locks, and before the organization.
"""

from uuid import UUID

from livehub.core.errors import NotFoundError
from streams.recordings.models import Clip, Recording, RecordingQuerySet


def lock_recording(recording_id: UUID) -> Recording:
    """Return the recording as it is now, with app, organization and meeting, locked until the transaction ends.

    :raises NotFoundError: when it is deleted.
    """
    recording = locked_recordings().existing().filter(pk=recording_id).first()
    if recording is None:
        raise NotFoundError(f"No recording {recording_id}.")
    return recording


def lock_clip(clip_id: UUID) -> Clip:
    """Return the clip as it is now, with app and organization, locked until the transaction ends.

    :raises NotFoundError: when it is deleted.
    """
    clips = Clip.objects.existing().select_related("app__organization").select_for_update(of=("self",))
    clip = clips.filter(pk=clip_id).first()
    if clip is None:
        raise NotFoundError(f"No clip {clip_id}.")
    return clip


def locked_recordings() -> RecordingQuerySet:
    return Recording.objects.select_related("app__organization", "meeting").select_for_update(of=("self",))
