"""Journals as packagers leave them that were killed, or had no room."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.media.journal import Opened, Reader, Record, RunBegan, Writer


def begin_journal(folder: Path, *, epoch: int) -> None:
    """Write what an epoch's packager writes first, and no end."""
    folder.mkdir(parents=True, exist_ok=True)
    reader = Reader(folder)
    reader.read()
    writer = Writer(folder, Opened(epoch, 300_000, 4, 60, *reader.position))
    writer.write(RunBegan(epoch - 1, 0))
    writer.close()


def last_record(folder: Path) -> Record:
    """Return what players know last of a session."""
    return Reader(folder).read()[1][-1].record


@contextmanager
def no_room(*, above: int) -> Iterator[None]:
    """Have no file take more bytes than that for as long as the block lasts."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (above, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
