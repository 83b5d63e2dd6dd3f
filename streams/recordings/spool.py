"""What of a broadcast waits on this node until it is stored: hard links, which no window and no retention removes."""

import errno
import os
import shutil
from pathlib import Path
from uuid import UUID

from django.conf import settings

from streams.livestreams import disk_guard
from streams.livestreams.states import DiskLevel


def check_room() -> None:
    """Have what is made beside broadcasts wait while these need the disk: it takes no more than this leaves them.

    :raises OSError: when the disk is as full as that.
    """
    if disk_guard.measure().level == DiskLevel.FULL:
        raise OSError(errno.ENOSPC, "the rest of the disk is for broadcasts")


def link(recording_id: UUID, source: Path, *, slot: str, name: str) -> None:
    """Keep a segment's bytes, whatever becomes of its file.

    :raises FileNotFoundError: when the file is gone.
    :raises OSError: when it cannot be kept.
    """
    path = spooled(recording_id, slot=slot, name=name)
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, path)
    except FileExistsError:
        pass  # Whoever did that before was killed before it was written down, or only kept it.
    except FileNotFoundError:
        # Kept before it went.
        if not path.exists():
            raise


def spooled(recording_id: UUID, *, slot: str, name: str) -> Path:
    """Return where a segment waits."""
    return folder_of(recording_id) / f"{slot}-{name}"


def made_folder(recording_id: UUID) -> Path:
    """Return the folder of what waits, which is there then."""
    folder_of(recording_id).mkdir(parents=True, exist_ok=True)
    return folder_of(recording_id)


def remove(recording_id: UUID, *, slot: str, name: str) -> None:
    """Let a segment go that is stored."""
    spooled(recording_id, slot=slot, name=name).unlink(missing_ok=True)


def clear(recording_id: UUID) -> None:
    """Let all of them go.

    :raises OSError: when they cannot be removed.
    """
    if folder_of(recording_id).exists():
        shutil.rmtree(folder_of(recording_id))


def list_waiting() -> list[UUID]:
    """Return the recordings and clips that something waits for on this node."""
    root = Path(settings.RECORDING_SPOOL_DIR)
    return [UUID(hex=path.name) for path in root.glob("?" * 32)] if root.exists() else []


def folder_of(recording_id: UUID) -> Path:
    """Return the folder of what waits of a recording or clip, which may not be there."""
    return Path(settings.RECORDING_SPOOL_DIR) / recording_id.hex
