from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('streams', '0052_streamer_links'),
    ]

    operations = [
        migrations.AddField(
            model_name='streamerlink',
            name='expires_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
    ]
