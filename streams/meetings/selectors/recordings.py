"""The recordings of meetings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Now

from livehub.api.identifiers import find_uuid
from livehub.core.errors import NotFoundError
from streams.meetings.models import Meeting
from streams.organizations.models import App
from streams.recordings.models import Recording, RecordingQuerySet


@dataclass(frozen=True, kw_only=True)
class RecordingFilter:
    """Which recordings; as it comes it keeps them all."""

    meeting_id: UUID | None = None
    # Any part of a meeting's title, or its id.
    search: str = ""
    statuses: Sequence[str] = ()
    is_expired: bool | None = None
    invoked_from: datetime | None = None
    invoked_until: datetime | None = None


def list_meeting_recordings(*, app: App, wanted: RecordingFilter, is_descending: bool) -> RecordingQuerySet:
    """Return the recordings of the app's meetings that the filter keeps, by when they were asked for."""
    rows = (
        Recording.objects.for_app(app)
        .exclude(meeting=None)
        .select_related("meeting", "storage")
        .prefetch_related("renderings")
    )
    if wanted.meeting_id is not None:
        rows = rows.filter(meeting=wanted.meeting_id)
    if wanted.search:
        search = wanted.search.replace("\x00", "")
        rows = rows.filter(Q(meeting__title__icontains=search) | Q(meeting=find_uuid(search) or UUID(int=0)))
    if wanted.statuses:
        rows = rows.filter(status__in=wanted.statuses)
    if wanted.is_expired is not None:
        expired = Q(expires_at__isnull=False, expires_at__lte=Now())
        rows = rows.filter(expired) if wanted.is_expired else rows.exclude(expired)
    if wanted.invoked_from is not None:
        rows = rows.filter(invoked_at__gte=wanted.invoked_from)
    if wanted.invoked_until is not None:
        rows = rows.filter(invoked_at__lte=wanted.invoked_until)
    return rows.order_by("-invoked_at", "-id") if is_descending else rows.order_by("invoked_at", "id")


def get_active_recording(meeting: Meeting) -> Recording:
    """Return the meeting's recording that is going on, the newest if there are several.

    :raises NotFoundError: when none is.
    """
    active = Recording.objects.existing().active().filter(meeting=meeting).newest_first().first()
    if active is None:
        raise NotFoundError(f"No active recording for meeting {meeting.pk}")
    return active
