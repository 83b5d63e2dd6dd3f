"""What was started with the slate comes before what is not on air: an index made while others go on writing."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

_LIVE_FIRST = models.Index(models.F('app'), models.OrderBy(models.Case(models.When(status='live', then=0), models.When(status='reconnecting', then=1), models.When(status='standby', then=2), models.When(status='connecting', then=3), default=4, output_field=models.SmallIntegerField())), models.OrderBy(models.F('created_at'), descending=True), models.OrderBy(models.F('id'), descending=True), condition=models.Q(('deleted_at', None)), name='livestream_live_first')


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("streams", "0032_standby")]

    operations = [
        # One that was broken off leaves an index that serves nobody, and has the name.
        migrations.RunSQL(
            "DROP INDEX CONCURRENTLY IF EXISTS livestream_live_first",
            migrations.RunSQL.noop,
            state_operations=[migrations.RemoveIndex("livestream", "livestream_live_first")],
        ),
        AddIndexConcurrently("livestream", _LIVE_FIRST),
    ]
