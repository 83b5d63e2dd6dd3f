"""Where a livestream's files are: one interface, and the folder of this node behind it.

`<root>/<playback id>/` holds the multivariant playlists, the thumbnail, the preview, and a folder for each session,
rarely several.
"""

import errno
import shutil
from collections.abc import Iterable
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Protocol
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from streams.livestreams.addresses import LIVE_PLAYLIST_NAME, PLAYLIST_NAME, PREVIEW_NAME, THUMBNAIL_NAME
from streams.livestreams.models import Session
from streams.media.shelf import end_session

_FOLDER_NAME_LENGTH = 16
# No livestream is called that.
_SLATES = ".slates"


class Storage(Protocol):
    """What a broadcast needs of the place that keeps its files."""

    def session_folder(self, playback_id: str, *, session_id: UUID) -> Path:
        """Return where a session's runs write its renditions."""

    def thumbnail_path(self, playback_id: str) -> Path:
        """Return where a run writes the newest picture."""

    def preview_path(self, playback_id: str) -> Path:
        """Return where a run writes an animation of the last pictures."""

    def slates_path(self) -> Path:
        """Return the folder of slates that were made; any of them may be removed."""

    def publish(self, playback_id: str, name: str, multivariant: str) -> None:
        """Show viewers this multivariant playlist, in one step."""

    def withdraw(self, playback_id: str) -> None:
        """Show viewers nothing; what is written stays."""

    def finish(self, playback_id: str, *, session_id: UUID) -> list[Path]:
        """End the playlists of a session; return the folders where there were any without an end."""

    def remove_session(self, playback_id: str, *, session_id: UUID) -> None:
        """Remove what a session has written.

        :raises OSError: when something cannot be removed.
        """

    def remove(self, playback_id: str) -> None:
        """Remove everything of a livestream.

        :raises OSError: when something cannot be removed, or is being written.
        """


def local_storage() -> Storage:
    """Return the storage of this node."""
    return FolderStorage(Path(settings.PLAYBACK_DIR))


class FolderStorage:
    """A folder that the edge serves."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def session_folder(self, playback_id: str, *, session_id: UUID) -> Path:
        return self._root / playback_id / folder_name(session_id)

    def thumbnail_path(self, playback_id: str) -> Path:
        return self._root / playback_id / THUMBNAIL_NAME

    def preview_path(self, playback_id: str) -> Path:
        return self._root / playback_id / PREVIEW_NAME

    def slates_path(self) -> Path:
        return self._root / _SLATES

    def publish(self, playback_id: str, name: str, multivariant: str) -> None:
        _replace(self._root / playback_id / name, multivariant)

    def withdraw(self, playback_id: str) -> None:
        for name in (PLAYLIST_NAME, LIVE_PLAYLIST_NAME, THUMBNAIL_NAME, PREVIEW_NAME):
            (self._root / playback_id / name).unlink(missing_ok=True)

    def finish(self, playback_id: str, *, session_id: UUID) -> list[Path]:
        folders = (self._root / playback_id).glob(f"{folder_name(session_id)}*")
        return [folder for folder in folders if end_session(folder)]

    def remove_session(self, playback_id: str, *, session_id: UUID) -> None:
        folder = self._root / playback_id
        for run in folder.glob(f"{folder_name(session_id)}*"):
            shutil.rmtree(run)
        if not any(path.is_dir() for path in folder.glob("*")):
            # Nobody has come since: what is left shows a broadcast that is gone.
            self.withdraw(playback_id)
        _remove_if_empty(folder)

    def remove(self, playback_id: str) -> None:
        # Not by suppressing FileNotFoundError: a file that vanishes meanwhile raises it too, and leaves the rest.
        if (self._root / playback_id).exists():
            shutil.rmtree(self._root / playback_id)


def _replace(path: Path, text: str) -> None:
    draft = path.with_suffix(".draft")
    draft.write_text(text)
    draft.replace(path)


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except FileNotFoundError:
        pass
    except OSError as error:
        if error.errno != errno.ENOTEMPTY:  # Another session's files are there.
            raise


def folder_name(session_id: UUID) -> str:
    """Return what a session's folder is called below its livestream's."""
    return session_id.hex[:_FOLDER_NAME_LENGTH]


def find_sessions_of_folders(names: Iterable[str]) -> dict[str, Session]:
    """Return whose folders those are, by their names, each with its livestream; one query, and none for none."""
    missing = "0" * (32 - _FOLDER_NAME_LENGTH)
    ranges = [Q(pk__gte=UUID(name + missing), pk__lte=UUID(name + missing.replace("0", "f"))) for name in names]
    if not ranges:
        return {}
    sessions = Session.objects.filter(reduce(or_, ranges)).select_related("livestream")
    return {folder_name(session.pk): session for session in sessions}
