"""The supervisor process: supervisord, which ends with a true exit code.

It lives as long as the product, so it is run by path and loads nothing of it. It differs from supervisord in four
things: a program that keeps failing ends the run with exit code 1, and so does a failed preparation; what a killed
program leaves of its process group is killed before the program starts again; and a closed terminal stops the run,
where supervisord would restart it.
"""

import os
import signal
import sys
from contextlib import suppress

from supervisor import events
from supervisor.medusa import asyncore_25 as asyncore
from supervisor.options import ServerOptions
from supervisor.states import SupervisorStates
from supervisor.supervisord import Supervisor


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


class _Supervisor(Supervisor):  # type: ignore[misc]  # supervisor has no types.
    def runforever(self) -> None:
        # Not earlier: `run` forgets every subscription.
        events.subscribe(events.ProcessStateExitedEvent, self._on_exit)
        events.subscribe(events.ProcessStateBackoffEvent, self._on_exit)
        events.subscribe(events.ProcessStateFatalEvent, self._on_fatal)
        events.subscribe(events.SupervisorStoppingEvent, self.options.end_preparation)
        super().runforever()

    def _on_exit(self, event: events.ProcessStateEvent) -> None:
        name, pid = event.process.config.name, event.process.pid
        if pid:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        _tell(f"{name} ended by itself and is started again; see {event.process.config.stdout_logfile}")

    def _on_fatal(self, event: events.ProcessStateEvent) -> None:
        config = event.process.config
        self.options.give_up(f"{config.name} does not start; LiveHub stops. The reason is in {config.stdout_logfile}")


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
