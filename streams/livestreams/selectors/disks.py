"""How much room the nodes have for broadcasts."""

from collections.abc import Sequence
from datetime import timedelta

from django.urls import reverse

from livehub.core import clock
from streams.dashboard.concerns import Concern
from streams.livestreams.models import NodeDisk
from streams.livestreams.states import DiskLevel

# A node that has not told for so long is gone.
GONE_AFTER = timedelta(days=7)
_WORDS = {
    DiskLevel.LOW: "Make room soon: when it is full, files of ended broadcasts are removed, oldest first.",
    DiskLevel.FULL: "Live broadcasts go on; files of ended ones are removed, oldest first, until there is room.",
}


def list_disks() -> list[NodeDisk]:
    """Return the disks of all nodes, by name."""
    return list(NodeDisk.objects.filter(seen_at__gt=clock.now() - GONE_AFTER).order_by("node"))


def is_any_disk_full() -> bool:
    """Tell whether files of ended broadcasts are going before their time somewhere."""
    return NodeDisk.objects.filter(level=DiskLevel.FULL, seen_at__gt=clock.now() - GONE_AFTER).exists()


def list_disk_concerns() -> Sequence[Concern]:
    """Return the disks that need a hand, for those who look after the machines."""
    return [
        Concern(
            disk.shown.label,
            disk.shown.tone,
            f"Disk of {disk.node}",
            f"{disk.used_percent:.0f} % in use. {_WORDS[DiskLevel(disk.level)]}",
            disk.since,
            reverse("streams:system"),
        )
        for disk in list_disks()
        if disk.level != DiskLevel.FINE
    ]
