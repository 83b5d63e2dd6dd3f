"""Shaped reads for the dashboard's pages; each starts from the member's organization."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.db.models import Count, F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce

from livehub.core import clock
from livehub.core.errors import NotFoundError
from streams.livestreams.models import (
    Connection,
    Livestream,
    LivestreamCount,
    LivestreamQuerySet,
    Session,
    SessionEvent,
)
from streams.livestreams.selectors import list_sessions
from streams.livestreams.states import EventKind, LivestreamStatus, SessionStatus
from streams.organizations.models import App, Organization

PAGE_SIZE = 25
_SESSIONS_SHOWN = 10
_ON_AIR_SHOWN = 12
_RECENT_SHOWN = 8
_TROUBLE_SHOWN = 6
# "Recently" on the overview. Not "today": the server does not know where its reader's day begins.
RECENT = timedelta(hours=24)


@dataclass(frozen=True)
class LivestreamScreen:
    """One livestream and its broadcasts: newest first, the first few of `session_count`."""

    livestream: Livestream
    sessions: list[Session]
    session_count: int
    # What happened to the newest session, newest first.
    timeline: list[SessionEvent]

    @property
    def latest(self) -> Session | None:
        return self.sessions[0] if self.sessions else None

    @property
    def open_session(self) -> Session | None:
        return self.latest if self.latest is not None and self.latest.is_open else None

    @property
    def failed(self) -> Session | None:
        """The newest session, if it went wrong."""
        return self.latest if self.latest is not None and self.latest.status == SessionStatus.ERRORED else None

    @property
    def since(self) -> datetime | None:
        """When the livestream took the status that it has; None when nobody has ever published."""
        if self.latest is None:
            return None
        if self.latest.status == SessionStatus.LIVE:
            return self.latest.started_at
        return self.latest.stopped_at or self.latest.created_at


@dataclass(frozen=True)
class Trouble:
    """Something that a person should look at: a failed broadcast, or an encoder that was turned away."""

    livestream: Livestream
    at: datetime
    # Empty for a refused encoder: then the livestream holds the reason.
    session: Session | None


@dataclass(frozen=True)
class Overview:
    livestream_count: int
    live_count: int
    connecting_count: int
    # Of the last 24 hours.
    broadcast_count: int
    failed_count: int
    ingest_ms: int
    # Open sessions that viewers can see or soon will, newest first, with their livestreams.
    on_air: list[Session]
    trouble: list[Trouble]
    recent: list[Session]


@dataclass(frozen=True)
class LivestreamQuery:
    """What the list is asked for; `status` may also be "disabled"."""

    search: str = ""
    status: str = ""
    sort: str = ""
    page: int = 1

    @property
    def is_narrowed(self) -> bool:
        return bool(self.search or self.status)


@dataclass(frozen=True)
class LivestreamList:
    query: LivestreamQuery
    rows: list[Livestream]
    page: "Page[Livestream]"

    @property
    def total(self) -> int:
        return self.page.paginator.count


def get_livestream_of(*, organization: Organization, livestream_id: UUID) -> Livestream:
    """Return a livestream of any app of the organization.

    :raises NotFoundError: when it has no such livestream, or it is deleted.
    """
    livestreams = Livestream.objects.select_related("app__organization").for_organization(organization)
    livestream = livestreams.filter(pk=livestream_id).first()
    if livestream is None:
        raise NotFoundError(f"No livestream {livestream_id}.")
    return livestream


def get_livestream_screen(*, organization: Organization, livestream_id: UUID) -> LivestreamScreen:
    """Return what the page of a livestream shows.

    :raises NotFoundError: when the organization has no such livestream.
    """
    livestream = get_livestream_of(organization=organization, livestream_id=livestream_id)
    sessions = list_sessions(livestream).select_related("lease")
    shown = list(sessions[:_SESSIONS_SHOWN])
    count = len(shown) if len(shown) < _SESSIONS_SHOWN else sessions.count()
    return LivestreamScreen(livestream, shown, count, _timeline(shown[0]) if shown else [])


def _timeline(session: Session) -> list[SessionEvent]:
    """Return what a person wants to know of it, newest first: not which worker began a run."""
    return list(SessionEvent.objects.filter(session=session).exclude(kind=EventKind.RUN_STARTED).order_by("-id"))


def list_sessions_page(*, livestream: Livestream, page: int) -> "Page[Session]":
    """Return a page of the livestream's sessions, newest first; a page beyond the last is the last."""
    return Paginator(list_sessions(livestream), PAGE_SIZE).get_page(page)


def get_livestream_list(*, organization: Organization, query: LivestreamQuery) -> LivestreamList:
    """Return a page of the organization's livestreams: three queries, however many there are."""
    # With their ids instead of a join PostgreSQL reads the index in order when there is one app, as there mostly is.
    apps = _app_ids(organization)
    livestreams = _narrowed(Livestream.objects.existing().filter(app_id__in=apps), query=query)
    paginator = Paginator(_sorted(livestreams, sort=query.sort), PAGE_SIZE)
    if not query.is_narrowed:
        # Counting a large list costs more than showing it, and its total is kept. `count` is a cached property.
        vars(paginator)["count"] = _count_existing(apps)
    page = paginator.get_page(query.page)
    return LivestreamList(query, list(page.object_list), page)


def get_overview(organization: Organization) -> Overview:
    """Return the organization at a glance; every count is exact at the moment of asking."""
    livestreams = Livestream.objects.for_organization(organization)
    sessions = Session.objects.for_organization(organization).select_related("livestream").with_connections()
    lately = sessions.filter(created_at__gte=clock.now() - RECENT)
    recent = lately.aggregate(count=Count("id"), failed=Count("id", filter=Q(status=SessionStatus.ERRORED)))
    taken_in = Connection.objects.filter(session__in=lately.values("pk")).aggregate(ms=Coalesce(Sum("media_ms"), 0))
    now = sessions.open().aggregate(
        live=Count("id", filter=Q(status=SessionStatus.LIVE)),
        connecting=Count("id", filter=Q(status=SessionStatus.CONNECTING)),
    )
    return Overview(
        livestream_count=_count_existing(_app_ids(organization)),
        live_count=now["live"],
        connecting_count=now["connecting"],
        broadcast_count=recent["count"],
        failed_count=recent["failed"],
        ingest_ms=taken_in["ms"],
        on_air=list(sessions.open().order_by("-created_at", "-id")[:_ON_AIR_SHOWN]),
        trouble=_find_trouble(livestreams),
        recent=list(sessions.exclude(stopped_at=None).order_by("-created_at", "-id")[:_RECENT_SHOWN]),
    )


def _find_trouble(livestreams: LivestreamQuerySet) -> list[Trouble]:
    """Return failed livestreams and recently refused encoders, newest first."""
    newest = Session.objects.filter(livestream=OuterRef("pk")).order_by("-created_at", "-id").values("pk")[:1]
    failed = livestreams.filter(status=LivestreamStatus.ERRORED, disabled=False).annotate(newest=Subquery(newest))
    sessions = Session.objects.select_related("livestream").filter(pk__in=failed.values("newest"))
    refused = livestreams.filter(last_refused_at__gte=clock.now() - RECENT).order_by("-last_refused_at")
    trouble = [
        Trouble(session.livestream, session.stopped_at or session.created_at, session)
        for session in sessions.order_by("-created_at")[:_TROUBLE_SHOWN]
    ]
    trouble += [Trouble(row, row.last_refused_at, None) for row in refused[:_TROUBLE_SHOWN] if row.last_refused_at]
    return sorted(trouble, key=lambda item: item.at, reverse=True)[:_TROUBLE_SHOWN]


def _narrowed(livestreams: LivestreamQuerySet, *, query: LivestreamQuery) -> LivestreamQuerySet:
    if query.search:
        livestreams = livestreams.matching(query.search)
    if query.status == "disabled":
        return livestreams.filter(disabled=True)
    return livestreams.filter(status=query.status) if query.status else livestreams


def _sorted(livestreams: LivestreamQuerySet, *, sort: str) -> LivestreamQuerySet:
    if sort == "oldest":
        return livestreams.order_by("created_at", "id")
    if sort == "name":
        return livestreams.order_by("name", "id")
    if sort == "last_live":
        return livestreams.order_by(F("last_live_at").desc(nulls_last=True), "-created_at", "-id")
    return livestreams.order_by("-created_at", "-id")


def _app_ids(organization: Organization) -> list[UUID]:
    return list(App.objects.filter(organization=organization).values_list("pk", flat=True))


def _count_existing(app_ids: Collection[UUID]) -> int:
    return sum(LivestreamCount.objects.filter(app__in=app_ids).values_list("total", flat=True))
