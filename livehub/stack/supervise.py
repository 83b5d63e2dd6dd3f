"""The supervisor process: supervisord, which ends with a true exit code.

It lives as long as the product, so it is run by path and loads nothing of it. It differs from supervisord in five
things: a program that keeps failing ends the run with exit code 1, and so does a failed preparation; a program whose
heartbeat stands still is killed; what a killed program leaves of its process group is killed before the program starts
again; and a closed terminal stops the run, where supervisord would restart it.
"""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from supervisor import events
from supervisor.medusa import asyncore_25 as asyncore
from supervisor.options import ServerOptions
from supervisor.process import Subprocess
from supervisor.states import ProcessStates, SupervisorStates
from supervisor.supervisord import Supervisor

# A program that is given a file by this name touches it once a second.
_HEARTBEAT_VARIABLE = "LIVEHUB_HEARTBEAT"
# A check is made every 5 s.
_CHECKS_WITHOUT_BEAT = 3
# Loading everything on a busy machine takes a while.
_CHECKS_WITHOUT_FIRST_BEAT = 24


class _Options(ServerOptions):  # type: ignore[misc]  # supervisor has no types.
    mood: int

    def __init__(self, *, preparation_pid: int) -> None:
        super().__init__()
        self.preparation_pid = preparation_pid
        self.exit_code = 0
        # Under nohup the run outlives its terminal.
        self.is_hangup_ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN

    def get_signal(self) -> int | None:
        received: int | None = super().get_signal()
        if received != signal.SIGHUP:
            return received
        return None if self.is_hangup_ignored else signal.SIGTERM

    def waitpid(self) -> tuple[int | None, int | None]:
        pid, status = super().waitpid()
        if pid and pid == self.preparation_pid:
            self.preparation_pid = 0
            if status:
                self.give_up("")
        return pid, status

    def give_up(self, message: str) -> None:
        """Stop everything and end with exit code 1, unless a stop was asked for already."""
        if self.mood < SupervisorStates.RUNNING:
            return
        if message:
            _tell(message)
        self.exit_code = 1
        self.mood = SupervisorStates.SHUTDOWN

    def end_preparation(self, _event: object) -> None:
        if self.preparation_pid:
            with suppress(ProcessLookupError):
                os.kill(self.preparation_pid, signal.SIGKILL)


class Watch:
    """Tells which programs are alive and do nothing any more.

    It counts checks instead of comparing times: a machine that slept, or a supervisor that did, hurts no program.
    """

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int | None, int]] = {}

    def forget(self, name: str) -> None:
        """Judge that program anew: it is another process."""
        self._seen.pop(name, None)

    def is_hung(self, name: str, *, beat: int | None) -> bool:
        """Take note of a program's latest heartbeat, None before its first; to be called at every check."""
        before, misses = self._seen.get(name, (None, 0))
        misses = misses + 1 if beat == before else 0
        self._seen[name] = beat, misses
        return misses >= (_CHECKS_WITHOUT_FIRST_BEAT if beat is None else _CHECKS_WITHOUT_BEAT)


class _Supervisor(Supervisor):  # type: ignore[misc]  # supervisor has no types.
    def runforever(self) -> None:
        self._watch = Watch()
        # Not earlier: `run` forgets every subscription.
        events.subscribe(events.ProcessStateStartingEvent, self._on_start)
        events.subscribe(events.Tick5Event, self._on_tick)
        events.subscribe(events.ProcessStateExitedEvent, self._on_exit)
        events.subscribe(events.ProcessStateBackoffEvent, self._on_exit)
        events.subscribe(events.ProcessStateFatalEvent, self._on_fatal)
        events.subscribe(events.SupervisorStoppingEvent, self.options.end_preparation)
        super().runforever()

    def _on_start(self, event: events.ProcessStateEvent) -> None:
        self._watch.forget(event.process.config.name)
        if path := _heartbeat_path(event.process):
            path.unlink(missing_ok=True)

    def _on_tick(self, _event: object) -> None:
        for group in self.process_groups.values():
            for process in group.processes.values():
                if process.state in {ProcessStates.STARTING, ProcessStates.RUNNING}:
                    self._check(process)

    def _check(self, process: Subprocess) -> None:
        path, name = _heartbeat_path(process), process.config.name
        if path and self._watch.is_hung(name, beat=_beat(path)):
            _tell(f"{name} does nothing any more and is killed")
            _kill_group(process.pid)

    def _on_exit(self, event: events.ProcessStateEvent) -> None:
        name, pid = event.process.config.name, event.process.pid
        if pid:
            _kill_group(pid)
        _tell(f"{name} ended by itself and is started again; see {event.process.config.stdout_logfile}")

    def _on_fatal(self, event: events.ProcessStateEvent) -> None:
        config = event.process.config
        self.options.give_up(f"{config.name} does not start; LiveHub stops. The reason is in {config.stdout_logfile}")


def _heartbeat_path(process: Subprocess) -> Path | None:
    path = (process.config.environment or {}).get(_HEARTBEAT_VARIABLE)
    return Path(path) if path else None


def _beat(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _tell(message: str) -> None:
    # The terminal may be gone.
    with suppress(OSError):
        sys.stderr.write(f"{message}\n")
        sys.stderr.flush()


def main(config_path: str, preparation_pid: str) -> int:
    """Run until asked to stop; return 0 then, and 1 when the product could not be started or kept running."""
    options = _Options(preparation_pid=int(preparation_pid))
    options.realize(["-c", config_path])
    options.first, options.test = True, False
    with suppress(asyncore.ExitNow):
        _Supervisor(options).main()
    options.close_httpservers()
    options.close_logger()
    return options.exit_code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
