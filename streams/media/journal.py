"""A session's journal: what its packagers have made, so that whoever reads it can tell players.

`<session>/<epoch>.journal` has one writer, which only appends; a line is words between blanks and counts if it has its
end: a full disk tears lines. Each epoch's journal begins by saying up to where the one before counts: what a stale
writer adds to that later is nobody's business.
"""

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import BinaryIO, cast

from streams.media import kept

_SUFFIX = ".journal"
_END_OF_LINE = " ;"
_READ_SIZE = 256 * 1024
# Minutes of a broadcast: parts further from a journal's end are in no playlist any more.
_OLD_PARTS_SIZE = 256 * 1024


@dataclass(frozen=True)
class Opened:
    """The first line: what holds for the whole journal. `part_target_us` is 0 where there are no parts.

    The journal of `after_epoch` counts up to its byte `after_offset`; both are 0 where there is none before.
    """

    epoch: int
    part_target_us: int
    target_s: int
    dvr_window_s: int
    after_epoch: int
    after_offset: int


@dataclass(frozen=True)
class RunBegan:
    """All slots that begin after it go on behind a discontinuity, unless it is the session's first, number 0.

    They show another ffmpeg's media, or what was spliced into it. Slots get to a splice one after the other, and say
    with each segment from then on which run that is of.
    `zero_ms`, since 1970, is where the media's own clock begins, which is the same for all runs of a session.
    """

    number: int
    zero_ms: int


@dataclass(frozen=True)
class SlotBegan:
    """What a slot shows in the present run, in words of a multivariant playlist; zeros for audio."""

    slot: str
    codecs: str
    width: int
    height: int
    millifps: int


@dataclass(frozen=True)
class SlateShown:
    """What the slot shows from where it has just begun is no encoder's: a slate or a still, and silence.

    It stands behind `SlotBegan` and holds until the slot's next one: a slate begins and ends with a splice. Players are
    not told; recordings leave it out.
    """

    slot: str


@dataclass(frozen=True)
class PartMade:
    """A part can be fetched; `at_ms` is when its first picture was taken, since 1970."""

    slot: str
    msn: int
    part: int
    at_ms: int
    duration_us: int
    is_independent: int
    size: int


@dataclass(frozen=True)
class SegmentGrown:
    """More of a segment is on disk that no part tells of: nothing for players, but for who goes on after a crash.

    `at_ms` and `key_size` are as of a segment, the others of what was added.
    """

    slot: str
    msn: int
    at_ms: int
    duration_us: int
    size: int
    key_size: int


@dataclass(frozen=True)
class SegmentClosed:
    """A segment can be fetched as a whole; its first `key_size` bytes are enough to show its first picture, or 0."""

    slot: str
    msn: int
    at_ms: int
    duration_us: int
    size: int
    key_size: int


@dataclass(frozen=True)
class Dropped:
    """Of this slot only segments from `first_msn` on are kept."""

    slot: str
    first_msn: int


@dataclass(frozen=True)
class Ended:
    """Nothing will follow, in no slot; what stands below does not count."""


Record = Opened | RunBegan | SlotBegan | SlateShown | PartMade | SegmentGrown | SegmentClosed | Dropped | Ended
_KINDS: dict[str, type[Record]] = {
    "O": Opened,
    "R": RunBegan,
    "I": SlotBegan,
    "A": SlateShown,
    "P": PartMade,
    "G": SegmentGrown,
    "S": SegmentClosed,
    "D": Dropped,
    "E": Ended,
}
# The letter, and the names of the fields that follow.
_WORDS = {kind: (letter, *(field.name for field in fields(kind))) for letter, kind in _KINDS.items()}
# Each field is a str or an int, and makes itself of a word.
_MAKERS: dict[str, tuple[Callable[..., Record], tuple[Callable[[str], object], ...]]] = {
    letter: (kind, tuple(cast("type", field.type) for field in fields(kind))) for letter, kind in _KINDS.items()
}


class JournalError(Exception):
    """What stands there is not a journal of ours."""


def journal_path(folder: Path, *, epoch: int) -> Path:
    """Return where that epoch's packager writes."""
    return folder / f"{epoch}{_SUFFIX}"


def epochs(folder: Path) -> list[int]:
    """Return which have a journal in a session's folder, oldest first; there may be none."""
    names = (path.stem for path in folder.glob(f"*{_SUFFIX}"))
    return sorted(int(name) for name in names if name.isdigit())


def init_name(*, epoch: int, run: int) -> str:
    """Return the initialization section's name within its slot's folder."""
    return f"{epoch}-{run}.init.mp4"


def segment_name(*, epoch: int, msn: int) -> str:
    """Return a segment's name within its slot's folder."""
    return f"{epoch}-{msn}.m4s"


def part_name(*, epoch: int, msn: int, part: int) -> str:
    """Return a part's name within its slot's folder."""
    return f"{epoch}-{msn}.{part}.m4s"


def line_of(record: Record) -> str:
    """Return the line, without the line break."""
    letter, *names = _WORDS[type(record)]
    return " ".join((letter, *(str(getattr(record, name)) for name in names))) + _END_OF_LINE


def parse_line(line: str) -> Record | None:
    """Return what a line says, None when it is torn or empty.

    :raises JournalError: when it says nothing that we know.
    """
    if not line.endswith(_END_OF_LINE):
        return None
    letter, *words = line.removesuffix(_END_OF_LINE).split(" ")
    try:
        make, makers = _MAKERS[letter]
        return make(*(maker(word) for maker, word in zip(makers, words, strict=True)))
    except (KeyError, ValueError) as error:
        raise JournalError(f"A journal cannot hold {line!r}.") from error


_END = f"{line_of(Ended())}\n".encode()


class Writer:
    """Appends to a journal of its own."""

    def __init__(self, folder: Path, opened: Opened) -> None:
        path = journal_path(folder, epoch=opened.epoch)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            self.write(opened)
        except OSError:
            # What has not begun counts for nobody, and a full disk is tried every few seconds.
            self.close()
            path.unlink(missing_ok=True)
            raise

    def write(self, *records: Record) -> None:
        """Append all of them in one step.

        :raises OSError: when they cannot be written.
        """
        lines = "".join(f"{line_of(record)}\n" for record in records).encode()
        if os.write(self._file, lines) < len(lines):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        os.close(self._file)


def has_end(folder: Path) -> bool:
    """Tell whether nothing will follow, or nobody has begun; only the last line is read."""
    newest = _newest(folder)
    if not newest:
        return True
    with journal_path(folder, epoch=newest).open("rb") as journal:
        return _is_at_end(journal)


def write_end(folder: Path) -> bool:
    """Say that nothing will follow, whoever wrote last and wherever that one is; tell whether that was news.

    :raises OSError: when it cannot be written.
    """
    newest = _newest(folder)
    if not newest:
        return False
    with journal_path(folder, epoch=newest).open("a+b") as journal:
        if _is_at_end(journal):
            return False
        # The last line may be torn.
        journal.write(b"\n" + _END)
    return True


def _is_at_end(journal: BinaryIO) -> bool:
    size = journal.seek(0, os.SEEK_END)
    journal.seek(max(0, size - len(_END)))
    return journal.read() == _END


@dataclass(frozen=True)
class Entry:
    """A record with the epoch that it stands in."""

    epoch: int
    record: Record


class Reader:
    """Reads a session's journals, all that count, again and again from where it stopped.

    `leaves_old_parts_out` is for whoever wants to know what can be played now: not most parts, nor what was dropped.
    """

    def __init__(self, folder: Path, *, leaves_old_parts_out: bool = False) -> None:
        self._folder = folder
        self._leaves_old_parts_out = leaves_old_parts_out
        self._epoch = 0
        # Behind the last whole line that was read.
        self._offset = 0

    @property
    def position(self) -> tuple[int, int]:
        """The epoch being read, and the byte behind the last whole line of its journal; zeros at the beginning."""
        return self._epoch, self._offset

    def read(self) -> tuple[bool, list[Entry]]:
        """Return what came since the last time, and whether it is to be read anew from the beginning.

        That is so when a new epoch does not count all of what was read.

        :raises JournalError: when what stands there is not a journal.
        :raises OSError: when it cannot be read.
        """
        if self._leaves_old_parts_out and not self._epoch:
            return False, self._read_anew()
        entries = list(self._rest())
        for epoch in epochs(self._folder):
            opened = _opened(self._folder, epoch) if epoch > self._epoch else None
            if opened is None:
                continue
            if (opened.after_epoch, opened.after_offset) != self.position:
                return True, self._read_anew()
            self._epoch, self._offset = epoch, 0
            entries += self._rest()
        return False, entries

    def _read_anew(self) -> list[Entry]:
        """Follow the journals back from the newest to the first that is needed, and read each as far as it counts."""
        counted: list[tuple[int, int | None, bytes, int]] = []
        epoch, end = _newest(self._folder), None
        while epoch:
            path = journal_path(self._folder, epoch=epoch)
            head, offset = kept.beginning(path, end=end) if self._leaves_old_parts_out else (b"", 0)
            counted.append((epoch, end, head, offset))
            opened = None if offset else _opened(self._folder, epoch)
            epoch, end = (opened.after_epoch, opened.after_offset) if opened else (0, None)
        entries: list[Entry] = []
        for self._epoch, until, head, self._offset in reversed(counted):
            entries += self._entries(head, without_parts=False)
            entries += self._rest(end=until)
        return entries

    def _rest(self, *, end: int | None = None) -> Iterator[Entry]:
        if not self._epoch:
            return
        with journal_path(self._folder, epoch=self._epoch).open("rb") as journal:
            until = os.fstat(journal.fileno()).st_size if end is None else end
            if until < self._offset:
                # A disk's fault, or somebody has put an older one there.
                raise JournalError(f"Of journal {self._epoch} less is there than was read.")
            journal.seek(self._offset)
            piece = journal.read(min(_READ_SIZE, until - self._offset))
            while whole := piece[: piece.rfind(b"\n") + 1]:
                self._offset += len(whole)
                journal.seek(self._offset)
                is_old = self._leaves_old_parts_out and until - self._offset > _OLD_PARTS_SIZE
                yield from self._entries(whole, without_parts=is_old)
                piece = journal.read(min(_READ_SIZE, until - self._offset))

    def _entries(self, lines: bytes, *, without_parts: bool) -> Iterator[Entry]:
        for line in lines.decode(errors="replace").splitlines():
            if without_parts and line.startswith(("P ", "G ")):
                continue
            if (record := parse_line(line)) is not None:
                yield Entry(self._epoch, record)


def _newest(folder: Path) -> int:
    """Return which epoch counts last, 0 where none does."""
    return next((epoch for epoch in reversed(epochs(folder)) if _opened(folder, epoch) is not None), 0)


def _opened(folder: Path, epoch: int) -> Opened | None:
    """Return a journal's first record, None where there is none: its writer is about to, or was killed before."""
    with journal_path(folder, epoch=epoch).open(errors="replace") as journal:
        line = journal.readline()
    record = parse_line(line[:-1]) if line.endswith("\n") else None
    if record is not None and not isinstance(record, Opened):
        raise JournalError(f"A journal cannot begin with {line!r}.")
    return record
