"""What the page of one livestream shows."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from livehub.core.errors import NotFoundError
from streams.livestreams.advice import advise
from streams.livestreams.models import (
    IngestFinding,
    Livestream,
    Output,
    PullSource,
    Session,
    SessionEvent,
    SlatePicture,
)
from streams.livestreams.selectors.disks import is_any_disk_full
from streams.livestreams.selectors.health import HealthScreen, list_findings, list_past_findings
from streams.livestreams.selectors.livestreams import get_livestream
from streams.livestreams.selectors.loads import why_it_waits
from streams.livestreams.selectors.outputs import list_outputs
from streams.livestreams.selectors.sessions import list_sessions
from streams.livestreams.selectors.slate_pictures import find_slate_picture
from streams.livestreams.selectors.test_pictures import PictureState, find_test_picture
from streams.livestreams.states import FAULTS, SessionStatus, Shown
from streams.livestreams.watching import SessionViewers, viewers_of
from streams.organizations.models import Organization

_SESSIONS_SHOWN = 10
# Pages render them every two seconds, and an encoder that changes its mind each minute makes thousands a day.
_EVENTS_SHOWN = 100


@dataclass(frozen=True)
class Timeline:
    """What happened to a session lately, newest first; `is_whole` when that is all."""

    events: list[SessionEvent]
    is_whole: bool = True


@dataclass(frozen=True)
class SessionScreen:
    """One broadcast, whole."""

    session: Session
    timeline: Timeline
    # What was wrong with what its encoder sent, mended or not, in the order in which it was found.
    findings: list[IngestFinding] = field(default_factory=list)


@dataclass(frozen=True)
class LivestreamScreen:
    """One livestream and its broadcasts: newest first, the first few of `session_count`."""

    livestream: Livestream
    sessions: list[Session]
    session_count: int
    # Of the newest session.
    timeline: Timeline
    # How far our own encoder is; None when it is not on.
    test_picture: PictureState | None
    outputs: list[Output]
    # Files of ended broadcasts are going before their time.
    is_disk_full: bool = False
    # Why no worker has begun with the newest session yet; empty for one that does not wait.
    waits: str = ""
    # Its own; None where it has none, or none is shown.
    slate_picture: SlatePicture | None = None
    # Of the newest session; None where there is none.
    viewers: SessionViewers | None = None
    # Of the newest session, or of none.
    health: HealthScreen = field(default_factory=lambda: HealthScreen(None))

    @property
    def pull(self) -> PullSource | None:
        """Where it is fetched from, None where an encoder publishes."""
        return PullSource.of(self.livestream)

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
    def is_refusal_newest(self) -> bool:
        """Encoders were refused after the newest session had ended: that is what there is to mend then."""
        refused_at, latest = self.livestream.last_refused_at, self.latest
        if not self.livestream.refused_publishes or refused_at is None or latest is None:
            return False
        return latest.stopped_at is not None and latest.stopped_at < refused_at

    @property
    def interruption(self) -> SessionEvent | None:
        """Why viewers of the broadcast that is going on get nothing at this moment; it ends with the next media."""
        # While the encoder is away there is nothing that could be interrupted.
        if self.open_session is None or self.open_session.status == SessionStatus.RECONNECTING:
            return None
        newest = next((event for event in self.timeline.events if event.kind not in FAULTS), None)
        return newest if newest is not None and newest.is_interruption else None

    @property
    def is_playable(self) -> bool:
        """Viewers can play it: of one on standby, as soon as the slate is there."""
        return self.open_session is not None and self.open_session.is_playable

    @property
    def can_start_with_slate(self) -> bool:
        """Viewers could see the slate before an encoder comes."""
        livestream = self.livestream
        is_closed = livestream.disabled or livestream.stopped_at is not None
        return self.open_session is None and livestream.shows_slate and not is_closed

    @property
    def is_held(self) -> bool:
        """Encoders are turned away since an end, and nothing else keeps them away."""
        return self.livestream.is_held and self.open_session is None and not self.livestream.disabled

    @property
    def has_pulse(self) -> bool:
        """Something on it changes without anybody telling of it: what comes of the encoder, or the end of a hold."""
        return self.open_session is not None or self.is_held

    @property
    def shown(self) -> Shown:
        """What the livestream shows, an interruption included."""
        return self.open_session.shown if self.open_session else self.livestream.shown

    @property
    def advice(self) -> list[str]:
        """What the machine or a quota does not bear of it now."""
        return advise(self.open_session) if self.open_session else []

    @property
    def since(self) -> datetime | None:
        """When the livestream came to show what it shows; None when nobody has ever published."""
        if self.latest is None:
            return None
        if self.interruption is not None:
            return self.interruption.at
        if self.latest.status == SessionStatus.LIVE:
            return self.latest.started_at
        return self.latest.stopped_at or self.latest.created_at


def get_livestream_screen(*, organization: Organization, livestream_id: UUID) -> LivestreamScreen:
    """Return what the page of a livestream shows.

    :raises NotFoundError: when the organization has no such livestream.
    """
    return get_screen_of(get_livestream(owner=organization, livestream_id=livestream_id))


def get_screen_of(livestream: Livestream) -> LivestreamScreen:
    """Return what pages show of a livestream."""
    sessions = list_sessions(livestream).select_related("lease", "livestream__app__organization").with_newest_event()
    shown = list(sessions[:_SESSIONS_SHOWN])
    count = len(shown) if len(shown) < _SESSIONS_SHOWN else sessions.count()
    timeline = _timeline(shown[0]) if shown else Timeline([])
    outputs = list(list_outputs(livestream))
    return LivestreamScreen(
        livestream,
        shown,
        count,
        timeline,
        find_test_picture(livestream),
        outputs,
        is_disk_full=is_any_disk_full(),
        waits=why_it_waits(shown[0]) if shown else "",
        slate_picture=find_slate_picture(livestream) if livestream.shows_slate else None,
        viewers=viewers_of([shown[0].pk])[shown[0].pk] if shown else None,
        health=HealthScreen(shown[0], list_findings(shown[0])) if shown else HealthScreen(None),
    )


def get_session_screen(*, organization: Organization, livestream_id: UUID, session_id: UUID) -> SessionScreen:
    """Return what the page of a broadcast shows.

    :raises NotFoundError: when the livestream, which must be the organization's, has had no such session.
    """
    livestream = get_livestream(owner=organization, livestream_id=livestream_id)
    session = list_sessions(livestream).select_related("lease").with_newest_event().filter(pk=session_id).first()
    if session is None:
        raise NotFoundError(f"No livestream session {session_id}.")
    session.livestream = livestream
    return SessionScreen(session, _timeline(session), list_past_findings(session))


def _timeline(session: Session) -> Timeline:
    events = list(SessionEvent.objects.filter(session=session).for_people()[: _EVENTS_SHOWN + 1])
    return Timeline(events[:_EVENTS_SHOWN], is_whole=len(events) <= _EVENTS_SHOWN)
