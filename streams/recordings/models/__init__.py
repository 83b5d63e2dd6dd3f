"""The recordings' rows."""

from streams.recordings.models.storage import StorageTarget

__all__ = ["StorageTarget"]
