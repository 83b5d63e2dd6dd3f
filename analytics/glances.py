"""What is so at this moment: what charts that go on ask for each second."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from analytics.happenings import Band, bands_of
from livehub.core.errors import NotFoundError
from streams.livestreams.watching import viewers_of
from streams.models import Organization, Session


@dataclass(frozen=True)
class ViewersNow:
    """How many watch at a moment, told apart by an id, and estimated behind the same addresses."""

    counted: int
    estimated: int
    at: datetime

    @property
    def total(self) -> int:
        return self.counted + self.estimated


@dataclass(frozen=True)
class EncoderGlance:
    """What an encoder was measured to send at a moment; None for what is not known."""

    at: datetime
    video_kbps: float | None
    fps: float | None


@dataclass(frozen=True)
class Glance:
    """What charts that go on ask for each second; `now` is None once it is over, and while nobody knows, and so is
    `encoder` while nothing comes of it."""

    is_live: bool
    now: ViewersNow | None
    encoder: EncoderGlance | None
    bands: list[Band]


def find_now(session_id: UUID) -> ViewersNow | None:
    """Return how many watch the broadcast now, over all edges, or None while nobody knows."""
    viewers = viewers_of([session_id])[session_id]
    if viewers.counted is None or viewers.estimated is None or viewers.as_of is None:
        return None
    return ViewersNow(viewers.counted, viewers.estimated, viewers.as_of)


def look_at_now(*, organization: Organization, livestream_id: UUID, session_id: UUID) -> Glance:
    """Return whether the broadcast goes on, how many watch it now, what comes of its encoder, and what has happened.

    Four queries; two of one that is over.

    :raises NotFoundError: when the livestream, which must be the organization's, has had no such session.
    """
    sessions = Session.objects.for_organization(organization).filter(livestream=livestream_id, pk=session_id)
    session = sessions.only("stopped_at").first()
    if session is None:
        raise NotFoundError(f"No livestream session {session_id}.")
    if not session.is_open:
        return Glance(is_live=False, now=None, encoder=None, bands=bands_of(session))
    return Glance(True, find_now(session.pk), _look_at_encoder(session), bands_of(session))


def _look_at_encoder(session: Session) -> EncoderGlance | None:
    connection = session.connection
    if connection is None or not connection.is_sending or not connection.measured:
        return None
    measured = connection.measured
    # Zeros stand for what does not come.
    return EncoderGlance(connection.last_seen_at, measured.get("video_kbps") or None, measured.get("fps") or None)
