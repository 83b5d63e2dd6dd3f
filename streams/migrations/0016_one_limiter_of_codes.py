"""Wrong codes are counted where all tries are: in the budgets of attempts."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('streams', '0015_quotas'),
    ]

    operations = [
        migrations.RemoveField(
            model_name='secondfactor',
            name='failures',
        ),
        migrations.RemoveField(
            model_name='secondfactor',
            name='retry_at',
        ),
    ]
