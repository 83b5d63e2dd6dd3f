"""What the dashboard shows of meetings: those of all apps of an organization."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode
from uuid import UUID

from django.core.paginator import Page
from django.db.models import Exists, OuterRef

from livehub.core.errors import NotFoundError
from streams.dashboard.paging import page_of
from streams.livestreams.models import Livestream
from streams.livestreams.selectors import LivestreamScreen, get_screen_of
from streams.meetings.models import (
    Meeting,
    MeetingQuerySet,
    MeetingSession,
    MeetingSessionQuerySet,
    Participant,
    Preset,
    PresetQuerySet,
    SessionParticipant,
)
from streams.meetings.selectors.meetings import find_active_livestream
from streams.organizations.models import Organization
from streams.organizations.selectors import list_app_ids

_SESSIONS_SHOWN = 10
_NAMES_SHOWN = 10


@dataclass(frozen=True)
class MeetingRow:
    """A meeting in a list, how many are in it now, and its livestream if it has one that is not stopped."""

    meeting: Meeting
    people_now: int
    livestream: Livestream | None


@dataclass(frozen=True)
class MeetingList:
    """A page of the meetings that match a search, newest first."""

    search: str
    page: "Page[Meeting]"
    rows: list[MeetingRow]

    @property
    def asked(self) -> str:
        """The beginning of the query string of any of its pages; empty without a search."""
        return f"{urlencode({'q': self.search})}&" if self.search else ""


@dataclass(frozen=True)
class MeetingScreen:
    """One meeting: who can join, a page at a time, and its newest sessions, the first few of `session_count`."""

    meeting: Meeting
    participants: "Page[Participant]"
    sessions: list[MeetingSession]
    session_count: int
    # Of the livestream that is not stopped.
    broadcast: LivestreamScreen | None
    # The one before it, when it has none that is not stopped.
    stopped: Livestream | None = None
    # Some of those who are in it now, in the order in which they came.
    present: Sequence[Participant] = field(default_factory=list)

    @property
    def livestream_id(self) -> str:
        """Which livestream the page is built around, as it tells; empty without one."""
        return self.broadcast.livestream.pk.hex if self.broadcast else ""

    @property
    def live_session(self) -> MeetingSession | None:
        newest = self.sessions[0] if self.sessions else None
        return newest if newest is not None and newest.ended_at is None else None

    @property
    def unnamed_count(self) -> int:
        """How many more are in it than are named."""
        there = 0 if self.live_session is None else self.live_session.live_participants
        return max(0, there - len(self.present))


def get_meeting_list(*, organization: Organization, search: str, page: int) -> MeetingList:
    """Return a page of the organization's meetings; five queries, however many there are."""
    rows = _meetings_of(organization)
    rows = rows.matching(search) if search else rows
    shown = page_of(rows.order_by("-created_at", "-id"), number=page, total=rows.count())
    meetings = list(shown)
    people, livestreams = _people_now(meetings), _active_livestreams(meetings)
    found = [MeetingRow(each, people.get(each.pk, 0), livestreams.get(each.pk)) for each in meetings]
    return MeetingList(search, shown, found)


def get_own_meeting(*, organization: Organization, meeting_id: UUID) -> Meeting:
    """Return a meeting of one of the organization's apps, with the app.

    :raises NotFoundError: when it has no such meeting.
    """
    meeting = Meeting.objects.select_related("app").filter(app__organization=organization, pk=meeting_id).first()
    if meeting is None:
        raise NotFoundError(f"No meeting {meeting_id}.")
    return meeting


def get_meeting_screen(*, organization: Organization, meeting_id: UUID, page: int) -> MeetingScreen:
    """Return what the page of one meeting shows.

    :raises NotFoundError: when the organization has no such meeting.
    """
    meeting = get_own_meeting(organization=organization, meeting_id=meeting_id)
    participants = Participant.objects.of_meeting(meeting).order_by("-created_at", "-id")
    here = SessionParticipant.objects.present().filter(participant=OuterRef("pk"))
    shown = participants.annotate(is_here=Exists(here))
    sessions = list_sessions_of(meeting)
    newest = list(sessions[:_SESSIONS_SHOWN])
    is_live = bool(newest) and newest[0].ended_at is None
    livestream = find_active_livestream(meeting)
    return MeetingScreen(
        meeting=meeting,
        participants=page_of(shown, number=page, total=participants.count()),
        sessions=newest,
        session_count=sessions.count() if len(newest) == _SESSIONS_SHOWN else len(newest),
        broadcast=get_screen_of(livestream) if livestream else None,
        stopped=None if livestream else _find_newest_livestream(meeting),
        present=_find_present(newest[0]) if is_live else [],
    )


def list_sessions_of(meeting: Meeting) -> MeetingSessionQuerySet:
    """Return the meeting's sessions, newest first."""
    return MeetingSession.objects.filter(meeting=meeting).order_by("-created_at", "-id")


def list_own_presets(organization: Organization) -> PresetQuerySet:
    """Return the presets of all the organization's apps, with the apps, newest first."""
    rows = Preset.objects.existing().filter(app_id__in=list_app_ids(organization))
    return rows.select_related("app").order_by("-created_at", "-id")


def get_own_preset(*, organization: Organization, preset_id: UUID) -> Preset:
    """Return a preset of one of the organization's apps, with the app.

    :raises NotFoundError: when it has no such preset.
    """
    rows = Preset.objects.existing().select_related("app")
    preset = rows.filter(app__organization=organization, pk=preset_id).first()
    if preset is None:
        raise NotFoundError(f"No preset {preset_id}.")
    return preset


def _meetings_of(organization: Organization) -> MeetingQuerySet:
    # With their ids PostgreSQL reads the index in order when there is one app, as there mostly is.
    return Meeting.objects.filter(app_id__in=list_app_ids(organization))


def _people_now(meetings: list[Meeting]) -> dict[UUID, int]:
    """Return how many are in each of these meetings in which a session is going on, by the meeting's id."""
    live = MeetingSession.objects.live().filter(meeting__in=[meeting.pk for meeting in meetings])
    return dict(live.values_list("meeting_id", "live_participants"))


def _active_livestreams(meetings: list[Meeting]) -> dict[UUID, Livestream]:
    """Return the livestream of each of these meetings that has one, by the meeting's id."""
    rows = Livestream.objects.existing().filter(meeting__in=[meeting.pk for meeting in meetings], stopped_at=None)
    return {meeting_id: row for row in rows if (meeting_id := row.meeting_id)}


def _find_newest_livestream(meeting: Meeting) -> Livestream | None:
    return Livestream.objects.existing().filter(meeting=meeting).order_by("-created_at", "-id").first()


def _find_present(session: MeetingSession) -> list[Participant]:
    present = session.participants.present().select_related("participant").order_by("joined_at", "id")
    return [each.participant for each in present[:_NAMES_SHOWN]]
