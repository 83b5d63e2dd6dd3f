"""Which workers of this machine live: each holds a lock on a file for as long as its process does, however that ends.

A killed worker's successor is there before the leases end that it held, and need not wait for that.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class WorkerLocks:
    """The folder of these files, each called by its worker's name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def hold(self, name: str) -> int:
        """Take a worker's lock; return the file descriptor that is to stay open until the process ends.

        :raises OSError: when the file cannot be made.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            descriptor = os.open(self._folder / name, os.O_RDWR | os.O_CREAT, 0o600)
            # Whoever looks for the dead may have it for a moment, and remove the file.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_there(self._folder / name, descriptor):
                return descriptor
            os.close(descriptor)

    @contextmanager
    def of_the_dead(self) -> Iterator[list[str]]:
        """Yield the names of workers that are gone; they are forgotten when the block ends without an error."""
        paths = sorted(self._folder.iterdir()) if self._folder.is_dir() else []
        held = {path: descriptor for path in paths if (descriptor := _try_to_hold(path)) is not None}
        try:
            yield [path.name for path in held]
            for path in held:
                path.unlink(missing_ok=True)
        finally:
            for descriptor in held.values():
                os.close(descriptor)


def _try_to_hold(path: Path) -> int | None:
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    if _is_there(path, descriptor):
        return descriptor
    os.close(descriptor)
    return None


def _is_there(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
