"""An organization at a glance."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce

from livehub.core import clock
from streams.dashboard.concerns import Concern, find_concerns
from streams.livestreams.advice import advise_about_load
from streams.livestreams.models import (
    Connection,
    Livestream,
    LivestreamQuerySet,
    Session,
    SessionQuerySet,
    UnknownKeyTries,
)
from streams.livestreams.selectors.disks import list_disk_concerns
from streams.livestreams.selectors.livestreams import count_livestreams, livestreams_of
from streams.livestreams.selectors.refusals import list_unknown_key_tries
from streams.livestreams.states import EVENT_STATES, REFUSED, EventKind, LivestreamStatus, SessionStatus, Shown
from streams.livestreams.watching import SessionViewers, viewers_of
from streams.organizations.models import Member

_ON_AIR_SHOWN = 12
_RECENT_SHOWN = 8
_TROUBLE_SHOWN = 6
# "Recently" on the overview. Not "today": the server does not know where its reader's day begins.
_RECENT = timedelta(hours=24)
_ENCODER_AWAY = "The encoder dropped. If it does not come back in time, the broadcast ends."


@dataclass(frozen=True)
class Trouble:
    """Something that a person should look at: a broadcast that failed or is worse than it should be, or an encoder that
    was turned away."""

    livestream: Livestream
    at: datetime
    # None for a refused encoder: then the livestream holds the reason.
    session: Session | None

    @property
    def shown(self) -> Shown:
        if self.session is None:
            return REFUSED
        return EVENT_STATES[EventKind.OVERLOADED] if self.is_lowered else self.session.shown

    @property
    def is_lowered(self) -> bool:
        """It is on air with its encoder, and viewers get less than they should."""
        return self.session is not None and self.session.is_open and not self.session.awaits_encoder

    @property
    def until(self) -> datetime | None:
        """Until when it can still be mended; None where nothing ends by itself."""
        return self.session.reconnect_until if self.session else None

    @property
    def reason(self) -> str:
        if self.session is None:
            return self.livestream.last_refusal
        if self.is_lowered:
            return advise_about_load(self.session)
        return _ENCODER_AWAY if self.session.is_open else self.session.why_it_ended


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
    # What is not about livestreams.
    concerns: list[Concern]
    recent: list[Session]
    # Of all that are open, by their ids.
    viewers: dict[UUID, SessionViewers]
    # Whose keys they were meant to be nobody knows, so only owners and staff are told; empty for all others.
    unknown_keys: list[UnknownKeyTries]

    @property
    def watching(self) -> int | None:
        """How many watch all that is open, shown here or not; None while nobody knows."""
        counts = [viewers.now for viewers in self.viewers.values()]
        return None if None in counts else sum(count or 0 for count in counts)

    @property
    def on_air_unshown(self) -> int:
        """How many more than `on_air` are on air."""
        return max(0, self.live_count + self.connecting_count - len(self.on_air))


def get_overview(member: Member) -> Overview:
    """Return the member's organization at a glance; every count is exact at the moment of asking."""
    organization = member.organization
    livestreams = livestreams_of(organization)
    sessions = Session.objects.for_organization(organization).select_related("livestream").with_connections()
    lately = sessions.filter(created_at__gte=clock.now() - _RECENT)
    recent = lately.aggregate(count=Count("id"), failed=Count("id", filter=Q(status=SessionStatus.ERRORED)))
    taken_in = Connection.objects.filter(session__in=lately.values("pk")).aggregate(ms=Coalesce(Sum("media_ms"), 0))
    open_ones = dict(Session.objects.for_organization(organization).open().values_list("pk", "status"))
    now = Counter(open_ones.values())
    on_air = list(sessions.open().with_newest_event().newest_first()[:_ON_AIR_SHOWN])
    return Overview(
        livestream_count=count_livestreams(organization),
        # One whose encoder is away for a moment is live to its viewers.
        live_count=now[SessionStatus.LIVE] + now[SessionStatus.RECONNECTING],
        connecting_count=now[SessionStatus.CONNECTING] + now[SessionStatus.STANDBY],
        broadcast_count=recent["count"],
        failed_count=recent["failed"],
        ingest_ms=taken_in["ms"],
        on_air=on_air,
        viewers=viewers_of(open_ones),
        trouble=_find_trouble(livestreams, sessions),
        concerns=[*(list_disk_concerns() if member.can_see_system else []), *find_concerns(organization)],
        recent=list(sessions.over().newest_first()[:_RECENT_SHOWN]),
        unknown_keys=list_unknown_key_tries() if member.can_see_system else [],
    )


def _find_trouble(livestreams: LivestreamQuerySet, sessions: SessionQuerySet) -> list[Trouble]:
    """Return what goes on and is not as it should be, then failed livestreams and refused encoders, newest first."""
    worse = sessions.open().filter(Q(status=SessionStatus.RECONNECTING) | ~Q(left_out=[]))
    # Who is waited for ends first: nulls are last.
    now = [
        Trouble(session.livestream, session.left_out_since or session.created_at, session)
        for session in worse.order_by("reconnect_until", "-created_at")[:_TROUBLE_SHOWN]
    ]
    newest = Session.objects.filter(livestream=OuterRef("pk")).newest_first().values("pk")[:1]
    failed = livestreams.filter(status=LivestreamStatus.ERRORED, disabled=False).annotate(newest=Subquery(newest))
    over = Session.objects.select_related("livestream").filter(pk__in=failed.values("newest"))
    refused = livestreams.filter(last_refused_at__gte=clock.now() - _RECENT).order_by("-last_refused_at")
    trouble = [
        Trouble(session.livestream, session.stopped_at or session.created_at, session)
        for session in over.newest_first()[:_TROUBLE_SHOWN]
    ]
    trouble += [Trouble(row, row.last_refused_at, None) for row in refused[:_TROUBLE_SHOWN] if row.last_refused_at]
    return [*now, *sorted(trouble, key=lambda item: item.at, reverse=True)][:_TROUBLE_SHOWN]
