"""Names of objects: relative, without anything that leads out of the storage's own part."""

from pathlib import PurePosixPath
from urllib.parse import quote

from streams.recordings.stores.faults import store_error

# Amazon's and Google's bound, of UTF-8.
_NAME_BYTES = 1024


def checked_name(name: str) -> str:
    """Return the name.

    :raises StoreError: when it is absolute, too long, or would lead elsewhere.
    """
    parts = name.split("/")
    if not name or any(part in {"", ".", ".."} for part in parts) or not name.isprintable():
        raise store_error("name_refused")
    if len(name.encode("utf-8", errors="replace")) > _NAME_BYTES:
        raise store_error("name_refused")
    return name


def prefixed(prefix: str, name: str) -> str:
    """Return the name below a prefix, as buckets have it: relative."""
    return str(PurePosixPath(prefix.strip("/")) / checked_name(name))


def disposition(file_name: str) -> str:
    """Return the header by which browsers save something under that name. Source: RFC 6266."""
    return f"attachment; filename*=UTF-8''{quote(file_name, safe='')}"
