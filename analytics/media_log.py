"""The edge's log of delivered media, read as it grows: rotated, told by its first line, and never read twice.

Files: the one that nginx writes, and those that were renamed and are not counted and written down yet, by number.
"""

import logging
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from analytics.counting.batch import Position
from analytics.counting.lines import file_id

logger = logging.getLogger(__name__)

_PIECE = 1 << 20
# A file is renamed when it is as long or as old. A line is to lie nowhere for long.
_ROTATED_BYTES, _ROTATED_S = 8 << 20, 60.0
# While nobody can write down what is counted, so much may lie there; then the oldest files go.
_KEPT_BYTES = 512 << 20
# nginx is told once a second at most that its file has another name.
_TOLD_S = 1.0
# A program that does not let go of a renamed file, and writes nothing more to it, is not waited for longer.
_LET_GO_S = 30.0


class MediaLog:
    """`position` is up to where lines were returned; `torn` counts the lines that had no end when their file did."""

    def __init__(self, path: Path, *, pid_path: Path) -> None:
        self._path, self._pid_path = path, pid_path
        self.position = Position()
        self.torn = 0
        self._file: int | None = None
        self._name = ""
        self._offset = 0
        self._rotated_s = self._told_s = self._grown_s = time.monotonic()

    def begin(self, position: Position) -> None:
        """Read on from there; if that file is gone, all of it was counted, and the oldest one is next."""
        self.close()
        self.position = position
        for path in self._paths():
            if position.file_id and _first_id(path) == position.file_id:
                self._open(path, offset=position.offset)
                return

    def read(self) -> list[bytes]:
        """Return the next lines, without their ends; none when there are none yet."""
        if (self._file is None and not self._open_next()) or self._file is None:
            return []
        piece = os.pread(self._file, _PIECE, self._offset)
        end = piece.rfind(b"\n") + 1
        if not end and len(piece) == _PIECE:
            # No line of nginx's is as long.
            end = _PIECE
        if not end:
            self._end_file(self._file, len(piece))
            return []
        lines = piece[: end - 1].split(b"\n")
        if not self._offset:
            self._name = file_id(lines[0])
        self._offset += end
        self._grown_s = time.monotonic()
        self.position = Position(self._name, self._offset)
        return lines

    def rotate(self) -> None:
        """Rename the file when it is due, and have nginx open another one; to be called all the time."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._tell_nginx()
            return
        now = time.monotonic()
        if status.st_size >= _ROTATED_BYTES or (status.st_size and now - self._rotated_s >= _ROTATED_S):
            numbers = [_number(path) for path in self._rotated()]
            self._path.rename(self._path.with_name(f"{self._path.name}.{max(numbers, default=0) + 1:06}"))
            self._rotated_s, self._told_s = now, 0.0
            self._tell_nginx()

    def forget(self, written: Position) -> int:
        """Remove files all of which is written down, and return how many went before they were: there are too many."""
        if written.file_id:
            for done in self._files_before(written):
                done.unlink(missing_ok=True)
        return self._make_room()

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
        self._file, self._name, self._offset = None, "", 0

    def _files_before(self, written: Position) -> list[Path]:
        """Return the files that were renamed, and of which nothing comes after that; none where nobody knows."""
        kept = self._rotated()
        for index, path in enumerate(kept):
            if _first_id(path) == written.file_id:
                is_done = path.stat().st_size <= written.offset and not self._is_current(path)
                return kept[: index + 1] if is_done else kept[:index]
        return kept if _first_id(self._path) == written.file_id else []

    def _make_room(self) -> int:
        """Remove the oldest while there is too much of it, whether it was read or not; not the one that is read."""
        sizes = {path: path.stat().st_size for path in self._rotated()}
        removable, gone = [path for path in sizes if not self._is_current(path)], 0
        while removable and sum(sizes.values()) > _KEPT_BYTES:
            oldest = removable.pop(0)
            oldest.unlink(missing_ok=True)
            del sizes[oldest]
            gone += 1
        return gone

    def _open_next(self) -> bool:
        """Open the oldest file; those after it follow when their turn comes."""
        paths = self._paths()
        return bool(paths) and self._open(paths[0], offset=0)

    def _open(self, path: Path, *, offset: int) -> bool:
        try:
            file = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        self.close()
        self._file, self._offset, self._name = file, offset, self.position.file_id if offset else ""
        self._grown_s = time.monotonic()
        return True

    def _end_file(self, file: int, rest: int) -> None:
        """Go on with the next file if there is one, and nobody writes to this one any more."""
        following = self._following()
        if following is None:
            return
        if self._is_written(file) and time.monotonic() - self._grown_s < _LET_GO_S:
            return
        if os.fstat(file).st_size > self._offset + rest:
            return
        if rest:
            self.torn += 1
            self._offset += rest
            if self._name:
                self.position = Position(self._name, self._offset)
        self._open(following, offset=0)

    def _following(self) -> Path | None:
        """Return the file behind the one that is read."""
        paths = self._paths()
        own = next((index for index, path in enumerate(paths) if self._is_current(path)), -1)
        return paths[own + 1] if own + 1 < len(paths) else None

    def _is_current(self, path: Path) -> bool:
        """Whether a path is that of the file that is read."""
        if self._file is None:
            return False
        try:
            found = path.stat()
        except FileNotFoundError:
            return False
        own = os.fstat(self._file)
        return (found.st_dev, found.st_ino) == (own.st_dev, own.st_ino)

    def _is_written(self, file: int) -> bool:
        """Whether nginx still has the file open that is read."""
        own = os.fstat(file)
        for pid in self._nginx_pids():
            with suppress(OSError):
                for entry in os.scandir(f"/proc/{pid}/fd"):
                    with suppress(OSError):
                        found = entry.stat()
                        if (found.st_dev, found.st_ino) == (own.st_dev, own.st_ino):
                            return True
        return False

    def _nginx_pids(self) -> Iterator[int]:
        master = self._nginx_pid()
        if master is not None:
            yield master
            with suppress(OSError):
                yield from map(int, Path(f"/proc/{master}/task/{master}/children").read_text().split())

    def _nginx_pid(self) -> int | None:
        """Return our edge's; a number that another program has by now is not it."""
        try:
            pid = int(self._pid_path.read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return pid if b"nginx" in command and str(self._pid_path.parent).encode() in command else None

    def _tell_nginx(self) -> None:
        now = time.monotonic()
        if now - self._told_s < _TOLD_S:
            return
        pid = self._nginx_pid()
        if pid is not None:
            self._told_s = now
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGUSR1)

    def _rotated(self) -> list[Path]:
        return sorted(self._path.parent.glob(f"{self._path.name}.[0-9]*"), key=_number)

    def _paths(self) -> list[Path]:
        return [*self._rotated(), *([self._path] if self._path.exists() else [])]


def _number(path: Path) -> int:
    return int(path.suffix[1:])


def _first_id(path: Path) -> str:
    """Return what the file's first line calls it; empty while it has none."""
    try:
        with path.open("rb") as file:
            first = file.readline(_PIECE)
    except FileNotFoundError:
        return ""
    return file_id(first[:-1]) if first.endswith(b"\n") else ""
