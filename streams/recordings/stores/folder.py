"""A folder of this machine: each upload is one file that grows, next to its place, and is renamed there at the end."""

import errno
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

from streams.recordings.stores.base import Receipt, StoredObject, StoreError, Upload, UploadPart
from streams.recordings.stores.faults import store_error
from streams.recordings.stores.names import checked_name
from streams.recordings.stores.trial import try_store

_FULL = {errno.ENOSPC, errno.EDQUOT}


class FolderStore:
    """Keeps objects below a folder, which is made when it is missing."""

    replaces_parts: ClassVar[bool] = True

    def __init__(self, root: Path) -> None:
        self._root = root

    def begin(self, name: str, *, content_type: str) -> str:
        token = secrets.token_hex(8)
        path = self._growing(Upload(name, token, 0))
        with _described():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            _sync_folder(path.parent)
        return token

    def append(self, upload: Upload, part: UploadPart, content: bytes) -> Receipt:
        with _described(missing="upload_missing"), _opened(self._growing(upload), os.O_WRONLY) as descriptor:
            left = memoryview(content)
            while left:
                left = left[os.pwrite(descriptor, left, part.offset + len(content) - len(left)) :]
            # Behind another one there may be what somebody else has sent since: who was held up is not to cut that.
            if part.is_last:
                os.ftruncate(descriptor, part.offset + len(content))
            os.fsync(descriptor)
        return Receipt(part.number, len(content), "")

    def receipts(self, upload: Upload) -> list[Receipt]:
        with _described(missing="upload_missing"):
            size = self._growing(upload).stat().st_size
        return [Receipt(number + 1, upload.part_size, "") for number in range(size // upload.part_size)]

    def finish(self, upload: Upload, receipts: Sequence[Receipt]) -> StoredObject:
        growing, path = self._growing(upload), self.path(upload.name)
        size = sum(receipt.size for receipt in receipts)
        with _described(missing="upload_missing"):
            if not growing.exists() and path.exists() and path.stat().st_size == size:
                return self._stored(upload.name)
            if growing.stat().st_size != size:
                raise store_error("damaged", f"{growing.stat().st_size} bytes instead of {size}")
            growing.replace(path)
            _sync_folder(path.parent)
        return self._stored(upload.name)

    def abort(self, upload: Upload) -> None:
        with _described():
            self._growing(upload).unlink(missing_ok=True)

    def stat(self, name: str) -> StoredObject | None:
        with _described():
            return self._stored(name) if self.path(name).is_file() else None

    def read(self, name: str, *, offset: int, length: int) -> bytes:
        with _described(missing="object_missing"), self.path(name).open("rb") as file:
            file.seek(offset)
            return file.read(length)

    def link(self, name: str, *, expires_s: int, file_name: str) -> str | None:
        return None

    def delete(self, name: str) -> None:
        path = self.path(name)
        with _described():
            path.unlink(missing_ok=True)
            # Folders of names go with their last object; whoever writes there at this moment keeps his.
            for folder in path.relative_to(self._root).parents[:-1]:
                with suppress(OSError):
                    (self._root / folder).rmdir()

    def check(self) -> None:
        try_store(self)

    def path(self, name: str) -> Path:
        """Return where an object is, for who hands it out from this machine."""
        return self._root / checked_name(name)

    def _growing(self, upload: Upload) -> Path:
        path = self.path(upload.name)
        return path.with_name(f".{path.name}.{upload.token}.part")

    def _stored(self, name: str) -> StoredObject:
        return StoredObject(name, self.path(name).stat().st_size, "")


@contextmanager
def _described(*, missing: str = "bucket_missing") -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _store_error(error, missing=missing) from error


def _store_error(error: OSError, *, missing: str) -> StoreError:
    if error.errno in _FULL:
        return store_error("full")
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return store_error(missing)
    if error.errno == errno.ENAMETOOLONG:
        return store_error("name_refused")
    code = "forbidden" if isinstance(error, PermissionError) else "unavailable"
    # The path is of this machine: not for whoever reads the reason.
    return store_error(code, error.strerror or type(error).__name__)


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    with _opened(folder, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
        os.fsync(descriptor)
