"""Test pictures, tries with unknown stream keys, and the list of livestreams with what is on air first."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('streams', '0012_doors'),
    ]

    operations = [
        migrations.CreateModel(
            name='UnknownKeyTries',
            fields=[
                ('address', models.GenericIPAddressField(editable=False, primary_key=True, serialize=False)),
                ('tries', models.PositiveIntegerField(default=0, editable=False)),
                ('first_at', models.DateTimeField(editable=False)),
                ('last_at', models.DateTimeField(editable=False)),
            ],
        ),
        migrations.AddField(
            model_name='streamkey',
            name='is_for_test_picture',
            field=models.BooleanField(default=False, editable=False),
        ),
        migrations.AlterField(
            model_name='session',
            name='end_reason',
            field=models.CharField(blank=True, choices=[('encoder_stopped', 'Encoder stopped'), ('encoder_lost', 'Encoder lost'), ('ended_by_operator', 'Ended by an operator'), ('disabled', 'Livestream disabled'), ('key_reset', 'Stream key reset'), ('deleted', 'Livestream deleted'), ('source_refused', 'Source not usable'), ('transcoder_failed', 'Transcoder failed'), ('test_picture_replaced', 'An encoder took over')], editable=False, max_length=32),
        ),
        migrations.AddIndex(
            model_name='livestream',
            index=models.Index(models.F('app'), models.OrderBy(models.Case(models.When(status='live', then=0), models.When(status='connecting', then=1), default=2, output_field=models.SmallIntegerField())), models.OrderBy(models.F('created_at'), descending=True), models.OrderBy(models.F('id'), descending=True), condition=models.Q(('deleted_at', None)), name='livestream_live_first'),
        ),
        migrations.AddIndex(
            model_name='livestream',
            index=models.Index(condition=models.Q(('deleted_at', None), ('disabled', True)), fields=['app', '-created_at', '-id'], name='livestream_disabled'),
        ),
        migrations.AddIndex(
            model_name='streamkey',
            index=models.Index(condition=models.Q(('is_for_test_picture', True)), fields=['revoked_at'], name='stream_key_of_test_picture'),
        ),
        migrations.AddConstraint(
            model_name='streamkey',
            constraint=models.CheckConstraint(condition=models.Q(('is_for_test_picture', False), ('revoked_at__isnull', False), _connector='OR'), name='stream_key_of_test_picture_runs_out'),
        ),
        migrations.AddIndex(
            model_name='unknownkeytries',
            index=models.Index(fields=['last_at'], name='unknown_key_tries_last'),
        ),
    ]
