"""Broadcasts begin with the slate, before their encoder comes."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('streams', '0031_left_out'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='session',
            name='session_stopped_iff_over',
        ),
        migrations.RemoveConstraint(
            model_name='session',
            name='session_reconnects_until',
        ),
        migrations.AddField(
            model_name='session',
            name='standby_node',
            field=models.CharField(blank=True, editable=False, max_length=32),
        ),
        migrations.AlterField(
            model_name='livestream',
            name='status',
            field=models.CharField(choices=[('idle', 'Idle'), ('connecting', 'Connecting'), ('standby', 'Standby'), ('live', 'Live'), ('reconnecting', 'Reconnecting'), ('errored', 'Errored')], default='idle', editable=False, max_length=16),
        ),
        migrations.AlterField(
            model_name='session',
            name='end_reason',
            field=models.CharField(blank=True, choices=[('encoder_stopped', 'Encoder stopped'), ('encoder_lost', 'Encoder lost'), ('no_encoder', 'No encoder came'), ('ended_by_operator', 'Ended by an operator'), ('disabled', 'Livestream disabled'), ('stopped', "Meeting's livestream stopped"), ('key_reset', 'Stream key reset'), ('deleted', 'Livestream deleted'), ('source_refused', 'Source not usable'), ('transcoder_failed', 'Transcoder failed'), ('over_quota', "Above its organization's quota"), ('test_picture_replaced', 'An encoder took over'), ('runtime_over', 'Longest time on air reached')], editable=False, max_length=32),
        ),
        migrations.AlterField(
            model_name='session',
            name='status',
            field=models.CharField(choices=[('connecting', 'Connecting'), ('standby', 'Standby'), ('live', 'Live'), ('reconnecting', 'Reconnecting'), ('ended', 'Ended'), ('errored', 'Errored')], default='connecting', editable=False, max_length=16),
        ),
        migrations.AlterField(
            model_name='sessionevent',
            name='kind',
            field=models.CharField(choices=[('status', 'Status'), ('run_started', 'Run started'), ('run_failed', 'Interrupted'), ('run_lost', 'Interrupted'), ('run_postponed', 'Waiting'), ('source_changed', 'Source changed'), ('overloaded', 'Quality lowered'), ('restored', 'Quality restored'), ('resumed', 'Resumed'), ('slate_shown', 'Slate on air'), ('files_removed', 'Files removed'), ('connected', 'Encoder connected'), ('replaced', 'Encoder replaced'), ('queued', 'Waiting for a place'), ('refused', 'Encoder refused')], max_length=16),
        ),
        migrations.AddConstraint(
            model_name='session',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status__in', ['connecting', 'live', 'standby', 'reconnecting']), ('stopped_at', None)), models.Q(('status__in', ['ended', 'errored']), ('stopped_at__isnull', False)), _connector='OR'), name='session_stopped_iff_over'),
        ),
        migrations.AddConstraint(
            model_name='session',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('reconnect_until__isnull', False), ('status__in', ['standby', 'reconnecting'])), models.Q(models.Q(('status__in', ['standby', 'reconnecting']), _negated=True), ('reconnect_until', None)), _connector='OR'), name='session_reconnects_until'),
        ),
    ]
