"""What pages and API read of what was counted."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection

from analytics.batches import NOW_HOLDS_S
from livehub.core import clock
from streams.livestreams.watching import SessionViewers

# A collector that was silent for so long does not count; one that was heard of within the hour is missed.
SILENT_AFTER = timedelta(seconds=10)
_FORGOTTEN_AFTER = timedelta(hours=1)
# What one that is heard of has said of now counts for so long.
NOW_HOLDS = SILENT_AFTER + timedelta(seconds=NOW_HOLDS_S)
_WATCHING = """
    WITH collectors AS (
        SELECT max(heard_at) AS heard_at, coalesce(min(heard_at) >= %(silent)s, false) AS are_heard
        FROM analytics_logcursor WHERE heard_at >= %(forgotten)s AND NOT has_left
    )
    SELECT asked.id, are_heard, heard_at, coalesce(sum(counted), 0), coalesce(sum(estimated), 0), coalesce(peak, 0),
        coalesce(peak_estimated, 0), peak_at
    FROM unnest(%(sessions)s::uuid[]) AS asked (id)
    CROSS JOIN collectors
    LEFT JOIN analytics_sessionfigures AS figures ON figures.session_id = asked.id
    LEFT JOIN analytics_sessionnow AS said ON said.session_id = asked.id AND said.at >= %(holds)s
    GROUP BY asked.id, are_heard, heard_at, peak, peak_estimated, peak_at
"""


def read_viewers(sessions: Collection[UUID]) -> Mapping[UUID, SessionViewers]:
    """Return who watches each session; not known while a collector that was there within the hour is silent."""
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(
            _WATCHING,
            {
                "sessions": list(sessions),
                "silent": now - SILENT_AFTER,
                "forgotten": now - _FORGOTTEN_AFTER,
                "holds": now - NOW_HOLDS,
            },
        )
        return {
            session: SessionViewers(
                int(counted) if are_heard else None,
                int(estimated) if are_heard else None,
                heard_at,
                peak,
                peak_estimated,
                peak_at,
                are_reported=settings.BEHIND_CDN,
            )
            for session, are_heard, heard_at, counted, estimated, peak, peak_estimated, peak_at in cursor
        }
