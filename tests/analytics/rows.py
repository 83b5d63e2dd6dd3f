"""Rows as collectors, encoders and meetings leave them, at times of the test's choice."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from analytics.counting.batch import ReportedFigures
from analytics.models import Day, Minute, SessionFigures
from analytics.tallies import ToldChange, ToldOf, add_changes
from streams.livestreams.states import EndReason, SessionStatus
from streams.models import Connection, Livestream, Session

_MINUTE = timedelta(minutes=1)


def broadcast(
    livestream: Livestream, began_at: datetime, *, until: datetime, media_ms: int | None = None, **of_connection: object
) -> Session:
    """Make a broadcast that is over, which took in as much media as its time is long, or so much."""
    session = Session.objects.create(
        livestream=livestream, status=SessionStatus.ENDED, end_reason=EndReason.ENCODER_STOPPED, stopped_at=until
    )
    Session.objects.filter(pk=session.pk).update(created_at=began_at, started_at=began_at)
    session.refresh_from_db()
    if media_ms is None:
        media_ms = (until - began_at) // timedelta(milliseconds=1)
    stay(session, began_at, until=until, media_ms=media_ms, **of_connection)
    return session


def stay(session: Session, at: datetime, *, until: datetime, media_ms: int, **values: object) -> Connection:
    """Give the session an encoder's stay; `values` of its row."""
    times = {"connected_at": at, "disconnected_at": until, "last_seen_at": until, **values}
    return Connection.objects.create(session=session, node="main", client_id=1, media_ms=media_ms, **times)


def watched(
    session: Session,
    at: datetime,
    *,
    viewer_ms: int,
    views: int = 0,
    country: str = "",
    device: str = "desktop",
    rendition: str = "v0",
) -> None:
    """Add to the minute and to the day of `at`, as a collector's batch does."""
    minute = at.replace(second=0, microsecond=0)
    of_minute: dict[str, Any] = {"session_id": session.pk, "minute": minute, "rendition": rendition, "device": device}
    ids: dict[str, UUID] = {"app_id": session.livestream.app_id, "livestream_id": session.livestream_id}
    parts = {"all": "", "country": country, "device": device, "rendition": rendition}
    rows: list[Minute | Day] = [
        Minute.objects.get_or_create(**of_minute)[0],
        *(
            Day.objects.get_or_create(session_id=session.pk, day=at.date(), kind=kind, key=key, defaults=ids)[0]
            for kind, key in parts.items()
        ),
    ]
    for row in rows:
        row.viewer_ms += viewer_ms
        row.views += views
        row.save(update_fields=["viewer_ms", "views"])
    figures = SessionFigures.objects.get_or_create(session_id=session.pk)[0]
    figures.viewer_ms += viewer_ms
    figures.views += views
    figures.save(update_fields=["viewer_ms", "views"])


def played(session: Session, at: datetime, *, country: str = "", device: str = "desktop", **told: object) -> None:
    """Count what a player has reported of a view that began then, as a collector's batch does; `told` of its row."""
    given: dict[str, Any] = {
        "startup_ms": None,
        "played_ms": 0,
        "stalled_ms": 0,
        "stalls": 0,
        "latency_ms": None,
        "latency_measured_ms": 0,
        "dropped_frames": None,
        "failed": False,
        "error_code": None,
        "exited_before_start": False,
        **told,
    }
    livestream = session.livestream
    of = ToldOf(livestream.app_id, livestream.pk, session.pk, at.date(), country, device)
    add_changes([ToldChange(of, None, ReportedFigures(**given))])


def peaked(session: Session, at: datetime, *, peak: int) -> None:
    """Say that at most so many watched the broadcast at once, then."""
    SessionFigures.objects.update_or_create(session_id=session.pk, defaults={"peak": peak, "peak_at": at})
