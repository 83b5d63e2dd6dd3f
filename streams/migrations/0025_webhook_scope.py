"""A scope for webhooks, for keys that open all else already."""

import django.contrib.postgres.fields
from django.db import migrations, models

# Whoever may do everything there was may do this as well; any other key was narrowed on purpose.
_FORWARD = """
UPDATE streams_apikey SET scopes = ARRAY['read', 'livestreams', 'meetings', 'webhooks', 'admin']
WHERE scopes @> ARRAY['read', 'livestreams', 'meetings', 'admin']::varchar[];
"""
_BACKWARD = "UPDATE streams_apikey SET scopes = array_remove(scopes, 'webhooks');"


class Migration(migrations.Migration):

    dependencies = [
        ('streams', '0024_livestream_indexes'),
    ]

    operations = [
        migrations.AlterField(
            model_name='apikey',
            name='scopes',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('read', 'Read'), ('livestreams', 'Livestreams'), ('meetings', 'Meetings'), ('webhooks', 'Webhooks'), ('admin', 'Admin')], max_length=32), size=None),
        ),
        migrations.RunSQL(_FORWARD, _BACKWARD),
    ]
