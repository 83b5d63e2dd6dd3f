"""Figures of 30 days with 1,000,000 views, in process: authentication, every query, and the JSON.

20 livestreams with a broadcast of two hours each day; viewers of 30 countries, on five kinds of devices, with four
renditions, all of them mixed in every broadcast. Days, minutes and broadcasts come to exactly what the views do.
"""

import json
import re
import statistics
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics.breakdowns import Breakdown, Grouping, WantedBreakdown
from analytics.histograms import SLOTS
from analytics.models import Day, Minute, QualityDay, View
from analytics.partitions import make_partitions, today
from analytics.ranges import DAY, midnight_of, range_of_days
from bench import rows
from livehub.core import clock
from streams.livestreams.services import create_livestream
from streams.models import Session
from streams.organizations.services import SYSTEM, NewOrganization, create_organization
from tests.api.clients import ApiClient, dyte_client

DAYS, VIEWS, LIVESTREAMS = 30, 1_000_000, 20
CALLS = 40
# Promised.
MOST_P95_MS = 100

pytestmark = [pytest.mark.bench, pytest.mark.django_db(transaction=True)]

# One broadcast a day of each, from 18:00 on.
_SESSIONS = """
WITH made AS (
    INSERT INTO streams_session (
        id, livestream_id, status, end_reason, error_message, source, renditions, left_out, standby_node, live_epoch,
        file_nodes, created_at, updated_at, started_at, stopped_at
    )
    SELECT gen_random_uuid(), livestream.id, 'ended', 'encoder_stopped', '', '{}',
        '[{"height": 1080}, {"height": 720}, {"height": 480}, {"height": 0, "kind": "audio"}]', '{}', '', 1, '{}',
        at, at, at, at + interval '2 hours'
    FROM streams_livestream AS livestream, generate_series(0, %(days)s - 1) AS ago,
        LATERAL (SELECT %(today)s - ago * interval '1 day' - interval '6 hours' AS at) AS begin
    RETURNING id, created_at
)
INSERT INTO streams_connection (
    id, session_id, node, client_id, software, connected_at, disconnected_at, last_seen_at, media_ms, measured
)
SELECT gen_random_uuid(), id, 'main', 1, '', created_at, created_at + interval '2 hours',
    created_at + interval '2 hours', 7200000, '{}' FROM made
"""
# Some countries and devices are more common than others.
_VIEWS = """
WITH session AS (
    SELECT row_number() OVER () - 1 AS number, id, livestream_id, created_at FROM streams_session
)
INSERT INTO analytics_view (
    id, began_at, last_at, app_id, livestream_id, session_id, edge, viewer, identity, device, country, watched_ms,
    has_begun
)
SELECT gen_random_uuid(), at, at + watched * interval '1 ms', %(app)s::uuid, session.livestream_id, session.id, 'main',
    decode(md5(view::text), 'hex'), 'cmcd',
    (ARRAY['desktop', 'mobile', 'tablet', 'tv', 'other'])[1 + floor(device * 5)::int],
    chr(65 + country / 6) || chr(65 + country %% 6), watched, true
FROM (
    SELECT view, random() * random() AS device, floor(random() * random() * 30)::int AS country,
        (10000 + random() * 2000000)::bigint AS watched, random() AS start
    FROM generate_series(0, %(views)s - 1) AS view
) AS one
JOIN session ON session.number = one.view %% (SELECT count(*) FROM streams_session)
CROSS JOIN LATERAL (SELECT session.created_at + one.start * interval '1 hour' AS at) AS begin
"""
_DAYS = """
INSERT INTO analytics_day (session_id, day, kind, key, app_id, livestream_id, viewer_ms, views)
SELECT session_id, day, CASE
        WHEN country IS NOT NULL THEN 'country'
        WHEN device IS NOT NULL THEN 'device'
        WHEN rendition IS NOT NULL THEN 'rendition'
        ELSE 'all'
    END, COALESCE(country, device, rendition, ''), app_id, livestream_id, sum(watched_ms), count(*)
FROM (
    SELECT *, began_at::date AS day, 'v' || (get_byte(viewer, 0) %% 4) AS rendition FROM analytics_view
) AS view
GROUP BY GROUPING SETS (
    (session_id, day, app_id, livestream_id),
    (session_id, day, app_id, livestream_id, country),
    (session_id, day, app_id, livestream_id, device),
    (session_id, day, app_id, livestream_id, rendition)
)
"""
# Half of the views reported; each place of both histograms holds some.
_QUALITY = """
INSERT INTO analytics_qualityday (
    scope_id, kind, day, key, app_id, reported, failed, exited, played_ms, stalled_ms, stalls, startup, latency
)
SELECT scope_id, kind, day, key, app_id, sum(views) / 2, 0, 1, sum(viewer_ms), sum(viewer_ms) / 100, sum(views) / 10,
    array_fill(1 + (sum(views) / 100)::int, ARRAY[%(slots)s]), array_fill(1 + (sum(views) / 100)::int, ARRAY[%(slots)s])
FROM analytics_day, unnest(ARRAY[app_id, livestream_id, session_id]) AS scope (scope_id)
WHERE kind <> 'rendition'
GROUP BY 1, 2, 3, 4, 5
"""
_MINUTES = """
INSERT INTO analytics_minute (session_id, minute, rendition, device, viewer_ms, views)
SELECT session_id, date_trunc('minute', began_at), 'v' || (get_byte(viewer, 0) %% 4), device, sum(watched_ms),
    count(*)
FROM analytics_view GROUP BY 1, 2, 3, 4
"""
_FIGURES = """
INSERT INTO analytics_sessionfigures (session_id, viewer_ms, views, peak, peak_estimated, peak_at)
SELECT session_id, sum(watched_ms), count(*), count(*) / 3, 0, min(began_at) FROM analytics_view GROUP BY 1
"""


def _fill(made: NewOrganization) -> None:
    midnight = midnight_of(clock.now())
    for number in range(LIVESTREAMS):
        create_livestream(app=made.app, name=f"Livestream {number}", actor=SYSTEM)
    make_partitions(today() - ago * DAY for ago in range(DAYS + 1))
    values = {"app": str(made.app.pk), "days": DAYS, "views": VIEWS, "today": midnight, "slots": SLOTS}
    rows.execute(_SESSIONS, _VIEWS, _DAYS, _QUALITY, _MINUTES, _FIGURES, given=values)
    rows.settle()


def test_thirty_days_of_a_million_views_are_told_at_once() -> None:
    home = create_organization(name="Many", email="many@bench.example")
    _fill(home)
    sizes = {model.__name__: model.objects.count() for model in (View, Day, QualityDay, Minute, Session)}
    print(f"\n{sizes}")
    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('analytics_view')")
        print(f"{cursor.fetchone()[0] / VIEWS:.0f} B per view, with its indexes")
    client = dyte_client(home)
    session = Session.objects.order_by("created_at")[100]
    noon = (midnight_of(clock.now()) - 20 * DAY + timedelta(hours=19)).strftime("%Y-%m-%dT%H:%M:%SZ")
    asked = {
        "overall": "/analytics/livestreams/overall",
        "daywise": "/analytics/livestreams/daywise",
        "overall, from an evening on": f"/analytics/livestreams/overall?start_time={noon}",
        "app": "/analytics/daywise",
        **{f"by {by}": f"/analytics/livestreams?group_by={by}" for by in Grouping.values},
        "a session": f"/livestreams/sessions/{session.pk}/report",
    }

    for by in set(Grouping) - {Grouping.RENDITION}:
        # What is timed has how it played.
        answer = json.loads(client.get(asked[f"by {by.value}"]).content)
        listed = [row for row in answer["data"] if row["views"]]
        assert listed
        assert all(row["quality"]["startup_p95_ms"] for row in listed)
    p95 = {name: _p95_ms(client, name, path) for name, path in asked.items()}

    _explain(home)
    assert {name: taken for name, taken in p95.items() if taken > MOST_P95_MS} == {}


def _p95_ms(client: ApiClient, name: str, path: str) -> float:
    assert client.get(path).status_code == 200
    times = []
    for _ in range(CALLS):
        began_at = time.perf_counter()
        client.get(path)
        times.append((time.perf_counter() - began_at) * 1000)
    p95 = statistics.quantiles(times, n=20)[-1]
    p50 = statistics.median(times)
    print(f"{VIEWS:,} views of a month, {name}, p95: {p95:.1f} ms (wanted <= {MOST_P95_MS} ms); p50 {p50:.1f} ms")
    return p95


def _explain(made: NewOrganization) -> None:
    """Tell by which way the rows are found, and how long that takes the database."""
    during = range_of_days(None, None, now=clock.now())
    for by in Grouping:
        wanted = WantedBreakdown(app_ids=[made.app.pk], during=during, by=by)
        with CaptureQueriesContext(connection) as captured:
            breakdown = Breakdown(wanted)
            breakdown.with_quality(breakdown.between(0, 25))
        for number, query in enumerate(captured.captured_queries):
            with connection.cursor() as cursor:
                cursor.execute("EXPLAIN (ANALYZE, BUFFERS) " + query["sql"])
                plan = [line for (line,) in cursor.fetchall()]
            told = [line for line in plan if re.search(r"Scan|Time:|Sort Method", line)]
            print(f"by {by.value}, query {number + 1}:", *(line.strip()[:150] for line in told), sep="\n    ")
