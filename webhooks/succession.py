"""Taking over at once from a courier of this machine that was killed, rather than when its claims lapse.

A file names the courier that is out; whoever holds its lock runs on. A process that gets the lock knows that the one
before it is dead, and not merely standing still.
"""

import fcntl
import os
import threading
from pathlib import Path
from uuid import UUID

from django.conf import settings

_NAME = "courier"
# Of a UUID in its usual form.
_ID_LENGTH = 36

_lock = threading.Lock()
_file: int | None = None


def succeed() -> UUID | None:
    """Return which courier the last process here was killed with, once; None when it ended, runs on, or is unknown."""
    global _file
    with _lock:
        if _file is not None:
            return None
        _file = _take(settings.RUNTIME_DIR / _NAME)
        if _file is None:
            return None
        left = os.pread(_file, _ID_LENGTH, 0).decode()
        os.ftruncate(_file, 0)
    return UUID(left) if len(left) == _ID_LENGTH else None


def go_out(courier_id: UUID) -> None:
    """Leave word of who is out; nothing where another process of this machine delivers as well."""
    if _file is not None:
        os.pwrite(_file, str(courier_id).encode(), 0)


def come_home(courier_id: UUID) -> None:
    """Leave word that nobody is out, unless somebody else has gone out meanwhile."""
    if _file is not None and os.pread(_file, _ID_LENGTH, 0).decode() == str(courier_id):
        os.ftruncate(_file, 0)


def _take(path: Path) -> int | None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file
