"""Rooms of their own: an encoder's connection, the lease, what happened, and stream keys. Filled by the next one."""

import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import livehub.core.clock
from django.db import migrations, models

# Room in each page for the next versions of its rows: a renewal then touches no index (a heap-only tuple).
_ROOM = """
ALTER TABLE streams_lease SET (fillfactor = 30);
ALTER TABLE streams_connection SET (fillfactor = 50);
"""


class Migration(migrations.Migration):

    dependencies = [
        ('streams', '0006_credential_revision'),
    ]

    operations = [
        migrations.CreateModel(
            name='Connection',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('node', models.CharField(editable=False, max_length=32)),
                ('client_id', models.PositiveBigIntegerField(editable=False)),
                ('address', models.GenericIPAddressField(editable=False, null=True)),
                ('software', models.CharField(blank=True, editable=False, max_length=255)),
                ('connected_at', models.DateTimeField(default=livehub.core.clock.now, editable=False)),
                ('disconnected_at', models.DateTimeField(editable=False, null=True)),
                ('last_seen_at', models.DateTimeField(default=livehub.core.clock.now, editable=False)),
                ('media_ms', models.PositiveBigIntegerField(default=0, editable=False)),
            ],
        ),
        migrations.CreateModel(
            name='Lease',
            fields=[
                ('session', models.OneToOneField(editable=False, on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='lease', serialize=False, to='streams.session')),
                ('worker', models.CharField(blank=True, editable=False, max_length=255)),
                ('epoch', models.PositiveIntegerField(default=0, editable=False)),
                ('until', models.DateTimeField(editable=False, null=True)),
                ('not_before', models.DateTimeField(editable=False, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='SessionEvent',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('status', 'Status'), ('run_started', 'Run started'), ('run_failed', 'Interrupted'), ('run_lost', 'Interrupted'), ('run_postponed', 'Waiting'), ('resumed', 'Resumed')], max_length=16)),
                ('at', models.DateTimeField()),
                ('reason', models.CharField(blank=True, max_length=255)),
                ('data', models.JSONField(default=dict)),
            ],
        ),
        migrations.CreateModel(
            name='StreamKey',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('digest', models.CharField(editable=False, max_length=64, unique=True)),
                ('encrypted', models.TextField(editable=False)),
                ('password_digest', models.CharField(blank=True, editable=False, max_length=64)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('revoked_at', models.DateTimeField(editable=False, null=True)),
            ],
        ),
        migrations.AddField(
            model_name='livestream',
            name='last_live_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='session',
            name='file_nodes',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=32), default=list, editable=False, size=None),
        ),
        migrations.AddIndex(
            model_name='livestream',
            index=models.Index(models.F('app'), models.OrderBy(models.F('last_live_at'), descending=True, nulls_last=True), condition=models.Q(('deleted_at', None)), name='livestream_by_last_live'),
        ),
        migrations.AddField(
            model_name='connection',
            name='session',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='connections', to='streams.session'),
        ),
        migrations.AddField(
            model_name='sessionevent',
            name='session',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='events', to='streams.session'),
        ),
        migrations.AddField(
            model_name='streamkey',
            name='livestream',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='stream_keys', to='streams.livestream'),
        ),
        migrations.AddField(
            model_name='connection',
            name='stream_key',
            field=models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='streams.streamkey'),
        ),
        migrations.AddConstraint(
            model_name='streamkey',
            constraint=models.UniqueConstraint(condition=models.Q(('revoked_at', None)), fields=('livestream',), name='stream_key_one_present_per_livestream'),
        ),
        migrations.AddConstraint(
            model_name='connection',
            constraint=models.UniqueConstraint(condition=models.Q(('disconnected_at', None)), fields=('session',), name='connection_one_open_per_session'),
        ),
        migrations.RunSQL(_ROOM, migrations.RunSQL.noop),
    ]
