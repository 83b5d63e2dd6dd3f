"""Looking after this node's disk: live goes on, and files of broadcasts that are over make room for it.

A broadcast that is on air cannot wait for room, and nobody is there at night to make some.
"""

import logging
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import F, Func

from livehub.core import clock
from streams.livestreams import live_updates, node_jobs, playback
from streams.livestreams.models import NodeDisk, Session, SessionEvent, SessionQuerySet
from streams.livestreams.selectors import GONE_AFTER
from streams.livestreams.states import DiskLevel, EventKind
from streams.organizations.models import Organization

logger = logging.getLogger(__name__)

_MB = 1_000_000
# Less than a task's time allows; what is left goes the next time.
_MOST_REMOVED_AT_ONCE = 50
# A run that hears late of its session's end still writes.
_SETTLED_AFTER = timedelta(seconds=60)


@dataclass(frozen=True)
class Room:
    """What a file system has, in bytes; `free_bytes` is what we could still write."""

    total_bytes: int
    used_bytes: int
    free_bytes: int

    @property
    def used_percent(self) -> float:
        """As `df` has it: of what is ours to use."""
        usable = self.used_bytes + self.free_bytes
        return 100 * self.used_bytes / usable if usable else 100.0

    @property
    def level(self) -> DiskLevel:
        """What this is by the present settings."""
        if self.used_percent > settings.DISK_STOP_PERCENT or self.free_bytes < settings.DISK_STOP_MB * _MB:
            return DiskLevel.FULL
        if self.used_percent > settings.DISK_WARN_PERCENT or self.free_bytes < settings.DISK_WARN_MB * _MB:
            return DiskLevel.LOW
        return DiskLevel.FINE


def measure() -> Room:
    """Return the room of the disk that this node's broadcasts are written to.

    :raises OSError: when it cannot be read.
    """
    folder = Path(settings.PLAYBACK_DIR)
    # Made by the first broadcast.
    usage = shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists()))
    return Room(usage.total, usage.used, usage.free)


def call_for_disks() -> None:
    """Have each node look at its disk: those known, those with files, and this one.

    :raises BrokerUnavailableError: when nobody knows whether it has been called already.
    """
    NodeDisk.objects.filter(seen_at__lt=clock.now() - GONE_AFTER).delete()
    holders = Session.objects.over().exclude(file_nodes=[])
    nodes = set(holders.values_list(Func(F("file_nodes"), function="unnest"), flat=True).distinct())
    nodes |= set(NodeDisk.objects.values_list("node", flat=True))
    for node in sorted({settings.NODE, *nodes}):
        node_jobs.guard_disk(node)


def guard_disk() -> int:
    """Note how full this node's disk is, and make room where it is full; return how many sessions lost their files.

    :raises OSError: when the disk cannot be read.
    """
    room = measure()
    _note(room)
    if room.level != DiskLevel.FULL:
        return 0
    removed = _make_room()
    if removed:
        _note(measure())
    return removed


def _make_room() -> int:
    before = clock.now() - _SETTLED_AFTER
    over = Session.objects.filter(stopped_at__lt=before).with_files_on(settings.NODE).select_related("livestream__app")
    removed = _remove(over.order_by("stopped_at", "id"))
    # Where nothing of those can be removed, the others have to do.
    return removed or _remove(over.order_by("?"))


def _remove(sessions: SessionQuerySet) -> int:
    """Remove files until there is room; return of how many sessions."""
    removed = 0
    for session in sessions[:_MOST_REMOVED_AT_ONCE]:
        room = measure()
        if room.level != DiskLevel.FULL:
            break
        if playback.remove_files(session):
            removed += 1
            _tell(session, room)
    return removed


def _tell(session: Session, room: Room) -> None:
    reason = f"The disk of {settings.NODE} was full ({room.used_percent:.0f} % in use), so they went before their time"
    logger.warning("files removed session=%s: %s", session.pk, reason)
    SessionEvent.objects.create(
        session=session,
        kind=EventKind.FILES_REMOVED,
        at=clock.now(),
        reason=reason,
        data={"node": settings.NODE, "used_percent": round(room.used_percent, 1), "free_bytes": room.free_bytes},
    )
    live_updates.tell_pages(
        live_updates.livestream_group(session.livestream_id),
        live_updates.organization_group(session.livestream.app.organization_id),
    )


def _note(room: Room) -> None:
    now = clock.now()
    level = room.level
    before = NodeDisk.objects.filter(node=settings.NODE).first()
    has_changed = before is None or before.level != level
    since: datetime = now if before is None or has_changed else before.since
    NodeDisk.objects.update_or_create(
        node=settings.NODE,
        defaults={
            "level": level,
            "total_bytes": room.total_bytes,
            "free_bytes": room.free_bytes,
            "used_percent": room.used_percent,
            "since": since,
            "seen_at": now,
        },
    )
    if has_changed and (before is not None or level != DiskLevel.FINE):
        logger.warning("disk is %s used_percent=%.1f free_mb=%d", level, room.used_percent, room.free_bytes // _MB)
        # It is a machine's, and everybody's overview shows it to whom it concerns.
        groups = map(live_updates.organization_group, Organization.objects.values_list("pk", flat=True))
        live_updates.tell_pages(*groups)
