"""Whether recordings could be kept in a storage: tried with a small object."""

import secrets

from streams.recordings.stores.base import PART_SIZE_MIN_BYTES, Store, Upload, UploadPart
from streams.recordings.stores.faults import store_error


def try_store(store: Store) -> None:
    """Write, read and delete a small object, in the way recordings go.

    :raises StoreError: why recordings could not be kept there.
    """
    name = f"livehub-check-{secrets.token_hex(8)}.txt"
    content = b"LiveHub wrote this to see whether recordings can be kept here. It may be removed.\n"
    upload = Upload(name, store.begin(name, content_type="text/plain"), PART_SIZE_MIN_BYTES)
    try:
        receipt = store.append(upload, UploadPart(1, 0, len(content), is_last=True), content)
        store.finish(upload, [receipt])
    except Exception:
        store.abort(upload)
        raise
    found = store.read(name, offset=0, length=len(content))
    store.delete(name)
    if found != content:
        raise store_error("damaged")
