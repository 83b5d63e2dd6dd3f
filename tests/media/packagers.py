"""A packager's work without media: a journal, and files of the right names."""

import socket
from pathlib import Path

from streams.media.journal import Ended, Opened, PartMade, Record, RunBegan, SegmentClosed, SlotBegan, Writer

SESSION = "pb_1/0123456789abcdef"
PART_US = 200_000


class Packager:
    """Writes as ours does: files first, then what they are."""

    def __init__(
        self,
        root: Path,
        nudge_socket: Path,
        *,
        session: str = SESSION,
        parts: int = 4,
        sizes: tuple[int, int] = (6, 24),
    ) -> None:
        self._session = session
        self._parts = parts
        self._sizes = sizes
        self.folder = root / session
        (self.folder / "v0").mkdir(parents=True)
        (self.folder / "a0").mkdir()
        self._nudge_socket = str(nudge_socket)
        self._writer = Writer(self.folder, Opened(1, PART_US, 4, 3600, 0, 0))
        slots = [SlotBegan("v0", "avc1.64001f", 1280, 720, 30_000), SlotBegan("a0", "mp4a.40.2", 0, 0, 0)]
        self._write(RunBegan(0, 0), *slots)
        self.msn = self.part = 0

    def add_part(self) -> None:
        """Let every slot have one more; the first of a segment closes the one before."""
        at_ms = 1_790_000_000_000 + (self.msn * self._parts + self.part) * PART_US // 1000
        written: list[Record] = []
        part_size, segment_size = self._sizes
        for slot in ("v0", "a0"):
            if self.part == 0 and self.msn:
                start_ms = at_ms - self._parts * PART_US // 1000
                written.append(SegmentClosed(slot, self.msn - 1, start_ms, self._parts * PART_US, segment_size, 5))
                _make(self.folder / slot / f"1-{self.msn - 1}.m4s", "segment", size=segment_size)
            word = f"{slot}{self.msn}.{self.part}"
            _make(self.folder / slot / f"1-{self.msn}.{self.part}.m4s", word, size=part_size)
            written.append(PartMade(slot, self.msn, self.part, at_ms, PART_US, int(self.part == 0), part_size))
        self._write(*written)
        self.part += 1
        if self.part == self._parts:
            self.msn, self.part = self.msn + 1, 0

    def add_segments(self, count: int) -> None:
        for _ in range(count * self._parts):
            self.add_part()

    def end(self) -> None:
        self._write(Ended())

    def _write(self, *records: Record) -> None:
        self._writer.write(*records)
        self.nudge(self._session.encode())

    def nudge(self, word: bytes) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as nudges:
            try:
                nudges.sendto(word, socket.MSG_DONTWAIT, self._nudge_socket)
            except OSError:
                # Nobody waits for the origin.
                return


def _make(path: Path, word: str, *, size: int) -> None:
    draft = path.with_name(f".{path.name}")
    draft.write_bytes(word.encode().ljust(size, b"."))
    draft.replace(path)
