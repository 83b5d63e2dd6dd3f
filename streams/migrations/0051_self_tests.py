import uuid

import django.db.models.deletion
from django.db import migrations, models

import livehub.core.clock


class Migration(migrations.Migration):

    dependencies = [
        ('streams', '0050_findings'),
    ]

    operations = [
        migrations.AddField(
            model_name='organization',
            name='is_internal',
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AddConstraint(
            model_name='organization',
            constraint=models.UniqueConstraint(condition=models.Q(('is_internal', True)), fields=('is_internal',), name='organization_one_internal'),
        ),
        migrations.CreateModel(
            name='SelfTest',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('node', models.CharField(editable=False, max_length=32)),
                ('state', models.CharField(choices=[('running', 'Running'), ('passed', 'Passed'), ('failed', 'Failed'), ('broken_off', 'Broken Off')], default='running', editable=False, max_length=16)),
                ('created_at', models.DateTimeField(default=livehub.core.clock.now, editable=False)),
                ('claimed_at', models.DateTimeField(editable=False, null=True)),
                ('finished_at', models.DateTimeField(editable=False, null=True)),
                ('until', models.DateTimeField(editable=False)),
                ('steps', models.JSONField(default=list, editable=False)),
                ('encoder_to_fetchable_ms', models.PositiveIntegerField(editable=False, null=True)),
                ('glass_to_fetchable_ms', models.PositiveIntegerField(editable=False, null=True)),
                ('carries_more', models.PositiveIntegerField(editable=False, null=True)),
                ('is_in_outbox', models.BooleanField(editable=False, null=True)),
                ('livestream', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='streams.livestream')),
            ],
            options={
                'indexes': [models.Index(fields=['-created_at', '-id'], name='self_test_newest')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'running')), fields=('state',), name='self_test_one_at_a_time')],
            },
        ),
    ]
