"""Telling what works from what merely lives: judgements on progress, as functions of what was seen when."""

import os
import time
from contextlib import suppress

_READ_SIZE = 1 << 16
# The fields of a report that tell how much has come out.
_POSITION = (b"frame", b"out_time_us")
# ffmpeg reports every 0.5 s as long as it has input; what came just before a report is answered by the next one.
_ANSWER_S = 0.75
# The longest step of a loop that runs; see `AwakeClock`.
LONGEST_STEP_S = 1.25
# Nothing came for this long: the input stands still, and so may the output.
_INPUT_PAUSE_S = 1.0
_PATIENCE_S = 1.75
# The first answer needs a probe and the start of every encoder, on a machine that may be busy.
_FIRST_PATIENCE_S = 12.0


class AwakeClock:
    """Counts the seconds in which this process ran: while it is stopped, what others did cannot have been seen."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._read_at = time.monotonic()

    def tick(self, *, at_most_s: float) -> None:
        """Go on to now; whatever was longer than `at_most_s` since the last tick was not ours."""
        read_at = time.monotonic()
        self.now_s += min(read_at - self._read_at, at_most_s)
        self._read_at = read_at


class Reports:
    """Reads what ffmpeg's `-progress` writes to a pipe, without waiting for it."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self.descriptor: int | None = descriptor
        self._pending = b""
        self._position: dict[bytes, bytes] = {}

    def have_advanced(self) -> bool:
        """Take in the reports that came; tell whether they speak of more output than the ones before."""
        before = self._position
        *lines, self._pending = (self._pending + self._read()).split(b"\n")
        fields = (line.partition(b"=") for line in lines)
        self._position = before | {name: value for name, _, value in fields if name in _POSITION}
        return self._position != before

    def _read(self) -> bytes:
        piece = b""
        if self.descriptor is not None:
            with suppress(BlockingIOError):
                piece = os.read(self.descriptor, _READ_SIZE)
                # At its end it can always be read: whoever waits for it would not wait.
                self.descriptor = self.descriptor if piece else None
        return piece


class OutputWatch:
    """Tells a transcoder that hangs from one that is slow, or has nothing to do; times are an `AwakeClock`'s."""

    def __init__(self, *, now_s: float) -> None:
        self._answered_at = now_s
        self._input_at = now_s
        self._owing_since: float | None = None
        self._has_answered = False

    @property
    def is_owing(self) -> bool:
        """Input came, and nothing follows; another transcoder would take as long to begin, so that is not meant."""
        return self._owing_since is not None and self._has_answered

    def look(self, *, now_s: float, has_advanced: bool, has_input: bool) -> None:
        """Note what was seen since the last look."""
        if has_input:
            self._input_at = now_s
        if has_advanced:
            self._answered_at, self._owing_since, self._has_answered = now_s, None, True
        elif now_s - self._input_at > _INPUT_PAUSE_S:
            self._owing_since = None
        elif has_input and self._owing_since is None and now_s - self._answered_at > _ANSWER_S:
            self._owing_since = now_s

    def is_hung(self, *, now_s: float) -> bool:
        patience_s = _PATIENCE_S if self._has_answered else _FIRST_PATIENCE_S
        return self._owing_since is not None and now_s - self._owing_since > patience_s
