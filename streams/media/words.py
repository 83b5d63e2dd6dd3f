"""What child processes write to stderr: the end of it is kept, and some of it reaches the log."""

import logging
import os
import threading
import time

logger = logging.getLogger(__name__)

_KEPT_BYTES = 2000
_READ_SIZE = 1 << 16
# A line that does not end is cut here.
_LONGEST_LINE_BYTES = 500
# A stream full of errors makes ffmpeg write thousands of lines a second.
_LINES = 20
_WINDOW_S = 10.0


class Words:
    """Reads one pipe to its end in a thread of its own, so that who writes is never held up; closes it then."""

    def __init__(self, descriptor: int, *, label: str) -> None:
        self._descriptor = descriptor
        self._label = label
        self._kept = bytearray()
        self._line = bytearray()
        self._window_began_at = time.monotonic()
        self._logged = 0
        self._left_out = 0
        self._thread = threading.Thread(target=self._run, name=f"words of {label}", daemon=True)
        self._thread.start()

    def last(self, *, timeout_s: float) -> str:
        """Return the end of what was written; wait for the writer's own end that long."""
        self._thread.join(timeout_s)
        return bytes(self._kept).decode(errors="replace").strip()

    def _run(self) -> None:
        try:
            while piece := os.read(self._descriptor, _READ_SIZE):
                self._kept = (self._kept + piece)[-_KEPT_BYTES:]
                self._split(piece)
        finally:
            os.close(self._descriptor)
            self._log(bytes(self._line))
            self._report_left_out()

    def _split(self, piece: bytes) -> None:
        first, *others = piece.split(b"\n")
        self._line += first[:_LONGEST_LINE_BYTES]
        for other in others:
            self._log(bytes(self._line))
            self._line = bytearray(other[:_LONGEST_LINE_BYTES])

    def _log(self, line: bytes) -> None:
        text = line[:_LONGEST_LINE_BYTES].decode(errors="replace").strip()
        if not text:
            return
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
