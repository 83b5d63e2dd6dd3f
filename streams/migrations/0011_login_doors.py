"""Tries to get in are counted, and stand in the audit log, whoever tried."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('streams', '0010_measured'),
    ]

    operations = [
        migrations.AddField(
            model_name='auditentry',
            name='address',
            field=models.GenericIPAddressField(null=True),
        ),
        migrations.AlterField(
            model_name='auditentry',
            name='organization',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='audit_entries', to='streams.organization'),
        ),
        migrations.AlterField(
            model_name='auditentry',
            name='target_id',
            field=models.UUIDField(null=True),
        ),
        migrations.CreateModel(
            name='AttemptBudget',
            fields=[
                ('key', models.CharField(editable=False, max_length=64, primary_key=True, serialize=False)),
                ('spent_until', models.DateTimeField(editable=False)),
            ],
            options={
                'indexes': [models.Index(fields=['spent_until'], name='attempt_budget_by_end')],
            },
        ),
    ]
