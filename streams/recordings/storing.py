"""Where recordings and clips are stored: the folder of their node, unless a storage of their app's was chosen."""

from pathlib import Path

from django.conf import settings

from streams.recordings.models import Clip, Recording
from streams.recordings.storage_services import open_target
from streams.recordings.stores.base import Store, StoreError, Upload
from streams.recordings.stores.folder import FolderStore

_GONE = frozenset({"object_missing", "upload_missing"})


def store_of(stored: Recording | Clip) -> Store:
    """Return the client of the store of a recording or clip.

    :raises StoreError: when its settings cannot be right any more.
    """
    if stored.storage is None:
        return folder_store()
    if stored.storage.deleted_at is not None:
        raise StoreError(
            f"The storage {stored.storage} was deleted, and what opens it with it.", code="credentials_refused"
        )
    return open_target(stored.storage)


def abandon(store: Store, upload: Upload) -> None:
    """Remove what a store has of an upload that will not be finished, if it has anything.

    :raises StoreError: when the store does not do it.
    """
    try:
        store.abort(upload)
    except StoreError as error:
        # It was finished, and whoever did that was killed before it was written down.
        if error.code not in _GONE:
            raise


def folder_store() -> FolderStore:
    """Return the store of this node, whose objects LiveHub hands out itself."""
    return FolderStore(Path(settings.RECORDINGS_DIR))
