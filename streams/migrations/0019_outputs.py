"""Livestreams have outputs, and limits of their own."""

import django.db.models.deletion
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('streams', '0018_key_scopes'),
    ]

    operations = [
        migrations.AddField(
            model_name='livestream',
            name='activated_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='livestream',
            name='held_until',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='livestream',
            name='idle_timeout_s',
            field=models.PositiveIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='livestream',
            name='max_runtime_s',
            field=models.PositiveIntegerField(editable=False, null=True),
        ),
        migrations.AlterField(
            model_name='session',
            name='end_reason',
            field=models.CharField(blank=True, choices=[('encoder_stopped', 'Encoder stopped'), ('encoder_lost', 'Encoder lost'), ('ended_by_operator', 'Ended by an operator'), ('disabled', 'Livestream disabled'), ('key_reset', 'Stream key reset'), ('deleted', 'Livestream deleted'), ('source_refused', 'Source not usable'), ('transcoder_failed', 'Transcoder failed'), ('over_quota', "Above its organization's quota"), ('test_picture_replaced', 'An encoder took over'), ('runtime_over', 'Longest time on air reached')], editable=False, max_length=32),
        ),
        migrations.CreateModel(
            name='Output',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('type', models.CharField(choices=[('hls', 'HLS'), ('archive', 'Archive'), ('simulcast', 'Simulcast')], editable=False, max_length=16)),
                ('name', models.CharField(blank=True, max_length=255)),
                ('uri', models.CharField(blank=True, max_length=1024)),
                ('stream_key_encrypted', models.TextField(blank=True, editable=False)),
                ('stream_key_digest', models.CharField(blank=True, editable=False, max_length=64)),
                ('vendor', models.CharField(blank=True, max_length=64)),
                ('public_id', models.CharField(blank=True, max_length=255)),
                ('enabled', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('livestream', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='outputs', to='streams.livestream')),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('type', 'simulcast'), _negated=True), fields=('livestream', 'type'), name='output_one_hls_and_one_archive'), models.UniqueConstraint(condition=models.Q(('type', 'simulcast')), fields=('livestream', 'uri', 'stream_key_digest'), name='output_one_simulcast_per_channel'), models.CheckConstraint(condition=models.Q(models.Q(('type', 'simulcast'), models.Q(('uri', ''), _negated=True)), models.Q(models.Q(('type', 'simulcast'), _negated=True), ('uri', '')), _connector='OR'), name='output_uri_iff_simulcast')],
            },
        ),
    ]
