"""What a storage can do for a recording: take one object in parts, over days and many processes, and give it back.

An upload belongs to no process: whoever has its `Upload` goes on with it. Its parts are sent in order, one at a time,
all but the last of the same size; the same part may be sent again, with the same bytes, or with as many other ones
where `Store.replaces_parts` says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

# Of every part but the last. Google takes multiples of 256 KiB, Amazon 5 MiB and more.
PART_SIZE_MIN_BYTES = 8 * 1024 * 1024
# Amazon's; Azure takes 50,000.
PARTS_MAX = 10_000
# A call that moves nothing ends within so long; a byte adds to it as on the slowest line that is of any use.
_CALL_S = 60.0
_BYTES_PER_S = 128 * 1024


def bound_s(size_bytes: int = 0) -> float:
    """Return how long a call may take that moves so many bytes: 124 s for 8 MiB."""
    return _CALL_S + size_bytes / _BYTES_PER_S


class StoreError(Exception):
    """A storage did not do what it was asked for.

    `reason` is a sentence for whoever set the storage up, and says what to do; it never holds a secret. `code` is
    stable, one of `faults.FAULTS`. `is_ours` tells that the cause is this machine or LiveHub itself, not the storage
    or what it was set up with. `retryable` tells that the same call may succeed later without anybody changing
    anything.
    """

    def __init__(self, reason: str, *, code: str, is_ours: bool = False, retryable: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.is_ours = is_ours
        self.retryable = retryable


@dataclass(frozen=True, kw_only=True)
class StoreSettings:
    """Where a storage is and who we are there; what its kind has no use for is empty.

    `kind` is aws, azure, cloudflare, digitalocean, folder, gcs, s3 or sftp. `access_key` of azure is the connection
    string, `secret` of gcs a service account's key in JSON. `path` is put before names: of sftp and folder the folder,
    else a prefix. `host_key` is the server's public key in OpenSSH's notation; any is taken where it is empty.
    """

    kind: str
    bucket: str = ""
    region: str = ""
    endpoint: str = ""
    host: str = ""
    port: int = 22
    path: str = ""
    username: str = ""
    host_key: str = ""
    access_key: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)


@dataclass(frozen=True)
class Upload:
    """An object on its way: all that a process needs to go on with it.

    `token` is what `begin` gave, at most 2,048 characters. With some storages whoever knows it may write: it is kept
    as secrets are. `part_size` in bytes.
    """

    name: str
    token: str
    part_size: int


@dataclass(frozen=True)
class UploadPart:
    """Where some bytes belong: `number` from 1 on, `offset` and `size` in bytes. Only the last may be smaller."""

    number: int
    offset: int
    size: int
    is_last: bool = False


@dataclass(frozen=True)
class Receipt:
    """That a part is kept. `etag` is the storage's own word for it, needed to finish; empty where it has none."""

    number: int
    size: int
    etag: str


@dataclass(frozen=True)
class StoredObject:
    """An object that is whole: `size` in bytes, `etag` the storage's word for this very content, or empty."""

    name: str
    size: int
    etag: str


class Store(Protocol):
    """One storage, with its credentials.

    Names are relative, with slashes between folders, e.g. `shows/2026-07-01/recording.mp4`; the storage's own prefix
    is put before them here. Every call ends within `bound_s` and raises StoreError for whatever goes wrong. Not for
    several threads at once.

    `replaces_parts`: until an upload is finished, a part that is sent again takes the place of what it was, also one
    that is not the newest.
    """

    replaces_parts: ClassVar[bool]

    def begin(self, name: str, *, content_type: str) -> str:
        """Begin an upload and return its token; nothing is to be seen under that name yet."""
        ...

    def append(self, upload: Upload, part: UploadPart, content: bytes) -> Receipt:
        """Keep a part for good: once this has returned, it survives the storage's and our death.

        :raises StoreError: `upload_missing` when the upload was finished, aborted or forgotten.
        """
        ...

    def receipts(self, upload: Upload) -> list[Receipt]:
        """Return the parts that the storage has, in order; the last part of all may be left out although it is there.

        :raises StoreError: `upload_missing` when the upload was finished, aborted or forgotten: `stat` tells which.
        """
        ...

    def finish(self, upload: Upload, receipts: Sequence[Receipt]) -> StoredObject:
        """Make one object of all the parts, and show it under its name; one that was there is replaced.

        Does nothing when that has been done before, and returns the object.

        :raises StoreError: `damaged` when the object has another size than the receipts' together.
        """
        ...

    def abort(self, upload: Upload) -> None:
        """Remove the parts of an upload that will not be finished; one that is gone already is fine."""
        ...

    def stat(self, name: str) -> StoredObject | None:
        """Return what is there under that name, if anything."""
        ...

    def read(self, name: str, *, offset: int, length: int) -> bytes:
        """Return that range of an object; shorter where the object ends before.

        :raises StoreError: `object_missing` when there is none.
        """
        ...

    def link(self, name: str, *, expires_s: int, file_name: str) -> str | None:
        """Return a URL that lets anybody download the object as `file_name` for so long.

        None where the storage has no such links: LiveHub hands it out itself. Asks the storage nothing.
        """
        ...

    def delete(self, name: str) -> None:
        """Remove an object; one that is gone already is fine."""
        ...

    def check(self) -> None:
        """Write, read and delete a small object.

        :raises StoreError: why recordings could not be kept here.
        """
        ...
