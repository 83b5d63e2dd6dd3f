"""Indexes of livestreams, of which there may be a million: made while others go on writing."""

from django.db import migrations, models
from django.db.models import Q

_INDEPENDENT = models.Index(
    condition=Q(deleted_at=None, meeting=None),
    fields=["app", "-created_at", "-id"],
    name="livestream_list_independent",
)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("streams", "0023_outputs_of_livestreams")]

    # One that was broken off leaves an index that serves nobody, and has the name.
    operations = [
        migrations.RunSQL(
            [
                "DROP INDEX CONCURRENTLY IF EXISTS livestream_list_independent",
                """
                CREATE INDEX CONCURRENTLY livestream_list_independent
                ON streams_livestream (app_id, created_at DESC, id DESC)
                WHERE deleted_at IS NULL AND meeting_id IS NULL
                """,
            ],
            "DROP INDEX CONCURRENTLY livestream_list_independent",
            state_operations=[migrations.AddIndex("livestream", _INDEPENDENT)],
        ),
        # As for meetings: 0022.
        migrations.RunSQL(
            [
                "DROP INDEX CONCURRENTLY IF EXISTS livestream_search",
                """
                CREATE INDEX CONCURRENTLY livestream_search
                ON streams_livestream USING gin (app_id, UPPER(name) gin_trgm_ops)
                WITH (fastupdate = off) WHERE deleted_at IS NULL
                """,
            ],
            "DROP INDEX CONCURRENTLY livestream_search",
        ),
    ]
