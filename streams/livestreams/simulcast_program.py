"""The program that sends one broadcast to other platforms, as the worker has it that runs the broadcast."""

import json
import logging
import os
import select
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from uuid import UUID

from django.conf import settings

from streams.livestreams.models import Output
from streams.media.process import Child, running
from streams.media.rtmp.standing import TargetStanding

logger = logging.getLogger(__name__)

# It tells something every second.
_HUNG_S = 10.0
# Until it is started again, the first and each further time.
_FIRST_DELAY_S, _LONGEST_DELAY_S = 0.5, 30.0
# A program that lived longer had nothing wrong with it.
_LONG_S = 60.0
_READ_SIZE = 1 << 16
_STANDING = {known.name for known in fields(TargetStanding)}


class SimulcastProgram:
    """One broadcast's `livehub.simulcaster`, from its first target on; it is started anew where it ends unasked."""

    def __init__(self, folder: Path, *, label: str) -> None:
        self._folder = folder
        self._label = label
        self._stack = ExitStack()
        self._child: Child | None = None
        self._line = b""
        # What every program gets that is started anew, by target.
        self._wanted: dict[UUID, dict[str, object]] = {}
        self._failures = 0
        self._started_at_s = self._heard_at_s = self._next_at_s = 0.0

    @property
    def descriptor(self) -> int | None:
        """What can be read when it tells something; None while it does not run."""
        return self._child.stdout.fileno() if self._child is not None else None

    @property
    def has_ended(self) -> bool:
        return self._child is None or self._child.exit_code is not None

    def put(self, output: Output) -> None:
        """Send the broadcast there, from now on as the row says now."""
        said = {"url": output.uri, "key": output.stream_key, "most_lines": output.most_lines}
        self._wanted[output.pk] = {"do": "put", "id": str(output.pk), **said}
        self._say(self._wanted[output.pk])

    def remove(self, output_id: UUID) -> None:
        """Send it there no more."""
        if self._wanted.pop(output_id, None) is not None:
            self._say({"do": "remove", "id": str(output_id)})

    def retry(self, output_id: UUID) -> None:
        self._say({"do": "retry", "id": str(output_id)})

    def finish(self) -> None:
        """Have it end by itself when everything was sent."""
        self._wanted.clear()
        self._say({"do": "finish"})

    def keep_up(self) -> None:
        """Start it where there is something to do, and it is not running; end it where it hangs."""
        now_s = time.monotonic()
        if self._child is None:
            if self._wanted and now_s >= self._next_at_s:
                self._start(now_s)
            return
        if self._child.exit_code is not None:
            self._end(f"ended by itself with code {self._child.exit_code}")
        elif now_s - self._heard_at_s > _HUNG_S:
            self._end("hangs")
        else:
            self._say({"do": "alive"})

    def read(self) -> dict[UUID, TargetStanding]:
        """Return what it has told since the last time, the newest of each target."""
        told: dict[UUID, TargetStanding] = {}
        while (descriptor := self.descriptor) is not None and await_readable([descriptor], timeout_s=0):
            piece = os.read(descriptor, _READ_SIZE)
            if not piece:
                break
            self._heard_at_s = time.monotonic()
            *lines, self._line = (self._line + piece).split(b"\n")
            try:
                for line in lines:
                    said = json.loads(line)
                    if "id" in said and (target_id := UUID(said["id"])) in self._wanted:
                        told[target_id] = TargetStanding(**{name: said[name] for name in _STANDING})
            except (ValueError, KeyError, TypeError):
                self._end("says what nobody understands")
        return told

    def close(self) -> None:
        """End it at once."""
        self._stack.close()
        self._child = None

    def _start(self, now_s: float) -> None:
        allowed = ",".join(settings.OUTGOING_ALLOWED_NETWORKS)
        argv = [sys.executable, "-m", "livehub.simulcaster", str(self._folder), allowed]
        self._line, self._started_at_s, self._heard_at_s = b"", now_s, now_s
        try:
            self._child = self._stack.enter_context(running(argv, label=self._label, feeds=True, is_fed=True))
        except OSError as error:
            # The machine has no room for it, which may pass.
            self._end(f"cannot be started ({error.strerror})")
            return
        # One that hangs is not to hang us.
        os.set_blocking(self._child.stdin.fileno(), False)
        for command in self._wanted.values():
            self._say(command)

    def _end(self, what: str) -> None:
        lived_s = time.monotonic() - self._started_at_s
        self._failures = 1 if lived_s > _LONG_S else self._failures + 1
        self._next_at_s = time.monotonic() + min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2 ** (self._failures - 1))
        if self._wanted:
            logger.error("%s %s, and is started again", self._label, what)
        self.close()

    def _say(self, command: Mapping[str, object]) -> None:
        if self._child is None:
            return
        line = f"{json.dumps(command)}\n".encode()
        try:
            if self._child.stdin.write(line) == len(line):
                return
        except OSError:
            # It has ended.
            pass
        # Half a line cannot be taken back, and whoever reads nothing for so long hangs.
        self._child.kill()


def await_readable(descriptors: Sequence[int], *, timeout_s: float) -> bool:
    """Return whether one of them can be read, as soon as that is so; after the time at the latest."""
    # Not `select`, for which their numbers may be too high.
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(timeout_s * 1000))
