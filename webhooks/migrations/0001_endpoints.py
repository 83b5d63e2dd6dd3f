"""Endpoints, events, deliveries and attempts."""

import django.contrib.postgres.fields
import django.db.models.deletion
import uuid
import webhooks.fields
from django.db import migrations, models


# A random UUID, with the milliseconds since 1970 in its first six bytes, and 7 for the version. Source: RFC 9562, 5.7.
_UUID7 = """
CREATE FUNCTION webhooks_uuid7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT encode(
        set_bit(
            set_bit(
                overlay(
                    uuid_send(gen_random_uuid())
                    PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                    FROM 1 FOR 6
                ),
                52, 1
            ),
            53, 1
        ),
        'hex'
    )::uuid
$$
"""


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('streams', '0024_livestream_indexes'),
    ]

    operations = [
        migrations.RunSQL(_UUID7, "DROP FUNCTION webhooks_uuid7()"),
        migrations.CreateModel(
            name='Subject',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('sequence', models.BigIntegerField()),
                ('transaction', webhooks.fields.TransactionField(db_default=webhooks.fields.CurrentTransaction(), editable=False)),
            ],
        ),
        migrations.CreateModel(
            name='Endpoint',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=255)),
                ('url', models.CharField(max_length=2048)),
                ('events', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=64), size=None)),
                ('format', models.CharField(choices=[('dyte', 'Dyte v2'), ('realtimekit', 'RealtimeKit')], default='dyte', max_length=16)),
                ('enabled', models.BooleanField(default=True)),
                ('disabled_reason', models.CharField(blank=True, choices=[('gone', 'The endpoint answered 410 Gone'), ('failing', 'No delivery succeeded for 5 days')], editable=False, max_length=16)),
                ('secret_encrypted', models.TextField(editable=False)),
                ('previous_secret_encrypted', models.TextField(blank=True, editable=False)),
                ('previous_secret_until', models.DateTimeField(editable=False, null=True)),
                ('failures', models.PositiveIntegerField(default=0, editable=False)),
                ('failing_since', models.DateTimeField(editable=False, null=True)),
                ('last_success_at', models.DateTimeField(editable=False, null=True)),
                ('last_error', models.CharField(blank=True, editable=False, max_length=255)),
                ('open_until', models.DateTimeField(editable=False, null=True)),
                ('claimed_by', models.UUIDField(editable=False, null=True)),
                ('claimed_until', models.DateTimeField(editable=False, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('deleted_at', models.DateTimeField(editable=False, null=True)),
                ('app', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='webhook_endpoints', to='streams.app')),
            ],
        ),
        migrations.CreateModel(
            name='Event',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('uid', models.UUIDField(db_default=webhooks.fields.Uuid7(), editable=False, unique=True)),
                ('type', models.CharField(max_length=64)),
                ('names', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=64), size=None)),
                ('subject_type', models.CharField(max_length=16)),
                ('subject_id', models.UUIDField()),
                ('sequence', models.BigIntegerField()),
                ('at', models.DateTimeField()),
                ('facts', models.JSONField()),
                ('transaction', webhooks.fields.TransactionField(db_default=webhooks.fields.CurrentTransaction(), editable=False)),
                ('app', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='streams.app')),
            ],
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('uid', models.UUIDField(db_default=webhooks.fields.Uuid7(), editable=False, unique=True)),
                ('name', models.CharField(max_length=64)),
                ('subject_id', models.UUIDField()),
                ('sequence', models.BigIntegerField()),
                ('state', models.CharField(choices=[('pending', 'Pending'), ('delivered', 'Delivered'), ('failed', 'Failed')], default='pending', max_length=16)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('tries', models.PositiveIntegerField(default=0)),
                ('due_at', models.DateTimeField()),
                ('holds_until', models.DateTimeField(null=True)),
                ('last_status', models.PositiveSmallIntegerField(null=True)),
                ('last_error', models.CharField(blank=True, max_length=255)),
                ('created_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(null=True)),
                ('endpoint', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='webhooks.endpoint')),
                ('event', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='webhooks.event')),
            ],
        ),
        migrations.CreateModel(
            name='Attempt',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('number', models.PositiveIntegerField()),
                ('at', models.DateTimeField()),
                ('duration_ms', models.PositiveIntegerField()),
                ('status', models.PositiveSmallIntegerField(null=True)),
                ('error', models.CharField(blank=True, max_length=255)),
                ('headers', models.JSONField(default=dict)),
                ('answer', models.TextField(blank=True)),
                ('answer_headers', models.JSONField(default=dict)),
                ('delivery', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='attempt_rows', to='webhooks.delivery')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('delivery', 'number'), name='attempt_number')],
            },
        ),
        migrations.AddIndex(
            model_name='endpoint',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['app', 'created_at', 'id'], name='endpoint_list'),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(fields=['app', 'transaction', 'id'], name='event_feed'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('state', 'pending')), fields=['endpoint', 'event', 'id'], name='delivery_pending'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('holds_until__isnull', False), ('state', 'pending')), fields=['endpoint', 'subject_id', 'event'], name='delivery_holds'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('state', 'pending')), fields=['endpoint', 'due_at'], name='delivery_due'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('state', 'failed')), fields=['endpoint', 'event'], name='delivery_failed'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.UniqueConstraint(fields=('endpoint', 'event', 'name'), name='delivery_once'),
        ),
    ]
