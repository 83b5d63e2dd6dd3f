"""One run per data folder."""

import fcntl
import os
from pathlib import Path

from livehub.stack.errors import StartError


def lock_data_folder(path: Path) -> int:
    """Take the lock for the rest of this process's life, also across exec; return its file descriptor.

    :raises StartError: when another run has it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise StartError(
            f"LiveHub already runs on the data folder {path.parent} (process {holder}). "
            "Stop that one, or set LIVEHUB_DATA_DIR and the ports for a second instance."
        ) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    os.set_inheritable(descriptor, True)
    return descriptor
