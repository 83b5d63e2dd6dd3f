"""The disks that broadcasts are written to."""

from django.db import models

from streams.livestreams.states import DISK_STATES, DiskLevel, Shown


class NodeDisk(models.Model):
    """How full the disk of one node's broadcasts is, as that node saw it last: one row a node.

    The node itself judges: what is too full there is a setting of its own.
    """

    node = models.CharField(max_length=32, primary_key=True, editable=False)
    level = models.CharField(max_length=16, choices=DiskLevel.choices, editable=False)
    total_bytes = models.PositiveBigIntegerField(editable=False)
    # What we could still write.
    free_bytes = models.PositiveBigIntegerField(editable=False)
    used_percent = models.FloatField(editable=False)
    # Since when it is at that level, and when it was looked at last.
    since = models.DateTimeField(editable=False)
    seen_at = models.DateTimeField(editable=False)

    def __str__(self) -> str:
        return f"{self.node}: {self.used_percent:.0f} %"

    @property
    def shown(self) -> Shown:
        return DISK_STATES[self.level]
