"""Where recordings are stored: the folder of their node, unless something else was chosen."""

from pathlib import Path

from django.conf import settings

from streams.recordings.models import Recording
from streams.recordings.stores.base import Store
from streams.recordings.stores.folder import FolderStore


def store_of(recording: Recording) -> Store:
    """Return the client of a recording's store."""
    return folder_store()


def folder_store() -> FolderStore:
    """Return the store of this node, whose objects LiveHub hands out itself."""
    return FolderStore(Path(settings.RECORDINGS_DIR))
