"""Broadcasts wait for an encoder that has dropped; for how long, was for how long an activated livestream waits."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('streams', '0026_playback_settings'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='session',
            name='session_stopped_iff_over',
        ),
        migrations.AddField(
            model_name='lease',
            name='connection',
            field=models.ForeignKey(db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='streams.connection'),
        ),
        migrations.AddField(
            model_name='livestream',
            name='duplicate_publisher',
            field=models.CharField(choices=[('reject', 'It is refused'), ('replace', 'It takes over')], default='reject', editable=False, max_length=16),
        ),
        migrations.AddField(
            model_name='livestream',
            name='end_hold_s',
            field=models.PositiveIntegerField(default=60, editable=False),
        ),
        migrations.AddField(
            model_name='livestream',
            name='reconnect_window_s',
            field=models.PositiveIntegerField(default=60, editable=False),
        ),
        migrations.AddField(
            model_name='session',
            name='reconnect_until',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AlterField(
            model_name='livestream',
            name='status',
            field=models.CharField(choices=[('idle', 'Idle'), ('connecting', 'Connecting'), ('live', 'Live'), ('reconnecting', 'Reconnecting'), ('errored', 'Errored')], default='idle', editable=False, max_length=16),
        ),
        migrations.AlterField(
            model_name='session',
            name='status',
            field=models.CharField(choices=[('connecting', 'Connecting'), ('live', 'Live'), ('reconnecting', 'Reconnecting'), ('ended', 'Ended'), ('errored', 'Errored')], default='connecting', editable=False, max_length=16),
        ),
        migrations.AlterField(
            model_name='sessionevent',
            name='kind',
            field=models.CharField(choices=[('status', 'Status'), ('run_started', 'Run started'), ('run_failed', 'Interrupted'), ('run_lost', 'Interrupted'), ('run_postponed', 'Waiting'), ('source_changed', 'Source changed'), ('resumed', 'Resumed'), ('connected', 'Encoder connected'), ('replaced', 'Encoder replaced'), ('refused', 'Encoder refused')], max_length=16),
        ),
        migrations.RunSQL(
            """
            UPDATE streams_livestream SET reconnect_window_s = LEAST(idle_timeout_s, 1800)
            WHERE idle_timeout_s IS NOT NULL
            """,
            migrations.RunSQL.noop,
        ),
        migrations.RemoveField(
            model_name='livestream',
            name='idle_timeout_s',
        ),
        migrations.AddConstraint(
            model_name='livestream',
            constraint=models.CheckConstraint(condition=models.Q(('reconnect_window_s__lte', 1800)), name='livestream_reconnect_has_an_end'),
        ),
        migrations.AddConstraint(
            model_name='livestream',
            constraint=models.CheckConstraint(condition=models.Q(('end_hold_s__lte', 3600)), name='livestream_end_hold_has_an_end'),
        ),
        migrations.AddConstraint(
            model_name='session',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status__in', ['connecting', 'live', 'reconnecting']), ('stopped_at', None)), models.Q(('status__in', ['ended', 'errored']), ('stopped_at__isnull', False)), _connector='OR'), name='session_stopped_iff_over'),
        ),
        migrations.AddConstraint(
            model_name='session',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('reconnect_until__isnull', False), ('status', 'reconnecting')), models.Q(models.Q(('status', 'reconnecting'), _negated=True), ('reconnect_until', None)), _connector='OR'), name='session_reconnects_until'),
        ),
    ]
