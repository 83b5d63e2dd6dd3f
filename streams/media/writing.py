"""Files that somebody may wait for by their names."""

import os
from collections.abc import Sequence
from pathlib import Path


def write_whole(path: Path, pieces: Sequence[bytes]) -> None:
    """Make a file in one step: whoever asks too early gets nothing, rather than a beginning to keep for a year.

    :raises OSError: when it cannot be written.
    """
    draft = path.with_name(f".{path.name}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        _write_all(descriptor, pieces)
    finally:
        os.close(descriptor)
    draft.replace(path)


def _write_all(descriptor: int, pieces: Sequence[bytes]) -> None:
    size = sum(len(piece) for piece in pieces)
    written = os.writev(descriptor, pieces)
    if written < size:
        rest = b"".join(pieces)
        while written < size:
            # It raises what keeps the rest from being written.
            written += os.write(descriptor, rest[written:])
