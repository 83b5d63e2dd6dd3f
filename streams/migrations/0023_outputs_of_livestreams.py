"""Livestreams that are there get the outputs that new ones are made with."""

from uuid import UUID

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

_BATCH = 20_000
# What `Output.defaults_of` gives to new ones. Those that have theirs already are passed over, so it may be broken off.
_GIVE = """
WITH batch AS (
    SELECT id, deleted_at FROM streams_livestream WHERE id > %s ORDER BY id LIMIT %s
), made AS (
    INSERT INTO streams_output (
        id, livestream_id, type, name, uri, stream_key_encrypted, stream_key_digest, vendor, public_id, enabled, created_at, updated_at
    )
    SELECT
        gen_random_uuid(), batch.id, kind.type, 'default ' || kind.type, '', '', '', '',
        CASE kind.type WHEN 'archive' THEN 'live_stream_' || replace(batch.id::text, '-', '') || '_archive' ELSE '' END,
        true, now(), now()
    FROM batch, (VALUES ('hls'), ('archive')) AS kind (type)
    WHERE batch.deleted_at IS NULL
    ON CONFLICT DO NOTHING
)
SELECT id FROM batch ORDER BY id DESC LIMIT 1
"""


def give_outputs(apps: Apps, schema_editor: BaseDatabaseSchemaEditor, batch: int = _BATCH) -> None:
    """Go through all livestreams, each batch in a transaction of its own: nobody waits for a million of them."""
    last = UUID(int=0)
    with schema_editor.connection.cursor() as cursor:
        while True:
            cursor.execute(_GIVE, [last, batch])
            found = cursor.fetchone()
            if found is None:
                return
            last = found[0]


class Migration(migrations.Migration):
    # No transaction: it would keep the table from others until the last one has its outputs.
    atomic = False

    dependencies = [("streams", "0022_many_rows")]

    operations = [migrations.RunPython(give_outputs, migrations.RunPython.noop)]
