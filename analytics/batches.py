"""Writing down what collectors have counted: each batch once, with its cursor, in one transaction."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime, timedelta
from secrets import token_bytes
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from django.db import connection, transaction

from analytics.books import BatchRefusedError
from analytics.counting.batch import (
    Added,
    KeptView,
    LogBatch,
    LogOpened,
    Position,
    ReportedFigures,
    ViewChange,
    WatchingNow,
)
from analytics.models import DailySalt, DayKind, LogCursor, SessionNow, View
from analytics.partitions import first_kept_day, make_partitions
from analytics.tallies import ToldChange, ToldOf, WrittenFigures, add_changes
from livehub.core import clock
from streams.livestreams.storage import find_sessions_of_folders, folder_name
from streams.livestreams.viewing import add_watched
from streams.models import Session

# Whose sessions are which, as long as this process lives: that never changes.
_OWNERS_KEPT = 10_000
_known_owners: dict[str, "_Owner"] = {}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SALT_BYTES = 32
# What another edge has said of now counts for so long.
NOW_HOLDS_S = 6

_CURSOR = """
    UPDATE analytics_logcursor SET file_id = %s, "offset" = %s, lines = lines + %s, heard_at = %s,
        rejected = (
            SELECT coalesce(jsonb_object_agg(key, total), '{}') FROM (
                SELECT key, sum(value::bigint) AS total
                FROM (
                    SELECT * FROM jsonb_each_text(rejected) UNION ALL SELECT * FROM jsonb_each_text(%s::jsonb)
                ) AS every
                GROUP BY key
            ) AS summed
        )
    WHERE edge = %s AND file_id = %s AND "offset" = %s
"""
_VIEWS = """
    INSERT INTO analytics_view (
        id, began_at, last_at, app_id, livestream_id, session_id, edge, viewer, identity, device, country, watched_ms,
        has_begun, state, startup_ms, played_ms, stalled_ms, stalls, latency_ms, latency_measured_ms, dropped_frames,
        failed, error_code, exited_before_start
    )
    SELECT * FROM unnest(
        %s::uuid[], %s::timestamptz[], %s::timestamptz[], %s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::bytea[],
        %s::text[], %s::text[], %s::text[], %s::bigint[], %s::boolean[], %s::bytea[], %s::int[], %s::bigint[],
        %s::bigint[], %s::int[], %s::int[], %s::bigint[], %s::int[], %s::boolean[], %s::text[], %s::boolean[]
    )
    ON CONFLICT (id, began_at) DO UPDATE SET last_at = excluded.last_at, watched_ms = excluded.watched_ms,
        has_begun = excluded.has_begun, state = excluded.state, startup_ms = excluded.startup_ms,
        played_ms = excluded.played_ms, stalled_ms = excluded.stalled_ms, stalls = excluded.stalls,
        latency_ms = excluded.latency_ms, latency_measured_ms = excluded.latency_measured_ms,
        dropped_frames = excluded.dropped_frames, failed = excluded.failed, error_code = excluded.error_code,
        exited_before_start = excluded.exited_before_start
"""
_NOTHING_REPORTED = (None,) * len(ReportedFigures.__struct_fields__)
_MINUTES = """
    INSERT INTO analytics_minute (session_id, minute, rendition, device, viewer_ms, views)
    SELECT * FROM unnest(%s::uuid[], %s::timestamptz[], %s::text[], %s::text[], %s::bigint[], %s::int[])
    ON CONFLICT (session_id, minute, rendition, device) DO UPDATE
    SET viewer_ms = analytics_minute.viewer_ms + excluded.viewer_ms, views = analytics_minute.views + excluded.views
"""
_DAYS = """
    INSERT INTO analytics_day (app_id, livestream_id, session_id, day, kind, key, viewer_ms, views)
    SELECT * FROM unnest(
        %s::uuid[], %s::uuid[], %s::uuid[], %s::date[], %s::text[], %s::text[], %s::bigint[], %s::int[]
    )
    ON CONFLICT (session_id, day, kind, key) DO UPDATE
    SET viewer_ms = analytics_day.viewer_ms + excluded.viewer_ms, views = analytics_day.views + excluded.views
"""
_FIGURES = """
    INSERT INTO analytics_sessionfigures (session_id, viewer_ms, views, peak, peak_estimated)
    SELECT *, 0, 0 FROM unnest(%s::uuid[], %s::bigint[], %s::int[])
    ON CONFLICT (session_id) DO UPDATE SET viewer_ms = analytics_sessionfigures.viewer_ms + excluded.viewer_ms,
        views = analytics_sessionfigures.views + excluded.views
"""
_NOW = """
    INSERT INTO analytics_sessionnow (session_id, edge, counted, estimated, at)
    SELECT id, %s, counted, estimated, %s FROM unnest(%s::uuid[], %s::int[], %s::int[]) AS said (id, counted, estimated)
    ON CONFLICT (session_id, edge) DO UPDATE
    SET counted = excluded.counted, estimated = excluded.estimated, at = excluded.at
"""
_PEAKS = """
    INSERT INTO analytics_sessionfigures (session_id, viewer_ms, views, peak, peak_estimated, peak_at)
    SELECT session_id, 0, 0, sum(counted + estimated), sum(estimated), max(at) FROM analytics_sessionnow
    WHERE session_id = ANY(%s) AND at > %s GROUP BY session_id ORDER BY session_id
    ON CONFLICT (session_id) DO UPDATE
    SET peak = excluded.peak, peak_estimated = excluded.peak_estimated, peak_at = excluded.peak_at
    WHERE excluded.peak > analytics_sessionfigures.peak
"""


@transaction.atomic
def open_log(edge: str) -> LogOpened:
    """Return where an edge's collector goes on, and have it heard of."""
    make_partitions()
    cursor, _ = LogCursor.objects.get_or_create(
        edge=edge, defaults={"file_id": "", "offset": 0, "heard_at": clock.now()}
    )
    views = [
        KeptView(
            view.id,
            folder_name(view.session_id),
            bytes(view.viewer),
            view.identity,
            view.device,
            view.country,
            _ms(view.began_at),
            bytes(view.state or b""),
        )
        for view in View.objects.filter(edge=edge, state__isnull=False).order_by("began_at")
    ]
    return LogOpened(Position(cursor.file_id, cursor.offset), views, salts())


def salts() -> dict[int, bytes]:
    """Return those of yesterday, today and tomorrow, by the days since 1970; they are made when they are needed."""
    today = clock.now().date()
    found = {}
    for day in (today + timedelta(days=offset) for offset in (-1, 0, 1)):
        row, _ = DailySalt.objects.get_or_create(day=day, defaults={"salt": token_bytes(_SALT_BYTES)})
        found[(day - _EPOCH.date()).days] = bytes(row.salt)
    return found


@transaction.atomic
def write_batch(batch: LogBatch) -> None:
    """Write a batch, all of it or nothing.

    :raises BatchRefusedError: when it is not the next one of its edge.
    """
    # Made again at midnight, whoever comes first.
    make_partitions()
    with connection.cursor() as cursor:
        cursor.execute(
            _CURSOR,
            [
                batch.until.file_id,
                batch.until.offset,
                batch.lines,
                clock.now(),
                json.dumps(batch.rejected),
                batch.edge,
                batch.after.file_id,
                batch.after.offset,
            ],
        )
        if cursor.rowcount != 1:
            raise BatchRefusedError(
                f"The log of {batch.edge} is counted further than this batch begins, or not so far."
            )
        owners = _owners({view.session for view in batch.views} | {added.session for added in batch.added})
        told = _changes_told(batch.views, owners)
        _write_views(batch, owners)
        _add(batch.added, owners, told={change.of for change in told})
        add_changes(told)


@transaction.atomic
def write_now(now: WatchingNow) -> set[tuple[UUID, UUID]]:
    """Write who watches now through an edge, and return the livestreams for which that has changed.

    As pairs of a livestream's and its organization's ids.
    """
    at = _moment(now.at_ms)
    LogCursor.objects.filter(edge=now.edge).update(heard_at=clock.now(), has_left=now.is_leaving)
    rows = SessionNow.objects.filter(edge=now.edge)
    before = {row.session_id: (row.counted, row.estimated) for row in rows}
    owners = _owners({watching.session for watching in now.broadcasts})
    after = {
        owners[watching.session].session: (watching.counted, watching.estimated)
        for watching in now.broadcasts
        if watching.session in owners
    }
    rows.exclude(session_id__in=after).delete()
    ids = sorted(after)
    with connection.cursor() as cursor:
        counts = [[after[session][place] for session in ids] for place in (0, 1)]
        cursor.execute(_NOW, [now.edge, at, ids, *counts])
        cursor.execute(_PEAKS, [ids, at - timedelta(seconds=NOW_HOLDS_S)])
    changed = [session for session in before.keys() | after.keys() if before.get(session) != after.get(session)]
    return set(Session.objects.filter(pk__in=changed).values_list("livestream_id", "livestream__app__organization_id"))


class _Owner(NamedTuple):
    session: UUID
    app: UUID
    livestream: UUID


def _owners(folders: Collection[str]) -> dict[str, _Owner]:
    """Return whose sessions these are, by the names of their folders; nobody's are left out."""
    if len(_known_owners) > _OWNERS_KEPT:
        _known_owners.clear()
    unknown = [folder for folder in folders if folder not in _known_owners]
    for folder, session in find_sessions_of_folders(unknown).items():
        _known_owners[folder] = _Owner(session.pk, session.livestream.app_id, session.livestream_id)
    return {folder: _known_owners[folder] for folder in folders if folder in _known_owners}


def _write_views(batch: LogBatch, owners: dict[str, _Owner]) -> None:
    gone = [view.id for view in batch.views if not view.is_kept]
    if gone:
        View.objects.filter(id__in=gone).delete()
    kept = [view for view in batch.views if view.session in owners and view.is_kept]
    if not kept:
        return
    with connection.cursor() as cursor:
        cursor.execute(_VIEWS, _columns(_row(view, owners[view.session], batch.edge) for view in kept))


def _row(view: ViewChange, owner: _Owner, edge: str) -> tuple[object, ...]:
    return (
        view.id,
        _moment(view.began_ms),
        _moment(view.last_ms),
        owner.app,
        owner.livestream,
        owner.session,
        edge,
        view.viewer,
        view.identity,
        view.device,
        view.country,
        view.watched_ms,
        view.has_begun,
        view.state,
        *(_NOTHING_REPORTED if view.reported is None else msgspec.structs.astuple(view.reported)),
    )


def _changes_told(views: Collection[ViewChange], owners: dict[str, _Owner]) -> list[ToldChange]:
    """Return what players have reported since these views were written last."""
    # A view of a day that is dropped already has no row any more that says what was counted of it.
    first = first_kept_day()
    days = {view.id: _moment(view.began_ms).date() for view in views if view.reported is not None}
    reporting = [view for view in views if view.id in days and view.session in owners and days[view.id] >= first]
    if not reporting:
        return []
    written = View.objects.filter(
        id__in=[view.id for view in reporting],
        began_at__gte=_moment(min(view.began_ms for view in reporting)),
        began_at__lte=_moment(max(view.began_ms for view in reporting)),
        failed__isnull=False,
    )
    before = {view: WrittenFigures(*figures) for view, *figures in written.values_list("id", *WrittenFigures._fields)}
    changes = []
    for view in reporting:
        owner = owners[view.session]
        of = ToldOf(owner.app, owner.livestream, owner.session, days[view.id], view.country or "", view.device)
        changes.append(ToldChange(of, before.get(view.id), view.reported if view.is_kept else None))
    return changes


def _add(added: Iterable[Added], owners: dict[str, _Owner], *, told: Collection[ToldOf]) -> None:
    minutes: dict[tuple[UUID, datetime, str, str], list[int]] = defaultdict(lambda: [0, 0])
    days: dict[tuple[_Owner, date, str, str], list[int]] = defaultdict(lambda: [0, 0])
    totals: dict[UUID, list[int]] = defaultdict(lambda: [0, 0])
    for each in added:
        owner = owners.get(each.session)
        if owner is None:
            continue
        minute = _moment(each.minute * 60_000)
        day = minute.date()
        for sums in (
            minutes[owner.session, minute, each.rendition, each.device],
            days[owner, day, DayKind.ALL.value, ""],
            days[owner, day, DayKind.COUNTRY.value, each.country],
            days[owner, day, DayKind.DEVICE.value, each.device],
            days[owner, day, DayKind.RENDITION.value, each.rendition],
            totals[owner.session],
        ):
            sums[0] += each.watched_ms
            sums[1] += each.views
    for of in told:
        # Where nobody saw anything, that is to be seen: there is a row, too.
        owner = _Owner(of.session, of.app, of.livestream)
        for kind, key in of.parts:
            days[owner, of.day, kind.value, key]  # Made by being asked for.
    if not days:
        return
    with connection.cursor() as cursor:
        # In one order everywhere: two collectors may have the same rows to change.
        if minutes:
            cursor.execute(_MINUTES, _columns((*key, *sums) for key, sums in sorted(minutes.items())))
        rows = (
            (owner.app, owner.livestream, owner.session, day, *kind, *sums)
            for (owner, day, *kind), sums in sorted(days.items())
        )
        cursor.execute(_DAYS, _columns(rows))
        if totals:
            cursor.execute(_FIGURES, _columns((session, *sums) for session, sums in sorted(totals.items())))
    add_watched({session: watched_ms for session, (watched_ms, _) in totals.items() if watched_ms})


def _columns(rows: Iterable[tuple[object, ...]]) -> list[Any]:
    """Return rows as the arrays that `unnest` takes."""
    return [list(column) for column in zip(*rows, strict=True)]


def _moment(ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=ms)


def _ms(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
