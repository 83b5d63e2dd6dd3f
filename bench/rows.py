"""Rows by the million, made by the database itself: a tenant's livestreams and meetings, with all that belongs to them.

Nothing here is published or told to anybody; triggers and foreign keys do what they always do.
"""

import psycopg
from django.db import connection

from livehub.core import crypto
from streams.models import App, Preset

# Ids and the moment of creation follow from the number, so that what belongs together is found without a join.
_LIVESTREAMS = """
INSERT INTO streams_livestream (
    id, app_id, name, status, disabled, playback_id, video_config, refused_publishes, last_refusal, created_at,
    updated_at
)
SELECT
    md5('livestream' || %(app)s || number)::uuid, %(app)s::uuid, 'Livestream ' || number,
    CASE WHEN number %% 20000 = 0 THEN 'live' WHEN number %% 1000 = 0 THEN 'errored' ELSE 'idle' END, false,
    substr(md5('playback' || %(app)s || number), 1, 23), '{}', 0, '', now() - (%(number)s - number) * interval '1 min',
    now()
FROM generate_series(1, %(number)s) AS number
"""
_STREAM_KEYS = """
INSERT INTO streams_streamkey (
    id, livestream_id, digest, encrypted, password_digest, is_for_test_picture, created_at
)
SELECT gen_random_uuid(), id, md5(id::text) || md5('key' || id), %(encrypted)s, '', false, created_at
FROM streams_livestream WHERE app_id = %(app)s::uuid
"""
_OUTPUTS = """
INSERT INTO streams_output (
    id, livestream_id, type, name, uri, stream_key_encrypted, vendor, public_id, enabled, created_at, updated_at
)
SELECT gen_random_uuid(), id, kind, 'default ' || kind, '', '', '', '', true, created_at, created_at
FROM streams_livestream, unnest(ARRAY['hls', 'archive']) AS kind WHERE app_id = %(app)s::uuid
"""
_SESSIONS = """
WITH made AS (
    INSERT INTO streams_session (
        id, livestream_id, status, end_reason, error_message, source, renditions, live_epoch, file_nodes, created_at,
        updated_at, started_at, stopped_at
    )
    SELECT
        gen_random_uuid(), id, 'ended', 'encoder_stopped', '', '{}', '[]', 1, '{}',
        created_at + nth * interval '1 hour', created_at, created_at, created_at + nth * interval '1 hour'
    FROM streams_livestream, generate_series(1, %(each)s) AS nth WHERE app_id = %(app)s::uuid
    RETURNING id, created_at
)
INSERT INTO streams_connection (
    id, session_id, node, client_id, software, connected_at, disconnected_at, last_seen_at, media_ms, measured
)
SELECT gen_random_uuid(), id, 'main', 1, '', created_at, created_at, created_at, 60000, '{}' FROM made
"""
_MEETINGS = """
INSERT INTO streams_meeting (
    id, app_id, title, status, preferred_region, waiting_room, record_on_start, live_stream_on_start, persist_chat,
    summarize_on_end, transcribe_on_end, session_keep_alive_s, recording_config, ai_config, storage_secrets_encrypted,
    created_at, updated_at
)
SELECT
    md5('meeting' || %(app)s || number)::uuid, %(app)s::uuid, 'Meeting ' || number,
    CASE WHEN number %% 500 = 0 THEN 'inactive' ELSE 'active' END, '', false, false, false, false, false, false, 60,
    '{}', '{}', '', now() - (%(number)s - number) * interval '1 min', now()
FROM generate_series(1, %(number)s) AS number
"""
_MEETING_SESSIONS = """
INSERT INTO streams_meetingsession (
    id, meeting_id, app_id, status, end_reason, live_participants, max_concurrent_participants, ended_stays, created_at,
    updated_at, ended_at
)
SELECT
    md5('session' || %(app)s || number)::uuid, md5('meeting' || %(app)s || number)::uuid, %(app)s::uuid,
    CASE WHEN is_live THEN 'live' ELSE 'ended' END, CASE WHEN is_live THEN '' ELSE 'everybody_left' END,
    CASE WHEN is_live THEN 1 ELSE 0 END, 2, (number::bigint * 7919 %% 100000) * interval '1 s', created_at, created_at,
    CASE WHEN is_live THEN NULL ELSE created_at + interval '1 hour' END
FROM (
    SELECT number, number %% 20000 = 0 AS is_live, now() - (%(number)s - number) * interval '1 min' AS created_at
    FROM generate_series(1, %(number)s) AS number
) AS numbered
"""
_PARTICIPANTS = """
INSERT INTO streams_participant (
    id, meeting_id, preset_id, custom_participant_id, name, picture, token_revision, created_at, updated_at
)
SELECT
    md5('participant' || %(app)s || number)::uuid, md5('meeting' || %(app)s || number)::uuid, %(preset)s,
    'employee-' || number, 'Mary ' || number, '', 1, now(), now()
FROM generate_series(1, %(number)s) AS number
"""
_STAYS = """
INSERT INTO streams_sessionparticipant (
    id, session_id, participant_id, is_muted, may_unmute, joined_at, left_at, ended_stays, created_at, updated_at
)
SELECT
    md5('stay' || %(app)s || number)::uuid, md5('session' || %(app)s || number)::uuid,
    md5('participant' || %(app)s || number)::uuid, false, true, now(), now(), interval '5 min', now(), now()
FROM generate_series(1, %(number)s) AS number
"""


def add_livestreams(app: App, *, number: int, sessions_each: int) -> None:
    """Add livestreams and all that is theirs, a minute apart, the newest now; 1 in 1,000 errored, 1 in 20,000 live."""
    given = {"app": str(app.pk), "number": number, "each": sessions_each, "encrypted": crypto.encrypt("sk_" + "0" * 40)}
    execute(_LIVESTREAMS, _STREAM_KEYS, _OUTPUTS, _SESSIONS, given=given)


def add_meetings(app: App, *, number: int) -> None:
    """Add meetings with a session and a participant each, a minute apart; 1 in 500 is inactive, 1 in 20,000 live."""
    preset = Preset.objects.for_app(app).values_list("pk", flat=True)[0]
    given = {"app": str(app.pk), "number": number, "preset": preset}
    execute(_MEETINGS, _MEETING_SESSIONS, _PARTICIPANTS, _STAYS, given=given)


def settle() -> None:
    """Do what autovacuum has done in a database that is in use."""
    execute("VACUUM ANALYZE", given={})


def execute(*statements: str, given: dict[str, object]) -> None:
    """Run statements that may take minutes."""
    # Not the product's own connection, which is to wait a few seconds for an answer and no longer.
    where = connection.settings_dict
    name, user, host = str(where["NAME"]), str(where["USER"]), str(where["HOST"])
    with psycopg.connect(dbname=name, user=user, host=host, autocommit=True) as patient:
        patient.execute("SET statement_timeout = 0")
        for statement in statements:
            patient.execute(statement, given)
