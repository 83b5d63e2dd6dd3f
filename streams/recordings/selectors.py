"""Every read of recordings, for the API and for the dashboard."""

from uuid import UUID

from django.db.models import Sum

from livehub.core.errors import NotFoundError
from streams.livestreams.models import Livestream
from streams.media.recording.stored import picture_size, read_init
from streams.organizations.models import App, Organization
from streams.recordings.models import Recording, RecordingQuerySet
from streams.recordings.states import RecordingOrigin, RecordingStatus


def list_livestream_recordings(livestream: Livestream) -> RecordingQuerySet:
    """Return the livestream's recordings, newest first."""
    rows = Recording.objects.existing().filter(livestream=livestream)
    return rows.select_related("livestream", "meeting", "storage").prefetch_related("renderings").newest_first()


def get_livestream_recording(*, livestream: Livestream, recording_id: UUID) -> Recording:
    """Return one of the livestream's recordings.

    :raises NotFoundError: when it has no such recording.
    """
    return _get(list_livestream_recordings(livestream), recording_id)


def get_livestream_recording_between(*, livestream: Livestream, ids: tuple[UUID, UUID], called: str) -> Recording:
    """Return the livestream's recording that a shortened id means; `called` is how it is spelt.

    :raises NotFoundError: when it has no such recording.
    """
    recording = list_livestream_recordings(livestream).filter(pk__gte=ids[0], pk__lte=ids[1]).first()
    if recording is None:
        raise NotFoundError(f"No recording {called}.")
    return recording


def list_stored_recordings(app: App) -> RecordingQuerySet:
    """Return an app's recordings that can be fetched, newest first."""
    stored = Recording.objects.for_app(app).filter(status=RecordingStatus.UPLOADED)
    return stored.select_related("livestream", "storage").prefetch_related("renderings").newest_first()


def get_app_recording_between(*, app: App, ids: tuple[UUID, UUID], called: str) -> Recording:
    """Return the app's recording that a shortened id means; `called` is how it is spelt.

    :raises NotFoundError: when it has no such recording.
    """
    rows = Recording.objects.for_app(app).select_related("livestream", "storage")
    recording = rows.filter(pk__gte=ids[0], pk__lte=ids[1]).first()
    if recording is None:
        raise NotFoundError(f"No video {called}.")
    return recording


def list_organization_recordings(organization: Organization) -> RecordingQuerySet:
    """Return an organization's recordings, newest first, with their livestreams."""
    return Recording.objects.for_organization(organization).select_related("livestream", "meeting").newest_first()


def get_organization_recording(*, organization: Organization, recording_id: UUID) -> Recording:
    """Return one of the organization's recordings, with its livestream.

    :raises NotFoundError: when it has no such recording.
    """
    rows = Recording.objects.for_organization(organization).select_related("livestream", "meeting", "storage")
    return _get(rows, recording_id)


def stored_bytes(recording: Recording) -> int:
    """Return how many bytes of it the store has confirmed."""
    total = recording.parts.aggregate(bytes=Sum("size"))["bytes"]
    return total or 0


def taken_us(recording: Recording) -> int:
    """Return how much of the broadcast is in it so far: pauses and what else was left out do not count."""
    taken = recording.segments.filter(left_out="").values_list("slot").annotate(total_us=Sum("duration_us"))
    return max((total_us for _, total_us in taken), default=0)


def picture_sizes(recording: Recording) -> list[tuple[int, int]]:
    """Return how large the pictures were that were broadcast, width and height in pixels, in order of their coming."""
    contents = recording.inits.filter(slot__startswith="v").order_by("offset").values_list("content", flat=True)
    return [picture_size(read_init(bytes(content))) for content in contents]


def get_app_recording(*, app: App, recording_id: UUID) -> Recording:
    """Return one of the app's recordings.

    :raises NotFoundError: when it has no such recording.
    """
    return _get(Recording.objects.for_app(app).select_related("livestream", "meeting", "storage"), recording_id)


def get_stored_recording(recording_id: UUID) -> Recording:
    """Return a recording that can be handed out, for whoever has a link to it.

    :raises NotFoundError: when there is none, or it is not stored.
    """
    found = _get(Recording.objects.existing().select_related("livestream", "storage"), recording_id)
    if not found.has_file:
        raise NotFoundError(f"Recording {recording_id} is not stored.")
    return found


def get_played_recording(*, playback_id: str, recording_id: UUID) -> Recording:
    """Return a stored recording for whoever may watch its livestream.

    :raises NotFoundError: when that livestream, which exists, has no such recording.
    """
    return _get(_played(playback_id), recording_id)


def get_newest_played(playback_id: str) -> Recording:
    """Return the newest stored recording of a livestream's broadcasts, for whoever may watch it.

    Those of a part of one, that somebody asked for beside it, are not meant.

    :raises NotFoundError: when there is none.
    """
    whole = _played(playback_id).filter(is_further=False).exclude(origin=RecordingOrigin.WINDOW)
    recording = whole.newest_first().first()
    if recording is None:
        raise NotFoundError(f"Nothing is recorded of {playback_id}.")
    return recording


def _played(playback_id: str) -> RecordingQuerySet:
    stored = Recording.objects.existing().filter(status=RecordingStatus.UPLOADED)
    of_livestream = stored.filter(livestream__playback_id=playback_id, livestream__deleted_at=None)
    return of_livestream.select_related("livestream", "storage")


def _get(rows: RecordingQuerySet, recording_id: UUID) -> Recording:
    recording = rows.filter(pk=recording_id).first()
    if recording is None:
        raise NotFoundError(f"No recording {recording_id}.")
    return recording
