"""Files of a packager, written as far as they go."""

import os
from collections.abc import Sequence
from pathlib import Path


def create(path: Path) -> int:
    """Return the descriptor of an empty file."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)


def write_whole(path: Path, pieces: Sequence[bytes | memoryview]) -> None:
    """Write a file that somebody may wait for by its name, who must not get a beginning."""
    draft = path.with_name(f".{path.name}")
    descriptor = create(draft)
    try:
        write_all(descriptor, pieces)
    finally:
        os.close(descriptor)
    draft.replace(path)


def write_all(descriptor: int, pieces: Sequence[bytes | memoryview]) -> None:
    """Write everything, or raise what keeps the rest from being written."""
    size = sum(len(piece) for piece in pieces)
    written = os.writev(descriptor, pieces)
    if written < size:
        rest = b"".join(pieces)
        while written < size:
            written += os.write(descriptor, rest[written:])
