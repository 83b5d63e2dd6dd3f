"""Child processes that never outlive their owner."""

import fcntl
import logging
import os
import select
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import IO

from streams.media.tenure import Tenure
from streams.media.words import Words

logger = logging.getLogger(__name__)

# A killed process ends in milliseconds, unless it waits for a disk that does not answer.
_REAP_S = 2.0
_LAST_WORDS_S = 1.0
_PIPE_SIZE = 1 << 20  # The kernel's limit for unprivileged users.


@dataclass(frozen=True)
class Child:
    """A running program; the pipes are there when they were asked for."""

    process: subprocess.Popen[bytes]
    _pidfd: int
    _words: Words

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

    def wait(self, *, timeout_s: float, or_readable: int | None = None) -> bool:
        """Tell whether it ended; return after the time at the latest, or as soon as that descriptor can be read."""
        # Popen.wait with a timeout asks twenty times a second; a session waits for hours.
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        if or_readable is not None:
            poll.register(or_readable, select.POLLIN)
        poll.poll(timeout_s * 1000)
        return self.exit_code is not None

    def kill(self) -> None:
        """End it without asking, and without anything that it would do at its end; that works on a stopped one too."""
        if self.exit_code is None:
            self.process.kill()

    @property
    def has_said_what_was_awaited(self) -> bool:
        """It wrote that to stderr; see `running`."""
        return self._words.has_come

    def last_words(self) -> str:
        """Return what it wrote to stderr in the last seconds."""
        return self._words.last(timeout_s=_LAST_WORDS_S)


@contextmanager
def running(
    argv: list[str],
    *,
    label: str,
    feeds: bool = False,
    is_fed: bool = False,
    inherits: tuple[int, ...] = (),
    memory_mb: int | None = None,
    awaited: bytes = b"",
    tenure: Tenure | None = None,
    environment: dict[str, str] | None = None,
    listener: Callable[[bytes], None] | None = None,
) -> Iterator[Child]:
    """Run a program in a process group of its own for as long as the block lasts; what still runs then is killed.

    `label` names it in the log, where its stderr goes; `feeds`: its stdout is a pipe to read; `is_fed`: its stdin is
    an unbuffered pipe to write; `inherits`: descriptors that it has too; `memory_mb`: as much as it may write to;
    `awaited`: words on its stderr that somebody acts on; `tenure`: by what a later run knows it; `environment`: all
    that it has in place of ours; `listener`: is told each line of its stderr in place of the log, which secrets are not
    to reach. It dies with the thread that started it (PR_SET_PDEATHSIG follows the thread), however that ends.
    """
    # What is counted is what it can write to (RLIMIT_DATA), not what it merely reserves, which grows with the cores.
    bounds = [] if memory_mb is None else ["prlimit", f"--data={memory_mb << 20}", "--"]
    words = partial(Words, label=label, awaited=awaited, listener=listener)
    environment = tenure.environment if tenure is not None else environment
    child = _start([*bounds, *argv], words, feeds=feeds, is_fed=is_fed, inherits=inherits, environment=environment)
    try:
        yield child
    finally:
        _end(child, label=label)


def widen(pipe: int) -> None:
    """Let a pipe hold as much as the kernel lets it."""
    try:
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
    except PermissionError:
        # The user's pipes together are above /proc/sys/fs/pipe-user-pages-soft: it stays as small as it is, so whoever
        # reads late holds whoever writes up sooner.
        logger.debug("a pipe stays small: the user has too many")


def _start(
    argv: list[str],
    words: Callable[[int], Words],
    *,
    feeds: bool,
    is_fed: bool,
    inherits: tuple[int, ...],
    environment: dict[str, str] | None,
) -> Child:
    reading, writing = os.pipe()
    try:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", *argv],
            stdin=subprocess.PIPE if is_fed else subprocess.DEVNULL,
            stdout=subprocess.PIPE if feeds else subprocess.DEVNULL,
            stderr=writing,
            pass_fds=inherits,
            env=environment,
            bufsize=0,
            process_group=0,
        )
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    return Child(process, os.pidfd_open(process.pid), words(reading))


def _end(child: Child, *, label: str) -> None:
    child.kill()
    if not child.wait(timeout_s=_REAP_S):
        # Uninterruptible: it ends when its disk answers, and is reaped when the next child is started.
        logger.error("%s: killed, but pid %s has not ended", label, child.process.pid)
    os.close(child._pidfd)
    for pipe in (child.process.stdin, child.process.stdout):
        if pipe is not None:
            with suppress(BrokenPipeError):
                pipe.close()
