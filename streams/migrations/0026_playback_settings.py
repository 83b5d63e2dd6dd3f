"""Livestreams say how they are played and by whom; apps have keys that sign viewers' tokens."""

import django.contrib.postgres.fields
import django.db.models.deletion
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('streams', '0025_webhook_scope'),
    ]

    operations = [
        migrations.CreateModel(
            name='PlaybackKey',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('encrypted', models.TextField(editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('revoked_at', models.DateTimeField(editable=False, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='RevokedViewer',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('viewer_id', models.CharField(editable=False, max_length=64)),
                ('revoked_at', models.DateTimeField(editable=False)),
            ],
        ),
        migrations.AddField(
            model_name='livestream',
            name='allowed_origins',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=270), default=list, editable=False, size=None),
        ),
        migrations.AddField(
            model_name='livestream',
            name='dvr_window_s',
            field=models.PositiveIntegerField(default=3600, editable=False),
        ),
        migrations.AddField(
            model_name='livestream',
            name='latency_mode',
            field=models.CharField(choices=[('low', 'Low'), ('standard', 'Standard')], default='low', editable=False, max_length=16),
        ),
        migrations.AddField(
            model_name='livestream',
            name='max_viewers',
            field=models.PositiveIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='livestream',
            name='playback_policy',
            field=models.CharField(choices=[('public', 'Public'), ('signed', 'Signed')], default='public', editable=False, max_length=16),
        ),
        migrations.AddConstraint(
            model_name='livestream',
            constraint=models.CheckConstraint(condition=models.Q(('dvr_window_s__lte', 43200)), name='livestream_dvr_window_has_an_end'),
        ),
        migrations.AddConstraint(
            model_name='livestream',
            constraint=models.CheckConstraint(condition=models.Q(('max_viewers', None), ('playback_policy', 'signed'), _connector='OR'), name='livestream_max_viewers_of_signed'),
        ),
        migrations.AddField(
            model_name='playbackkey',
            name='app',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='playback_keys', to='streams.app'),
        ),
        migrations.AddField(
            model_name='revokedviewer',
            name='livestream',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='revoked_viewers', to='streams.livestream'),
        ),
        migrations.AddConstraint(
            model_name='playbackkey',
            constraint=models.UniqueConstraint(condition=models.Q(('revoked_at', None)), fields=('app',), name='playback_key_one_present_per_app'),
        ),
        migrations.AddConstraint(
            model_name='revokedviewer',
            constraint=models.UniqueConstraint(fields=('livestream', 'viewer_id'), name='revoked_viewer_once_per_livestream'),
        ),
    ]
