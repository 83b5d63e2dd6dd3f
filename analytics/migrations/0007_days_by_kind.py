from django.db import migrations, models

# A row for each country on each device in each rendition becomes one row for each of these alone.
_FORWARDS = """
ALTER TABLE analytics_day RENAME TO analytics_day_before;
CREATE TABLE analytics_day (
    app_id uuid NOT NULL,
    livestream_id uuid NOT NULL,
    session_id uuid NOT NULL,
    day date NOT NULL,
    kind varchar(9) NOT NULL,
    key varchar(8) NOT NULL,
    viewer_ms bigint NOT NULL,
    views integer NOT NULL
) WITH (fillfactor = 70);
INSERT INTO analytics_day (app_id, livestream_id, session_id, day, kind, key, viewer_ms, views)
SELECT app_id, livestream_id, session_id, day, CASE
        WHEN GROUPING(country) = 0 THEN 'country'
        WHEN GROUPING(device) = 0 THEN 'device'
        WHEN GROUPING(rendition) = 0 THEN 'rendition'
        ELSE 'all'
    END, COALESCE(country, device, rendition, ''), sum(viewer_ms), sum(views)
FROM analytics_day_before
GROUP BY GROUPING SETS (
    (app_id, livestream_id, session_id, day),
    (app_id, livestream_id, session_id, day, country),
    (app_id, livestream_id, session_id, day, device),
    (app_id, livestream_id, session_id, day, rendition)
);
DROP TABLE analytics_day_before;
ALTER TABLE analytics_day ADD PRIMARY KEY (session_id, day, kind, key);
CREATE INDEX day_of_app ON analytics_day (app_id, kind, day);
CREATE INDEX day_of_livestream ON analytics_day (livestream_id, kind, day);
"""


class Migration(migrations.Migration):

    dependencies = [
        ('analytics', '0005_reported'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(_FORWARDS)],
            state_operations=[
                migrations.DeleteModel(name='Day'),
                migrations.CreateModel(
                    name='Day',
                    fields=[
                        ('pk', models.CompositePrimaryKey('session_id', 'day', 'kind', 'key', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('app_id', models.UUIDField(editable=False)),
                        ('livestream_id', models.UUIDField(editable=False)),
                        ('session_id', models.UUIDField(editable=False)),
                        ('day', models.DateField(editable=False)),
                        ('kind', models.CharField(choices=[('all', 'All of it'), ('country', 'A country'), ('device', 'A kind of device'), ('rendition', 'A rendition')], editable=False, max_length=9)),
                        ('key', models.CharField(blank=True, editable=False, max_length=8)),
                        ('viewer_ms', models.BigIntegerField(default=0, editable=False)),
                        ('views', models.IntegerField(default=0, editable=False)),
                    ],
                    options={
                        'indexes': [models.Index(fields=['app_id', 'kind', 'day'], name='day_of_app'), models.Index(fields=['livestream_id', 'kind', 'day'], name='day_of_livestream')],
                    },
                ),
            ],
        ),
    ]
