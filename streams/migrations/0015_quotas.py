"""Organizations have quotas of their own; sessions say that a source changed, or was above a quota."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('streams', '0014_members'),
    ]

    operations = [
        migrations.AddField(
            model_name='organization',
            name='max_broadcast_kbps',
            field=models.PositiveIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='organization',
            name='max_livestreams',
            field=models.PositiveIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='organization',
            name='max_sessions',
            field=models.PositiveIntegerField(editable=False, null=True),
        ),
        migrations.AlterField(
            model_name='session',
            name='end_reason',
            field=models.CharField(blank=True, choices=[('encoder_stopped', 'Encoder stopped'), ('encoder_lost', 'Encoder lost'), ('ended_by_operator', 'Ended by an operator'), ('disabled', 'Livestream disabled'), ('key_reset', 'Stream key reset'), ('deleted', 'Livestream deleted'), ('source_refused', 'Source not usable'), ('transcoder_failed', 'Transcoder failed'), ('over_quota', "Above its organization's quota"), ('test_picture_replaced', 'An encoder took over')], editable=False, max_length=32),
        ),
        migrations.AlterField(
            model_name='sessionevent',
            name='kind',
            field=models.CharField(choices=[('status', 'Status'), ('run_started', 'Run started'), ('run_failed', 'Interrupted'), ('run_lost', 'Interrupted'), ('run_postponed', 'Waiting'), ('source_changed', 'Source changed'), ('resumed', 'Resumed')], max_length=16),
        ),
    ]
