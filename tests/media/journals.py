"""Journals as packagers leave them that were killed."""

from pathlib import Path

from streams.media.journal import Opened, Reader, Record, RunBegan, Writer


def begin_journal(folder: Path, *, epoch: int) -> None:
    """Write what an epoch's packager writes first, and no end."""
    folder.mkdir(parents=True, exist_ok=True)
    reader = Reader(folder)
    reader.read()
    writer = Writer(folder, Opened(epoch, 300_000, 4, 60, *reader.position))
    writer.write(RunBegan(epoch - 1))
    writer.close()


def last_record(folder: Path) -> Record:
    """Return what players know last of a session."""
    return Reader(folder).read()[1][-1].record
