"""Who watched, taken apart: by livestream, broadcast, day, country, device or rendition.

Made of the rows of days: whole UTC days, which say it while it happens. What nobody watched is not listed, but days
are.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import cast
from uuid import UUID

from django.db import connection
from django.db.models import Max, OuterRef, Q, QuerySet, Subquery, Sum, TextChoices
from django.db.models.functions import TruncDate

from analytics.models import Day, DayKind, Device, SessionFigures
from analytics.quality import Quality, QualityKey, read_quality
from analytics.ranges import TimeRange, whole
from streams.models import Livestream, Session

# Read at once where all of them are wanted.
_CHUNK = 1000
# What a broadcast's slots were: its ladder tells, in which the sound comes last. Of one that is not known any more the
# slot is all that there is to say.
_RENDITIONS = """
SELECT COALESCE(
    CASE WHEN watched.rendition LIKE 'a%%' THEN 'audio' END,
    CASE WHEN watched.rendition ~ '^v[0-9]{1,4}$'
        THEN NULLIF(session.renditions -> substr(watched.rendition, 2)::int ->> 'height', '0') || 'p' END,
    watched.rendition
), sum(watched.viewer_ms)::bigint, sum(watched.views)::bigint
FROM (
    SELECT session_id, key AS rendition, viewer_ms, views FROM analytics_day
    WHERE app_id = ANY(%(app_ids)s) AND kind = 'rendition' AND day >= %(first)s AND day < %(end)s
        AND (%(livestream_id)s::uuid IS NULL OR livestream_id = %(livestream_id)s)
        AND (%(session_id)s::uuid IS NULL OR session_id = %(session_id)s)
) AS watched
LEFT JOIN streams_session AS session ON session.id = watched.session_id
GROUP BY 1
ORDER BY 2 DESC, 1
"""


class Grouping(TextChoices):
    """By what."""

    LIVESTREAM = "livestream", "Livestream"
    SESSION = "session", "Broadcast"
    DAY = "day", "Day"
    COUNTRY = "country", "Country"
    DEVICE = "device", "Device"
    RENDITION = "rendition", "Rendition"


# Which rows of days, and what of them.
_SUMMED = {
    Grouping.LIVESTREAM: (DayKind.ALL, "livestream_id"),
    Grouping.SESSION: (DayKind.ALL, "session_id"),
    Grouping.DAY: (DayKind.ALL, "day"),
    Grouping.COUNTRY: (DayKind.COUNTRY, "key"),
    Grouping.DEVICE: (DayKind.DEVICE, "key"),
}


@dataclass(frozen=True, kw_only=True)
class WantedBreakdown:
    """Of what, and by what; `during` is whole days."""

    app_ids: Collection[UUID]
    during: TimeRange
    by: Grouping
    livestream_id: UUID | None = None
    session_id: UUID | None = None


@dataclass(frozen=True)
class WatchedRow:
    """What was watched of one of them."""

    # An id, a day, a word; empty where it is not known.
    key: str
    views: int
    viewer_ms: int
    # For people; empty where the key says it.
    name: str = ""
    # Of a livestream: it is deleted, and has no page any more.
    is_gone: bool = False
    # Of a broadcast: its livestream, and when it began.
    livestream_id: UUID | None = None
    began_at: datetime | None = None
    # The most who watched one broadcast at once; None where nobody knows.
    peak: int | None = None
    # Where it is not that of the milliseconds alone: days sum to what all of them come to.
    whole_seconds: int | None = None
    # How it played; None where no player reported, or nobody has asked.
    quality: Quality | None = None

    @property
    def viewer_seconds(self) -> int:
        return self.viewer_ms // 1000 if self.whole_seconds is None else self.whole_seconds

    @property
    def average_ms(self) -> int | None:
        """How long a view lasted on average; None where none began."""
        return self.viewer_ms // self.views if self.views else None


@dataclass(frozen=True)
class WatchedList:
    """The first rows of a breakdown; `has_more`: not all of them."""

    by: Grouping
    rows: Sequence[WatchedRow]
    has_more: bool

    @property
    def most_ms(self) -> int:
        """What the longest watched one came to, at least 1: its bar is the longest."""
        return max((row.viewer_ms for row in self.rows), default=0) or 1


@dataclass(frozen=True)
class Breakdown:
    """The rows of what is wanted, the longest watched first, and days in their order; not read yet."""

    wanted: WantedBreakdown

    def count(self) -> int:
        """Return how many there are."""
        match self.wanted.by:
            case Grouping.DAY:
                return self.wanted.during.days
            case Grouping.RENDITION:
                return len(self._renditions())
        return len(self._found)

    def between(self, start: int, end: int) -> list[WatchedRow]:
        """Return the rows from the `start`-th until before the `end`-th, from 0; three queries at most."""
        match self.wanted.by:
            case Grouping.DAY:
                return self._days()[start:end]
            case Grouping.RENDITION:
                return self._renditions()[start:end]
        return self._named([_row(values) for values in self._found[start:end]])

    def all(self) -> Iterator[WatchedRow]:
        """Yield all rows, a thousand at a time, with how they played."""
        start = 0
        while rows := self.between(start, start + _CHUNK):
            yield from self.with_quality(rows)
            start += _CHUNK

    def with_quality(self, rows: Sequence[WatchedRow]) -> list[WatchedRow]:
        """Return the rows with how they played, one query more; by rendition no player says that."""
        if not rows or self.wanted.by == Grouping.RENDITION:
            return list(rows)
        found = self._quality(rows)
        return [replace(row, quality=found.get(row.key)) for row in rows]

    def peak(self) -> int | None:
        """Return the most who watched one of the broadcasts at once, None where nobody knows."""
        found: int | None = self._figures().aggregate(peak=Max("peak"))["peak"]
        return found

    def _quality(self, rows: Sequence[WatchedRow]) -> dict[str, Quality]:
        match self.wanted.by:
            case Grouping.DAY:
                return self._read_quality("day", self._scope_ids)
            case Grouping.SESSION:
                return self._read_quality("scope_id", [UUID(row.key) for row in rows])
            case Grouping.LIVESTREAM if self.wanted.session_id is None:
                return self._read_quality("scope_id", [UUID(row.key) for row in rows])
            case Grouping.LIVESTREAM:
                # Of the one session, whatever else its livestream has had.
                found = self._read_quality("scope_id", self._scope_ids)
                return {row.key: quality for row in rows for quality in found.values()}
        return self._read_quality("key", self._scope_ids, kind=_SUMMED[self.wanted.by][0])

    def _read_quality(
        self, key: QualityKey, scope_ids: Collection[UUID], *, kind: DayKind = DayKind.ALL
    ) -> dict[str, Quality]:
        wanted = self.wanted
        return read_quality(key, scope_ids=scope_ids, app_ids=wanted.app_ids, during=wanted.during, kind=kind)

    @property
    def _scope_ids(self) -> Collection[UUID]:
        """The narrowest of what is asked for."""
        wanted = self.wanted
        if wanted.session_id is not None:
            return [wanted.session_id]
        return wanted.app_ids if wanted.livestream_id is None else [wanted.livestream_id]

    def _rows(self, kind: DayKind) -> QuerySet[Day]:
        wanted = self.wanted
        first, end = wanted.during.start.date(), wanted.during.end.date()
        rows = Day.objects.filter(app_id__in=wanted.app_ids, kind=kind, day__gte=first, day__lt=end)
        if wanted.livestream_id is not None:
            rows = rows.filter(livestream_id=wanted.livestream_id)
        return rows if wanted.session_id is None else rows.filter(session_id=wanted.session_id)

    def _sessions(self) -> QuerySet[Session]:
        """Return the broadcasts that were on."""
        wanted = self.wanted
        sessions = Session.objects.filter(livestream__app__in=wanted.app_ids, created_at__lt=wanted.during.end)
        sessions = sessions.filter(Q(stopped_at=None) | Q(stopped_at__gte=wanted.during.start))
        if wanted.livestream_id is not None:
            sessions = sessions.filter(livestream=wanted.livestream_id)
        return sessions if wanted.session_id is None else sessions.filter(pk=wanted.session_id)

    def _figures(self, sessions: QuerySet[Session] | None = None) -> QuerySet[SessionFigures]:
        wanted = self._sessions() if sessions is None else sessions
        return SessionFigures.objects.exclude(peak_at=None).filter(session_id__in=wanted.order_by().values("pk"))

    @cached_property
    def _found(self) -> list[tuple[object, int, int]]:
        """All groups, read once: all days' rows have to be gone through for any of them."""
        return list(self._groups())

    def _groups(self) -> QuerySet[Day, tuple[object, int, int]]:
        kind, column = _SUMMED[self.wanted.by]
        sums = self._rows(kind).order_by().values_list(column).annotate(viewer_ms=Sum("viewer_ms"), views=Sum("views"))
        return sums.order_by("-viewer_ms", column)

    def _days(self) -> list[WatchedRow]:
        known = {row.key: row for row in map(_row, self._found)}
        days = [day.isoformat() for day in self.wanted.during.each_day()]
        seconds = whole({day: known[day].viewer_ms for day in days if day in known})
        peaks = self._peaks_by_day()
        return [
            replace(known.get(day) or WatchedRow(day, 0, 0), peak=peaks.get(day), whole_seconds=seconds.get(day))
            for day in days
        ]

    def _peaks_by_day(self) -> dict[str, int]:
        during = self.wanted.during
        figures = self._figures().filter(peak_at__gte=during.start, peak_at__lt=during.end)
        found = figures.values_list(TruncDate("peak_at")).annotate(Max("peak"))
        return {day.isoformat(): peak for day, peak in cast(list[tuple[date, int]], list(found))}

    def _renditions(self) -> list[WatchedRow]:
        wanted = self.wanted
        values = {
            "app_ids": list(wanted.app_ids),
            "first": wanted.during.start.date(),
            "end": wanted.during.end.date(),
            "livestream_id": wanted.livestream_id,
            "session_id": wanted.session_id,
        }
        with connection.cursor() as cursor:
            cursor.execute(_RENDITIONS, values)  # type: ignore[arg-type]  # Days and ids.
            return [WatchedRow(name, views, viewer_ms) for name, viewer_ms, views in cursor.fetchall()]

    def _named(self, rows: Sequence[WatchedRow]) -> list[WatchedRow]:
        """Return the rows with what is known of them beside what was watched."""
        match self.wanted.by:
            case Grouping.LIVESTREAM:
                return self._with_livestreams(rows)
            case Grouping.SESSION:
                return _with_sessions(rows)
            case Grouping.DEVICE:
                # An edge node may be of another version, and know of more.
                labels = dict(Device.choices)
                return [replace(row, name=labels.get(row.key, row.key)) for row in rows]
        return list(rows)

    def _with_livestreams(self, rows: Sequence[WatchedRow]) -> list[WatchedRow]:
        ids = [UUID(row.key) for row in rows]
        known = {row.pk: row for row in Livestream.objects.filter(pk__in=ids).only("name", "deleted_at")}
        peaks = self._peaks_by_livestream(ids)
        told = []
        for row, livestream_id in zip(rows, ids, strict=True):
            livestream = known.get(livestream_id)
            is_gone = livestream is None or livestream.deleted_at is not None
            name = livestream.name if livestream else ""
            told.append(replace(row, name=name, peak=peaks.get(livestream_id), is_gone=is_gone))
        return told

    def _peaks_by_livestream(self, ids: Collection[UUID]) -> dict[UUID, int]:
        of_session = Session.objects.filter(pk=OuterRef("session_id")).values("livestream")
        figures = self._figures(self._sessions().filter(livestream__in=ids))
        by_livestream = figures.annotate(livestream=Subquery(of_session)).values_list("livestream")
        return dict(by_livestream.annotate(Max("peak")))


def _with_sessions(rows: Sequence[WatchedRow]) -> list[WatchedRow]:
    ids = [UUID(row.key) for row in rows]
    found = Session.objects.filter(pk__in=ids).select_related("livestream")
    sessions = {row.pk: row for row in found.only("created_at", "livestream__name")}
    figures = SessionFigures.objects.filter(session_id__in=ids).exclude(peak_at=None)
    peaks = dict(figures.values_list("session_id", "peak"))
    told = []
    for row, session_id in zip(rows, ids, strict=True):
        session = sessions.get(session_id)
        known = replace(row, peak=peaks.get(session_id))
        if session is not None:
            livestream = session.livestream
            known = replace(known, name=livestream.name, livestream_id=livestream.pk, began_at=session.created_at)
        told.append(known)
    return told


def _row(values: tuple[object, int, int]) -> WatchedRow:
    key, viewer_ms, views = values
    return WatchedRow(key.isoformat() if isinstance(key, date) else str(key), views, viewer_ms)
