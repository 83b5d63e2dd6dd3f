"""Keys of four kinds, one for each dialect, and scopes named after what they open."""

import django.contrib.postgres.fields
from django.db import migrations, models

# What could change livestreams may do so with meetings, which its clients call by the same key. Nothing becomes an
# administrator's by being older: whoever needs that makes another key.
_FORWARD = """
UPDATE streams_apikey SET scopes =
    CASE WHEN 'livestreams:read' = ANY(scopes) THEN ARRAY['read'] ELSE ARRAY[]::text[] END
    || CASE WHEN 'livestreams:write' = ANY(scopes) THEN ARRAY['livestreams', 'meetings'] ELSE ARRAY[]::text[] END;
"""
_BACKWARD = """
UPDATE streams_apikey SET scopes =
    CASE WHEN 'read' = ANY(scopes) THEN ARRAY['livestreams:read'] ELSE ARRAY[]::text[] END
    || CASE WHEN 'livestreams' = ANY(scopes) THEN ARRAY['livestreams:write'] ELSE ARRAY[]::text[] END;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('streams', '0017_idempotency'),
    ]

    operations = [
        migrations.AlterField(
            model_name='apikey',
            name='kind',
            field=models.CharField(choices=[('basic', 'Dyte v2'), ('bearer', 'RealtimeKit'), ('liveapi', 'LiveAPI'), ('cloudinary', 'Cloudinary')], max_length=16),
        ),
        migrations.AlterField(
            model_name='apikey',
            name='scopes',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('read', 'Read'), ('livestreams', 'Livestreams'), ('meetings', 'Meetings'), ('admin', 'Admin')], max_length=32), size=None),
        ),
        migrations.RunSQL(_FORWARD, _BACKWARD),
    ]
