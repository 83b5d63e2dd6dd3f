"""What moved into rooms of its own is gone from where it was."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('streams', '0008_move_into_rooms'),
    ]

    operations = [
        migrations.RemoveField(
            model_name='statuschange',
            name='session',
        ),
        migrations.RemoveIndex(
            model_name='session',
            name='session_open',
        ),
        migrations.RemoveIndex(
            model_name='session',
            name='session_with_files',
        ),
        migrations.RemoveField(
            model_name='livestream',
            name='stream_key_digest',
        ),
        migrations.RemoveField(
            model_name='livestream',
            name='stream_key_encrypted',
        ),
        migrations.RemoveField(
            model_name='session',
            name='crashed_at',
        ),
        migrations.RemoveField(
            model_name='session',
            name='crashes',
        ),
        migrations.RemoveField(
            model_name='session',
            name='encoder_address',
        ),
        migrations.RemoveField(
            model_name='session',
            name='encoder_left_at',
        ),
        migrations.RemoveField(
            model_name='session',
            name='encoder_software',
        ),
        migrations.RemoveField(
            model_name='session',
            name='epoch',
        ),
        migrations.RemoveField(
            model_name='session',
            name='files_removed_at',
        ),
        migrations.RemoveField(
            model_name='session',
            name='ingest_client_id',
        ),
        migrations.RemoveField(
            model_name='session',
            name='ingest_ms',
        ),
        migrations.RemoveField(
            model_name='session',
            name='last_ingest_at',
        ),
        migrations.RemoveField(
            model_name='session',
            name='lease_until',
        ),
        migrations.RemoveField(
            model_name='session',
            name='worker',
        ),
        migrations.DeleteModel(
            name='StatusChange',
        ),
        migrations.AddIndex(
            model_name='session',
            index=models.Index(condition=models.Q(('stopped_at__isnull', False), models.Q(('file_nodes', []), _negated=True)), fields=['stopped_at'], name='session_with_files'),
        ),
    ]
