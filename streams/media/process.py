"""Child processes that never outlive their owner."""

import os
import select
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

_LAST_WORDS_BYTES = 2000
_GRACE_S = 3.0


@dataclass(frozen=True)
class Child:
    """A running program; the pipes are there when they were asked for."""

    process: subprocess.Popen[bytes]
    _stderr: IO[bytes]

    @property
    def stdin(self) -> IO[bytes]:
        assert self.process.stdin is not None  # noqa: S101  # Asked for by `running`.
        return self.process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        assert self.process.stdout is not None  # noqa: S101  # Asked for by `running`.
        return self.process.stdout

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self.process.poll()

    def wait(self, *, timeout_s: float) -> bool:
        """Tell whether it ended within the time."""
        if self.exit_code is not None:
            return True
        # Popen.wait with a timeout asks twenty times a second; a session waits for hours.
        descriptor = os.pidfd_open(self.process.pid)
        try:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            poll.poll(timeout_s * 1000)
        finally:
            os.close(descriptor)
        return self.exit_code is not None

    def stop(self) -> None:
        """Ask it to end."""
        if self.exit_code is None:
            self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it without asking, and without anything that it would do at its end."""
        if self.exit_code is None:
            self.process.kill()

    def last_words(self) -> str:
        """Return the end of what it wrote to stderr."""
        self._stderr.seek(0, 2)
        self._stderr.seek(max(0, self._stderr.tell() - _LAST_WORDS_BYTES))
        return self._stderr.read().decode(errors="replace").strip()


@contextmanager
def running(argv: list[str], *, feeds: bool = False, is_fed: bool = False) -> Iterator[Child]:
    """Run a program in a process group of its own for as long as the block lasts.

    `feeds`: its stdout is a pipe to read; `is_fed`: its stdin is a pipe to write. It dies with the thread that started
    it (PR_SET_PDEATHSIG follows the thread), however that ends.
    """
    with tempfile.TemporaryFile() as stderr:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", *argv],
            stdin=subprocess.PIPE if is_fed else subprocess.DEVNULL,
            stdout=subprocess.PIPE if feeds else subprocess.DEVNULL,
            stderr=stderr,
            process_group=0,
        )
        child = Child(process, stderr)
        try:
            yield child
        finally:
            child.stop()
            if not child.wait(timeout_s=_GRACE_S):
                child.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
