"""Which livestreams there are: the same reads for integrators, who see one app, and for members, who see all."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.core.paginator import Page
from django.db.models import Count, F, OuterRef, Subquery, Sum, TextChoices

from livehub.core.errors import NotFoundError
from streams.dashboard.paging import page_of
from streams.livestreams.models import (
    Livestream,
    LivestreamCount,
    LivestreamQuerySet,
    Session,
    newest_event,
)
from streams.livestreams.models.livestream import LIVE_FIRST
from streams.livestreams.states import DISABLED, LivestreamStatus, show_livestream
from streams.organizations.models import App, Organization
from streams.organizations.selectors import list_app_ids

Owner = App | Organization

_NOT_IDLE = [status.value for status in LivestreamStatus if status != LivestreamStatus.IDLE]


class LivestreamOrder(TextChoices):
    LIVE_FIRST = "", "Live first"
    NEWEST = "newest", "Newest first"
    OLDEST = "oldest", "Oldest first"
    LAST_LIVE = "last_live", "Last live first"
    NAME = "name", "By name"


_ORDERINGS = {
    LivestreamOrder.LIVE_FIRST: (LIVE_FIRST.asc(), "-created_at", "-id"),
    LivestreamOrder.NEWEST: ("-created_at", "-id"),
    LivestreamOrder.OLDEST: ("created_at", "id"),
    LivestreamOrder.LAST_LIVE: (F("last_live_at").desc(nulls_last=True), "-created_at", "-id"),
    LivestreamOrder.NAME: ("name", "id"),
}


@dataclass(frozen=True, kw_only=True)
class LivestreamFilter:
    """Which livestreams, in which order; as it comes it keeps them all."""

    # Any part of the name, or an id, whole or short, or a whole playback id.
    search: str = ""
    # Values of states; empty for any. A disabled livestream is in that of its status as well.
    states: frozenset[str] = frozenset()
    # The value of the one state that people see it in; empty for any.
    shown_as: str = ""
    created_from: datetime | None = None
    created_until: datetime | None = None
    excludes_meetings: bool = False
    order: LivestreamOrder = LivestreamOrder.NEWEST

    @property
    def is_narrowed(self) -> bool:
        times = self.created_from or self.created_until
        return bool(self.search or self.states or self.shown_as or times or self.excludes_meetings)


@dataclass(frozen=True)
class FoundLivestreams:
    """What a filter keeps, not read yet."""

    rows: LivestreamQuerySet
    wanted: LivestreamFilter
    app_ids: Collection[UUID]

    def count(self) -> int:
        """Return how many there are: counting a large list costs more than showing it, so some totals are kept.

        Of an app's livestreams nearly all are idle: how many of them there are is what the others leave.
        """
        if self.wanted == self._only(excludes_meetings=True):
            return _total(self.app_ids) - _total(self.app_ids, "of_meetings")
        if self.wanted == self._only(states=self.wanted.states) and LivestreamStatus.IDLE in self.wanted.states:
            others = [status for status in _NOT_IDLE if status not in self.wanted.states]
            rows = Livestream.objects.existing().filter(app_id__in=self.app_ids, status__in=others)
            # Not below none: a livestream may have gone live between the queries.
            return max(0, _total(self.app_ids) - rows.count())
        return self.rows.count() if self.wanted.is_narrowed else _total(self.app_ids)

    def _only(self, *, states: frozenset[str] = frozenset(), excludes_meetings: bool = False) -> LivestreamFilter:
        """Return the filter that says nothing but this, in the same order."""
        return LivestreamFilter(states=states, excludes_meetings=excludes_meetings, order=self.wanted.order)


@dataclass(frozen=True)
class LivestreamList:
    """A page of what the dashboard's list was asked for."""

    wanted: LivestreamFilter
    rows: list[Livestream]
    page: "Page[Livestream]"
    # How many people see in each state, by its value, and "" for all; whatever the filter.
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        return self.page.paginator.count

    def kept_in_place(self, shown: Sequence[UUID]) -> "LivestreamList":
        """Return it in the order that somebody has before their eyes, unless it is to show others than these.

        So that no row jumps away under a finger when a broadcast begins or ends.
        """
        places = {livestream_id: place for place, livestream_id in enumerate(shown)}
        if places.keys() != {row.pk for row in self.rows}:
            return self
        return replace(self, rows=sorted(self.rows, key=lambda row: places[row.pk]))


def get_livestream(*, owner: Owner, livestream_id: UUID) -> Livestream:
    """Return a livestream with its present key.

    :raises NotFoundError: when the owner has no such livestream, or it is deleted.
    """
    found = _first(livestreams_of(owner).filter(pk=livestream_id))
    if found is None:
        raise NotFoundError(f"No livestream {livestream_id}.")
    return found


def get_livestream_between(*, owner: Owner, ids: tuple[UUID, UUID], called: str) -> Livestream:
    """Return the livestream that a shortened id means, with its present key; `called` is how it is spelt.

    :raises NotFoundError: when the owner has no such livestream, or it is deleted.
    """
    found = _first(livestreams_of(owner).filter(pk__gte=ids[0], pk__lte=ids[1]))
    if found is None:
        raise NotFoundError(f"No live stream {called}.")
    return found


def get_played_livestream(playback_id: str) -> Livestream:
    """Return the livestream of whoever it is, for its viewers.

    :raises NotFoundError: when there is none, or it is deleted.
    """
    found = Livestream.objects.existing().filter(playback_id=playback_id).first()
    if found is None:
        raise NotFoundError(f"Nothing is played as {playback_id}.")
    return found


def list_livestreams(*, owner: Owner, wanted: LivestreamFilter) -> FoundLivestreams:
    """Return the owner's livestreams that the filter keeps."""
    # With their ids instead of a join PostgreSQL reads the index in order when there is one app, as there mostly is.
    app_ids = _app_ids(owner)
    rows = Livestream.objects.existing().filter(app_id__in=app_ids)
    if wanted.search:
        rows = rows.matching(wanted.search)
    if wanted.states:
        rows = rows.in_states(wanted.states)
    if wanted.shown_as:
        rows = rows.shown_as(wanted.shown_as)
    if wanted.created_from is not None:
        rows = rows.filter(created_at__gte=wanted.created_from)
    if wanted.created_until is not None:
        rows = rows.filter(created_at__lte=wanted.created_until)
    if wanted.excludes_meetings:
        rows = rows.filter(meeting=None)
    return FoundLivestreams(rows.order_by(*_ORDERINGS[wanted.order]), wanted, app_ids)


def get_livestream_list(*, owner: Owner, wanted: LivestreamFilter, page: int) -> LivestreamList:
    """Return a page of the list; five queries, however many there are, and the last page for one beyond it."""
    found = list_livestreams(owner=owner, wanted=wanted)
    counts = _count_states(found.app_ids)
    total = found.count() if wanted.search else counts[wanted.shown_as]
    waits = Session.objects.open().filter(livestream=OuterRef("pk")).values("reconnect_until")
    rows = found.rows.annotate(
        newest_event=newest_event(session__livestream=OuterRef("pk")), reconnect_until=Subquery(waits)
    )
    shown = page_of(rows, number=page, total=total)
    return LivestreamList(wanted, list(shown.object_list), shown, counts)


def count_livestreams(owner: Owner) -> int:
    """Return how many livestreams the owner has; exact, and as fast for many as for few."""
    return _total(_app_ids(owner))


def livestreams_of(owner: Owner) -> LivestreamQuerySet:
    """Return all that exist of an app, or of an organization's apps."""
    rows = Livestream.objects
    return rows.for_app(owner) if isinstance(owner, App) else rows.for_organization(owner)


class MediaTotals(NamedTuple):
    """Milliseconds: what encoders have sent of a livestream, and what its viewers have watched, over all sessions."""

    ingest_ms: int = 0
    viewer_ms: int = 0


def sum_media(livestreams: Iterable[Livestream]) -> dict[UUID, MediaTotals]:
    """Return the totals of each livestream by its id; one that was never published to is missing.

    One query, however many are asked for.
    """
    sessions = Session.objects.filter(livestream__in=[livestream.pk for livestream in livestreams]).with_taken_in()
    sums = sessions.values_list("livestream").annotate(Sum("taken_in_ms"), Sum("viewer_ms")).order_by()
    return {livestream: MediaTotals(ingest_ms or 0, viewer_ms) for livestream, ingest_ms, viewer_ms in sums}


def _first(rows: LivestreamQuerySet) -> Livestream | None:
    # Not `first`, which would sort one row, and spends as much on that as on all the rest.
    return next(iter(rows.with_stream_key().select_related("pull_source")[:1]), None)


def _app_ids(owner: Owner) -> Collection[UUID]:
    return [owner.pk] if isinstance(owner, App) else list_app_ids(owner)


def _count_states(app_ids: Collection[UUID]) -> dict[str, int]:
    """Return how many people see in each state, and of all as "".

    Nearly all are idle, so these are what the others leave: counting them takes longer than the rest of the page.
    """
    rows = Livestream.objects.existing().filter(app_id__in=app_ids)
    busy = rows.filter(status__in=_NOT_IDLE).values_list("status", "disabled").annotate(Count("id"))
    counts: Counter[str] = Counter()
    for status, is_disabled, count in busy:
        counts[show_livestream(status=status, is_disabled=is_disabled).value] += count
    counts[DISABLED.value] += rows.filter(status=LivestreamStatus.IDLE, disabled=True).count()
    total = _total(app_ids)
    # Not below none: a livestream may have gone live between the queries.
    idle = max(0, total - counts.total())
    return {**dict.fromkeys(_NOT_IDLE, 0), **counts, LivestreamStatus.IDLE: idle, "": total}


def _total(app_ids: Collection[UUID], of: str = "total") -> int:
    return sum(LivestreamCount.objects.filter(app__in=app_ids).values_list(of, flat=True))
