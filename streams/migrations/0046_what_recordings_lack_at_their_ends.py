from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("streams", "0045_recording_push"),
    ]

    operations = [
        migrations.AddField(
            model_name="recording",
            name="lost_at_begin",
            field=models.JSONField(default=list, editable=False),
        ),
        migrations.AddField(
            model_name="recording",
            name="lost_at_end",
            field=models.JSONField(default=list, editable=False),
        ),
        migrations.AlterField(
            model_name="recording",
            name="stop_reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("api_call", "By call"),
                    ("broadcast_ended", "The broadcast ended"),
                    ("max_seconds", "Longest time reached"),
                    ("moved", "The broadcast went on at another machine"),
                    ("internal_error", "An error of ours"),
                ],
                editable=False,
                max_length=16,
            ),
        ),
    ]
