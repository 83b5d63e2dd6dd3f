"""How long things lasted, by UTC day: what broadcasts took in, who was in meetings, what was recorded.

Each thing is a span with a length, which may be less than what the clock says: an encoder drops, a recording pauses. It
is spread evenly over its span, so that the days of anything sum to its whole length to the millisecond, wherever
midnight falls.
"""

from collections.abc import Collection
from datetime import date
from typing import cast
from uuid import UUID

from django.db import connection

from analytics.ranges import TimeRange
from streams.recordings.states import RecordingStatus

# Nothing came of one, unless it has a length.
_ERRORED = RecordingStatus.ERRORED.value
# Up to when media was seen: that somebody noticed later that the encoder was gone is no part of it.
_INGEST = """
SELECT stay.connected_at, GREATEST(stay.connected_at, LEAST(stay.disconnected_at, stay.last_seen_at)), stay.media_ms
FROM streams_connection AS stay
JOIN streams_session AS session ON session.id = stay.session_id
JOIN streams_livestream AS livestream ON livestream.id = session.livestream_id
WHERE livestream.app_id = ANY(%(app_ids)s)
    AND session.created_at < %(end)s AND (session.stopped_at IS NULL OR session.stopped_at >= %(start)s)
"""
_MEETINGS = """
SELECT peer.joined_at, ended.at, (extract(epoch FROM ended.at - peer.joined_at) * 1000)::bigint
FROM streams_peer AS peer
JOIN streams_sessionparticipant AS participant ON participant.id = peer.session_participant_id
JOIN streams_meetingsession AS session ON session.id = participant.session_id
CROSS JOIN LATERAL (SELECT GREATEST(peer.joined_at, COALESCE(peer.left_at, STATEMENT_TIMESTAMP())) AS at) AS ended
WHERE session.app_id = ANY(%(app_ids)s)
    AND session.created_at < %(end)s AND (session.ended_at IS NULL OR session.ended_at >= %(start)s)
"""
# One that goes on has no length yet: the clock says how long it is, without its pauses.
_RECORDINGS = """
SELECT recording.started_at, ended.at, COALESCE(
    recording.duration_us / 1000,
    GREATEST(0, (extract(epoch FROM ended.at - recording.started_at) * 1000)::bigint - COALESCE((
        SELECT sum(LEAST(COALESCE((pause ->> 1)::bigint, ended.ms), ended.ms) - LEAST((pause ->> 0)::bigint, ended.ms))
        FROM jsonb_array_elements(recording.pauses) AS pause
    ), 0))
)
FROM streams_recording AS recording
CROSS JOIN LATERAL (
    SELECT GREATEST(recording.started_at, COALESCE(recording.stopped_at, STATEMENT_TIMESTAMP())) AS at
) AS until
CROSS JOIN LATERAL (SELECT until.at, (extract(epoch FROM until.at) * 1000)::bigint AS ms) AS ended
WHERE recording.app_id = ANY(%(app_ids)s) AND recording.started_at IS NOT NULL
    AND (recording.status <> %(errored)s OR recording.duration_us IS NOT NULL)
"""
# How much of a span had passed at each end of each of its days, in whole milliseconds: differences of these leave
# nothing out and count nothing twice. A span without length is all of it at its moment.
_BY_DAY = """
WITH span(began, ended, ms) AS ({spans})
SELECT (day.began AT TIME ZONE 'UTC')::date, sum(passed_until.ms - passed_before.ms)::bigint
FROM span
CROSS JOIN LATERAL generate_series(
    date_trunc('day', GREATEST(span.began, %(start)s), 'UTC'), LEAST(span.ended, %(end)s), '1 day'
) AS day(began)
CROSS JOIN LATERAL (SELECT extract(epoch FROM span.ended - span.began) AS lasted) AS whole
CROSS JOIN LATERAL (SELECT CASE
    WHEN whole.lasted > 0 THEN floor(span.ms * LEAST(whole.lasted, GREATEST(0,
        extract(epoch FROM GREATEST(day.began, %(start)s) - span.began))) / whole.lasted)
    WHEN GREATEST(day.began, %(start)s) > span.began THEN span.ms
    ELSE 0 END AS ms
) AS passed_before
CROSS JOIN LATERAL (SELECT CASE
    WHEN whole.lasted > 0 THEN floor(span.ms * LEAST(whole.lasted, GREATEST(0,
        extract(epoch FROM LEAST(day.began + '1 day', %(end)s) - span.began))) / whole.lasted)
    WHEN LEAST(day.began + '1 day', %(end)s) > span.began THEN span.ms
    ELSE 0 END AS ms
) AS passed_until
WHERE span.began < %(end)s AND span.ended >= %(start)s AND day.began < %(end)s
GROUP BY 1
"""


def sum_ingest_ms(*, app_ids: Collection[UUID], during: TimeRange) -> dict[date, int]:
    """Return how much media the apps' broadcasts took in, in milliseconds by UTC day; days without are missing."""
    return _by_day(_INGEST, app_ids=app_ids, during=during)


def sum_meeting_ms(*, app_ids: Collection[UUID], during: TimeRange) -> dict[date, int]:
    """Return how long participants were in the apps' meetings, all together; in milliseconds by UTC day, as above."""
    return _by_day(_MEETINGS, app_ids=app_ids, during=during)


def sum_recorded_ms(*, app_ids: Collection[UUID], during: TimeRange) -> dict[date, int]:
    """Return how much was recorded of the apps' broadcasts, in milliseconds by UTC day; days without are missing."""
    return _by_day(_RECORDINGS, app_ids=app_ids, during=during)


def _by_day(spans: str, *, app_ids: Collection[UUID], during: TimeRange) -> dict[date, int]:
    values = {"app_ids": list(app_ids), "start": during.start, "end": during.end, "errored": _ERRORED}
    with connection.cursor() as cursor:
        cursor.execute(_BY_DAY.format(spans=spans), values)  # type: ignore[arg-type]  # Times and ids.
        return dict(cast(list[tuple[date, int]], cursor.fetchall()))
