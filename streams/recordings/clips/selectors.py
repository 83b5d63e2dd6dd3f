"""Every read of clips, for the API, for the dashboard and for whoever has a link."""

from uuid import UUID

from livehub.core.errors import NotFoundError
from streams.livestreams.models import Livestream
from streams.organizations.models import App, Organization
from streams.recordings.models import Clip, ClipQuerySet, Recording


def list_livestream_clips(livestream: Livestream) -> ClipQuerySet:
    """Return the clips of a livestream's broadcasts and recordings, newest first."""
    return Clip.objects.existing().filter(livestream=livestream).newest_first()


def list_recording_clips(recording: Recording) -> ClipQuerySet:
    """Return the clips that were cut out of a recording, newest first."""
    return Clip.objects.existing().filter(recording=recording).newest_first()


def list_app_clips(app: App) -> ClipQuerySet:
    """Return an app's clips, newest first."""
    return Clip.objects.for_app(app).newest_first()


def list_organization_clips(organization: Organization) -> ClipQuerySet:
    """Return an organization's clips, newest first, with their livestreams."""
    return Clip.objects.for_organization(organization).select_related("livestream").newest_first()


def get_app_clip(*, app: App, clip_id: UUID) -> Clip:
    """Return one of the app's clips.

    :raises NotFoundError: when it has no such clip.
    """
    return _get(Clip.objects.for_app(app), clip_id)


def get_organization_clip(*, organization: Organization, clip_id: UUID) -> Clip:
    """Return one of the organization's clips.

    :raises NotFoundError: when it has no such clip.
    """
    return _get(Clip.objects.for_organization(organization), clip_id)


def get_played_clip(clip_id: UUID) -> Clip:
    """Return a clip for whoever has a link to it.

    :raises NotFoundError: when there is none.
    """
    return _get(Clip.objects.existing().select_related("storage", "livestream"), clip_id)


def _get(rows: ClipQuerySet, clip_id: UUID) -> Clip:
    clip = rows.filter(pk=clip_id).first()
    if clip is None:
        raise NotFoundError(f"No clip {clip_id}.")
    return clip
