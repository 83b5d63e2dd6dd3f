"""What programs were answered under an Idempotency-Key."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('streams', '0016_one_limiter_of_codes'),
    ]

    operations = [
        migrations.CreateModel(
            name='KeptAnswer',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('key', models.CharField(editable=False, max_length=255)),
                ('fingerprint', models.BinaryField(max_length=32)),
                ('http_status', models.PositiveSmallIntegerField(editable=False)),
                ('body', models.TextField(editable=False)),
                ('created_at', models.DateTimeField(editable=False)),
                ('api_key', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='streams.apikey')),
            ],
            options={
                'indexes': [models.Index(fields=['created_at'], name='kept_answer_by_age')],
                'constraints': [models.UniqueConstraint(fields=('api_key', 'key'), name='kept_answer_once_per_key')],
            },
        ),
    ]
