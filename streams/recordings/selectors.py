"""Every read of recordings, for the API and for the dashboard."""

from uuid import UUID

from livehub.core.errors import NotFoundError
from streams.livestreams.models import Livestream
from streams.organizations.models import App, Organization
from streams.recordings.models import Recording, RecordingQuerySet


def list_livestream_recordings(livestream: Livestream) -> RecordingQuerySet:
    """Return the livestream's recordings, newest first."""
    return Recording.objects.existing().filter(livestream=livestream).newest_first()


def get_livestream_recording(*, livestream: Livestream, recording_id: UUID) -> Recording:
    """Return one of the livestream's recordings.

    :raises NotFoundError: when it has no such recording.
    """
    return _get(list_livestream_recordings(livestream), recording_id)


def list_organization_recordings(organization: Organization) -> RecordingQuerySet:
    """Return an organization's recordings, newest first, with their livestreams."""
    return Recording.objects.for_organization(organization).select_related("livestream").newest_first()


def get_organization_recording(*, organization: Organization, recording_id: UUID) -> Recording:
    """Return one of the organization's recordings, with its livestream.

    :raises NotFoundError: when it has no such recording.
    """
    return _get(Recording.objects.for_organization(organization).select_related("livestream"), recording_id)


def list_app_recordings(app: App) -> RecordingQuerySet:
    """Return an app's recordings, newest first."""
    return Recording.objects.for_app(app).newest_first()


def get_app_recording(*, app: App, recording_id: UUID) -> Recording:
    """Return one of the app's recordings.

    :raises NotFoundError: when it has no such recording.
    """
    return _get(Recording.objects.for_app(app), recording_id)


def get_stored_recording(recording_id: UUID) -> Recording:
    """Return a recording that can be handed out, for whoever has a link to it.

    :raises NotFoundError: when there is none, or it is not stored.
    """
    found = _get(Recording.objects.existing(), recording_id)
    if not found.is_stored:
        raise NotFoundError(f"Recording {recording_id} is not stored.")
    return found


def _get(rows: RecordingQuerySet, recording_id: UUID) -> Recording:
    recording = rows.filter(pk=recording_id).first()
    if recording is None:
        raise NotFoundError(f"No recording {recording_id}.")
    return recording
