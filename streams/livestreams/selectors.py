"""Shaped reads of livestreams and sessions; each starts from the caller's app."""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Sum

from livehub.core.errors import NotFoundError
from streams.livestreams.models import (
    Connection,
    Livestream,
    LivestreamCount,
    LivestreamQuerySet,
    Session,
    SessionQuerySet,
)
from streams.organizations.models import App


def get_livestream(*, app: App, livestream_id: UUID) -> Livestream:
    """Return a livestream of the app.

    :raises NotFoundError: when it has no such livestream, or it is deleted.
    """
    livestream = Livestream.objects.for_app(app).with_stream_key().filter(pk=livestream_id).first()
    if livestream is None:
        raise NotFoundError(f"No livestream {livestream_id}.")
    return livestream


def list_livestreams(
    *,
    app: App,
    statuses: Collection[str] = (),
    search: str = "",
    created_from: datetime | None = None,
    created_until: datetime | None = None,
    oldest_first: bool = False,
) -> LivestreamQuerySet:
    """Return the app's livestreams by time of creation, newest first unless asked otherwise.

    `statuses` are `LivestreamStatus` values, empty for any; `search` matches any part of the name, or a whole id or
    playback id.
    """
    livestreams = Livestream.objects.for_app(app)
    if statuses:
        livestreams = livestreams.in_statuses(statuses)
    if search:
        livestreams = livestreams.matching(search)
    if created_from is not None:
        livestreams = livestreams.filter(created_at__gte=created_from)
    if created_until is not None:
        livestreams = livestreams.filter(created_at__lte=created_until)
    order = ("created_at", "id") if oldest_first else ("-created_at", "-id")
    return livestreams.order_by(*order)


def count_livestreams(app: App) -> int:
    """Return how many livestreams the app has; exact, and as fast for many as for few."""
    return LivestreamCount.objects.filter(app=app).values_list("total", flat=True).first() or 0


def sum_ingest_ms(livestreams: Iterable[Livestream]) -> dict[UUID, int]:
    """Return how much media each livestream has taken in, over all its sessions, by id.

    Milliseconds; one that was never published to is missing. One query, however many are asked for.
    """
    connections = Connection.objects.filter(session__livestream__in=[livestream.pk for livestream in livestreams])
    return dict(connections.values_list("session__livestream").annotate(Sum("media_ms")))


def list_sessions(livestream: Livestream) -> SessionQuerySet:
    """Return the livestream's sessions with their connections, newest first."""
    return Session.objects.filter(livestream=livestream).with_connections().order_by("-created_at", "-id")


def find_open_session(livestream: Livestream) -> Session | None:
    """Return the broadcast that is going on, if one is."""
    return Session.objects.filter(livestream=livestream).with_connections().open().first()


def get_open_session(livestream: Livestream) -> Session:
    """Return the broadcast that is going on.

    :raises NotFoundError: when none is.
    """
    session = find_open_session(livestream)
    if session is None:
        raise NotFoundError(f"No active session for livestream {livestream.pk}.")
    return session


def get_session(*, app: App, session_id: UUID) -> Session:
    """Return a session of one of the app's livestreams.

    :raises NotFoundError: when there is no such session, or its livestream is deleted.
    """
    session = Session.objects.for_app(app).with_connections().filter(pk=session_id).first()
    if session is None:
        raise NotFoundError(f"No livestream session {session_id}.")
    return session
