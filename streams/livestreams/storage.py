"""Where a livestream's files are: one interface, and the folder of this node behind it.

`<root>/<playback id>/` holds the multivariant playlist, the thumbnail, and a folder for each run of a session.
"""

import errno
import shutil
from pathlib import Path
from typing import Protocol
from uuid import UUID

from django.conf import settings

from streams.livestreams.addresses import PLAYLIST_NAME, THUMBNAIL_NAME
from streams.media.playlist import finish


class Storage(Protocol):
    """What a broadcast needs of the place that keeps its files; `run` is the name of a run's own folder."""

    def run_folder(self, playback_id: str, *, run: str) -> Path:
        """Return where a run writes its renditions."""

    def thumbnail_path(self, playback_id: str) -> Path:
        """Return where a run writes the newest picture."""

    def publish(self, playback_id: str, multivariant: str) -> None:
        """Show viewers this multivariant playlist, in one step."""

    def withdraw(self, playback_id: str) -> None:
        """Show viewers nothing; what is written stays."""

    def finish(self, playback_id: str, *, session_id: UUID) -> None:
        """End the playlists of a session that have no end yet."""

    def remove_session(self, playback_id: str, *, session_id: UUID) -> None:
        """Remove what a session has written.

        :raises OSError: when something cannot be removed.
        """

    def remove(self, playback_id: str) -> None:
        """Remove everything of a livestream.

        :raises OSError: when something cannot be removed, or is being written.
        """


def run_name(session_id: UUID, *, epoch: int) -> str:
    """Return the name of a run's folder; no two runs share one."""
    return f"{_prefix(session_id)}{epoch}"


def local_storage() -> Storage:
    """Return the storage of this node."""
    return FolderStorage(Path(settings.PLAYBACK_DIR))


class FolderStorage:
    """A folder that the edge serves."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def run_folder(self, playback_id: str, *, run: str) -> Path:
        return self._root / playback_id / run

    def thumbnail_path(self, playback_id: str) -> Path:
        return self._root / playback_id / THUMBNAIL_NAME

    def publish(self, playback_id: str, multivariant: str) -> None:
        _replace(self._root / playback_id / PLAYLIST_NAME, multivariant)

    def withdraw(self, playback_id: str) -> None:
        for name in (PLAYLIST_NAME, THUMBNAIL_NAME):
            (self._root / playback_id / name).unlink(missing_ok=True)

    def finish(self, playback_id: str, *, session_id: UUID) -> None:
        for playlist in (self._root / playback_id).glob(f"{_prefix(session_id)}*/*/{PLAYLIST_NAME}"):
            text = playlist.read_text()
            if finish(text) != text:
                _replace(playlist, finish(text))

    def remove_session(self, playback_id: str, *, session_id: UUID) -> None:
        folder = self._root / playback_id
        for run in folder.glob(f"{_prefix(session_id)}*"):
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


def _prefix(session_id: UUID) -> str:
    return f"{session_id.hex[:16]}-"
