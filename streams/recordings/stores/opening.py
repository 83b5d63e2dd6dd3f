"""Which client a storage has. Each is read when it is first needed: together they take 100 MB of a worker's memory."""

from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path

from streams.recordings.stores.base import Store, StoreSettings
from streams.recordings.stores.faults import store_error

S3_KINDS = frozenset({"aws", "cloudflare", "digitalocean", "s3"})


def open_store(settings: StoreSettings, *, allowed: Sequence[str]) -> Store:
    """Return the client of a storage; nothing is sent yet. It goes inside to the `allowed` networks only.

    :raises StoreError: when the settings cannot be right.
    """
    networks = tuple(ip_network(text) for text in allowed)
    if settings.kind == "folder":
        from streams.recordings.stores.folder import FolderStore

        return FolderStore(Path(settings.path))
    if settings.kind in S3_KINDS:
        from streams.recordings.stores.s3 import S3Store

        return S3Store(settings, allowed=networks)
    if settings.kind == "azure":
        from streams.recordings.stores.azure import AzureStore

        return AzureStore(settings, allowed=networks)
    if settings.kind == "gcs":
        from streams.recordings.stores.gcs import GcsStore

        return GcsStore(settings, allowed=networks)
    if settings.kind == "sftp":
        from streams.recordings.stores.sftp import SftpStore

        return SftpStore(settings, allowed=networks)
    raise store_error("misconfigured", f"nobody knows the kind {settings.kind}")
