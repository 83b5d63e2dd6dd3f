"""Where recordings are stored: the folder of their node, unless a storage of their app's was chosen."""

from pathlib import Path

from django.conf import settings

from streams.recordings.models import Recording
from streams.recordings.storage_services import open_target
from streams.recordings.stores.base import Store, StoreError
from streams.recordings.stores.folder import FolderStore


def store_of(recording: Recording) -> Store:
    """Return the client of a recording's store.

    :raises StoreError: when its settings cannot be right any more.
    """
    if recording.storage is None:
        return folder_store()
    if recording.storage.deleted_at is not None:
        raise StoreError(
            f"The storage {recording.storage} was deleted, and what opens it with it.", code="credentials_refused"
        )
    return open_target(recording.storage)


def folder_store() -> FolderStore:
    """Return the store of this node, whose objects LiveHub hands out itself."""
    return FolderStore(Path(settings.RECORDINGS_DIR))
