"""Which meetings there are, and their livestreams."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from livehub.core.errors import NotFoundError
from streams.livestreams.models import Livestream, LivestreamQuerySet, Session
from streams.meetings.models import Meeting, MeetingCount, MeetingQuerySet
from streams.meetings.states import MeetingStatus
from streams.organizations.models import App


@dataclass(frozen=True, kw_only=True)
class MeetingFilter:
    """Which meetings; as it comes it keeps them all."""

    # Any part of the title, or an id.
    search: str = ""
    # Empty for any.
    status: str = ""
    created_from: datetime | None = None
    created_until: datetime | None = None

    @property
    def is_by_status_at_most(self) -> bool:
        return not (self.search or self.created_from or self.created_until)


@dataclass(frozen=True)
class FoundMeetings:
    """What a filter keeps, not read yet."""

    rows: MeetingQuerySet
    app: App
    wanted: MeetingFilter

    def count(self) -> int:
        """Return how many there are: the totals of an app's list are kept, since counting them takes longer than it."""
        if not self.wanted.is_by_status_at_most:
            return self.rows.count()
        counts = MeetingCount.objects.filter(app=self.app).values_list("meetings", "inactive_meetings")
        for total, inactive in counts:
            return {"": total, MeetingStatus.INACTIVE: inactive}.get(self.wanted.status, total - inactive)
        return 0


def get_meeting(*, app: App, meeting_id: UUID) -> Meeting:
    """Return a meeting of the app.

    :raises NotFoundError: when it has no such meeting.
    """
    found = list(Meeting.objects.for_app(app).filter(pk=meeting_id)[:1])
    if not found:
        raise NotFoundError(f"No meeting {meeting_id}.")
    # The same app, read already.
    found[0].app = app
    return found[0]


def list_meetings(*, app: App, wanted: MeetingFilter) -> FoundMeetings:
    """Return the app's meetings that the filter keeps, newest first."""
    rows = Meeting.objects.for_app(app)
    if wanted.search:
        rows = rows.matching(wanted.search)
    if wanted.status:
        rows = rows.filter(status=wanted.status)
    if wanted.created_from is not None:
        rows = rows.filter(created_at__gte=wanted.created_from)
    if wanted.created_until is not None:
        rows = rows.filter(created_at__lte=wanted.created_until)
    return FoundMeetings(rows.order_by("-created_at", "-id"), app, wanted)


def find_active_livestream(meeting: Meeting) -> Livestream | None:
    """Return the meeting's livestream that is not stopped, with its present key, or None."""
    rows = Livestream.objects.existing().filter(meeting=meeting, stopped_at=None)
    return next(iter(rows.with_stream_key().select_related("pull_source")[:1]), None)


def get_active_livestream(meeting: Meeting) -> Livestream:
    """Return the meeting's livestream that is not stopped, with its present key.

    :raises NotFoundError: when it has none.
    """
    active = find_active_livestream(meeting)
    if active is None:
        raise NotFoundError(f"No active livestream for meeting {meeting.pk}")
    return active


def list_livestreams_of(meeting: Meeting) -> LivestreamQuerySet:
    """Return the meeting's livestreams with their present keys, newest first: the active one, and those before it."""
    rows = Livestream.objects.existing().filter(meeting=meeting)
    return rows.with_stream_key().order_by("-created_at", "-id")


def list_newest_sessions(livestreams: Sequence[Livestream]) -> list[Session]:
    """Return the newest broadcast of each of these livestreams, if it has any, in their order."""
    sessions = Session.objects.filter(livestream__in=[livestream.pk for livestream in livestreams])
    newest = sessions.with_taken_in().order_by("livestream", "-created_at", "-id").distinct("livestream")
    by_livestream = {session.livestream_id: session for session in newest}
    return [by_livestream[livestream.pk] for livestream in livestreams if livestream.pk in by_livestream]
