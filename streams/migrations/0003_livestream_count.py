"""Each app's number of livestreams, kept exact by triggers: see `LivestreamCount`."""

import django.db.models.deletion
from django.db import migrations, models

# Per statement where PostgreSQL allows it, so that a bulk insert touches each app's row once. A trigger with a column
# list may not see the whole statement, hence per row for updates; the condition keeps ordinary ones out of it.
_FORWARD = """
CREATE FUNCTION count_new_livestreams() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO streams_livestreamcount AS counted (app_id, total)
    SELECT app_id, count(*) FROM added WHERE deleted_at IS NULL GROUP BY app_id ORDER BY app_id
    ON CONFLICT (app_id) DO UPDATE SET total = counted.total + excluded.total;
    RETURN NULL;
END $$;
CREATE TRIGGER livestream_count_insert AFTER INSERT ON streams_livestream
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_new_livestreams();

CREATE FUNCTION count_gone_livestreams() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE streams_livestreamcount AS counted SET total = counted.total - gone.number
    FROM (SELECT app_id, count(*) AS number FROM removed WHERE deleted_at IS NULL GROUP BY app_id) AS gone
    WHERE counted.app_id = gone.app_id;
    RETURN NULL;
END $$;
CREATE TRIGGER livestream_count_delete AFTER DELETE ON streams_livestream
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION count_gone_livestreams();

CREATE FUNCTION count_changed_livestream() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.deleted_at IS NULL THEN
        UPDATE streams_livestreamcount SET total = total - 1 WHERE app_id = OLD.app_id;
    END IF;
    IF NEW.deleted_at IS NULL THEN
        INSERT INTO streams_livestreamcount AS counted (app_id, total) VALUES (NEW.app_id, 1)
        ON CONFLICT (app_id) DO UPDATE SET total = counted.total + 1;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER livestream_count_update AFTER UPDATE OF deleted_at, app_id ON streams_livestream FOR EACH ROW
    WHEN ((OLD.deleted_at IS NULL) <> (NEW.deleted_at IS NULL) OR OLD.app_id <> NEW.app_id)
    EXECUTE FUNCTION count_changed_livestream();

INSERT INTO streams_livestreamcount (app_id, total)
SELECT app_id, count(*) FROM streams_livestream WHERE deleted_at IS NULL GROUP BY app_id;
"""
_BACKWARD = """
DROP TRIGGER livestream_count_insert ON streams_livestream;
DROP TRIGGER livestream_count_delete ON streams_livestream;
DROP TRIGGER livestream_count_update ON streams_livestream;
DROP FUNCTION count_new_livestreams();
DROP FUNCTION count_gone_livestreams();
DROP FUNCTION count_changed_livestream();
"""


class Migration(migrations.Migration):
    dependencies = [("streams", "0002_audit_is_append_only")]
    operations = [
        migrations.CreateModel(
            name="LivestreamCount",
            fields=[
                (
                    "app",
                    models.OneToOneField(
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="livestream_count",
                        serialize=False,
                        to="streams.app",
                    ),
                ),
                ("total", models.PositiveBigIntegerField(default=0, editable=False)),
            ],
        ),
        migrations.RunSQL(_FORWARD, _BACKWARD),
    ]
