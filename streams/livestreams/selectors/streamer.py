"""What the page of a streamer shows, who is no member: nothing of the organization, and of one livestream alone."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from streams.livestreams.models import Livestream, Session, StreamerLink
from streams.livestreams.selectors.health import HealthScreen, list_findings
from streams.livestreams.selectors.sessions import list_sessions
from streams.livestreams.states import SessionStatus, Shown


@dataclass(frozen=True)
class StreamerScreen:
    """One livestream, and what its encoder sends; `stream_key` is empty where the link does not tell it."""

    livestream: Livestream
    health: HealthScreen
    stream_key: str = ""

    @property
    def session(self) -> Session | None:
        return self.health.session

    @property
    def shown(self) -> Shown:
        """What the livestream shows, an interruption included."""
        return self.session.shown if self.session is not None and self.session.is_open else self.livestream.shown

    @property
    def since(self) -> datetime | None:
        """When viewers could see it first, or could not any more; None where neither has been."""
        if self.session is None:
            return None
        return self.session.stopped_at or self.session.started_at

    @property
    def why_it_failed(self) -> str:
        """Of the newest broadcast; empty if it did not."""
        has_failed = self.session is not None and self.session.status == SessionStatus.ERRORED
        return self.session.why_it_ended if self.session is not None and has_failed else ""

    @property
    def ingest_url(self) -> str:
        return str(settings.INGEST_URL)


def get_streamer_screen(link: StreamerLink) -> StreamerScreen:
    """Return what a link's page shows; three queries, and one for the key."""
    livestream = link.livestream
    session = next(iter(list_sessions(livestream).with_newest_event()[:1]), None)
    health = HealthScreen(session, list_findings(session)) if session is not None else HealthScreen(None)
    return StreamerScreen(livestream, health, livestream.stream_key if link.shows_key else "")
