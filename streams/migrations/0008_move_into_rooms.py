"""Move what is there into the new rooms, in one statement each; a broadcast that is going on keeps its stream's name."""

from django.apps.registry import Apps
from django.conf import settings
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

_KEYS = """
INSERT INTO streams_streamkey (id, livestream_id, digest, encrypted, password_digest, created_at)
SELECT gen_random_uuid(), id, stream_key_digest, stream_key_encrypted, '', created_at FROM streams_livestream
"""
# Ingest servers carry running streams by their session's id.
_CONNECTIONS = """
INSERT INTO streams_connection
    (id, session_id, stream_key_id, node, client_id, address, software, connected_at, disconnected_at, last_seen_at,
     media_ms)
SELECT session.id, session.id, CASE WHEN session.stopped_at IS NULL THEN key.id END, %(node)s, session.ingest_client_id,
    session.encoder_address, session.encoder_software, session.created_at,
    coalesce(session.encoder_left_at, session.stopped_at), session.last_ingest_at, session.ingest_ms
FROM streams_session AS session JOIN streams_streamkey AS key USING (livestream_id)
"""
_LEASES = """
INSERT INTO streams_lease (session_id, worker, epoch, until)
SELECT id, worker, epoch, lease_until FROM streams_session WHERE stopped_at IS NULL
"""
_EVENTS = """
INSERT INTO streams_sessionevent (session_id, kind, at, reason, data)
SELECT session_id, 'status', at, reason, jsonb_build_object('old', old, 'new', new)
FROM streams_statuschange ORDER BY id
"""
_FILES = "UPDATE streams_session SET file_nodes = ARRAY[%(node)s] WHERE files_removed_at IS NULL AND epoch > 0"
_LAST_LIVE = """
UPDATE streams_livestream AS livestream SET last_live_at = latest.at
FROM (SELECT livestream_id, max(started_at) AS at FROM streams_session GROUP BY livestream_id) AS latest
WHERE latest.livestream_id = livestream.id
"""

def _move(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    with schema_editor.connection.cursor() as cursor:
        for statement in (_KEYS, _CONNECTIONS, _LEASES, _EVENTS, _FILES, _LAST_LIVE):
            cursor.execute(statement, {"node": settings.NODE})


class Migration(migrations.Migration):

    dependencies = [
        ('streams', '0007_rooms_for_broadcasts'),
    ]

    operations = [
        migrations.RunPython(_move, migrations.RunPython.noop),
    ]
