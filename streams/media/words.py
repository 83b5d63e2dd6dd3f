"""What child processes write to stderr: the latest of it is kept, and some of it reaches the log."""

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable

logger = logging.getLogger(__name__)

_KEPT_BYTES = 2000
# What was said longer ago has no part in the writer's end.
_RECENT_S = 5.0
_READ_SIZE = 1 << 16
# A line that does not end is cut here.
_LONGEST_LINE_BYTES = 500
# A stream full of errors makes ffmpeg write thousands of lines a second.
_LINES = 20
_WINDOW_S = 10.0
# ffmpeg says so of every source with full-range colours, and it has no effect.
_HARMLESS = b"deprecated pixel format used"


class Words:
    """Reads one pipe to its end in a thread of its own, so that who writes is never held up; closes it then."""

    def __init__(
        self,
        descriptor: int,
        *,
        label: str,
        awaited: bytes = b"",
        listener: Callable[[bytes], None] | None = None,
    ) -> None:
        """`awaited` is what `has_come` tells of; a `listener` is told each line, and the log none."""
        self._descriptor = descriptor
        self._awaited = awaited
        self._listener = listener
        self.has_come = False
        self._label = label
        self._kept: deque[tuple[float, bytes]] = deque()
        self._kept_size = 0
        self._line = bytearray()
        self._lock = threading.Lock()
        self._window_began_at = time.monotonic()
        self._logged = 0
        self._left_out = 0
        self._thread = threading.Thread(target=self._run, name=f"words of {label}", daemon=True)
        self._thread.start()

    def last(self, *, timeout_s: float) -> str:
        """Return the lines of the last seconds; wait for the writer's own end that long."""
        self._thread.join(timeout_s)
        now_s = time.monotonic()
        with self._lock:
            lines = [line for at_s, line in self._kept if now_s - at_s < _RECENT_S]
        return b"\n".join(lines).decode(errors="replace").strip()

    def _run(self) -> None:
        try:
            while piece := os.read(self._descriptor, _READ_SIZE):
                self._split(piece)
        finally:
            os.close(self._descriptor)
            self._take(bytes(self._line))
            self._report_left_out()

    def _split(self, piece: bytes) -> None:
        first, *others = piece.split(b"\n")
        self._line = (self._line + first)[:_LONGEST_LINE_BYTES]
        for other in others:
            self._take(bytes(self._line))
            self._line = bytearray(other[:_LONGEST_LINE_BYTES])

    def _take(self, line: bytes) -> None:
        if not line.strip() or _HARMLESS in line:
            return
        self.has_come |= bool(self._awaited) and self._awaited in line
        self._keep(line)
        if self._listener is not None:
            self._listener(line)
            return
        self._log(line.decode(errors="replace").strip())

    def _keep(self, line: bytes) -> None:
        with self._lock:
            self._kept.append((time.monotonic(), line))
            self._kept_size += len(line) + 1
            while self._kept_size > _KEPT_BYTES:
                self._kept_size -= len(self._kept.popleft()[1]) + 1

    def _log(self, text: str) -> None:
        if time.monotonic() - self._window_began_at > _WINDOW_S:
            self._report_left_out()
            self._window_began_at, self._logged = time.monotonic(), 0
        if self._logged == _LINES:
            self._left_out += 1
            return
        self._logged += 1
        logger.warning("%s: %s", self._label, text)

    def _report_left_out(self) -> None:
        if self._left_out:
            logger.warning("%s: %s lines left out", self._label, self._left_out)
            self._left_out = 0
