"""The web server: granian, with the application loaded once and its workers forked from that.

Run by `python -m livehub.web SOCKET`. Not granian's own command line, which loads the application anew in each worker,
and whose workers outlive a main process that is killed.
"""

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from livehub.heartbeat import Heartbeats, show_life
from livehub.loading import loading

WORKERS = 2
# More of them get in each other's way: Python runs one at a time, and the others wait for the database.
THREADS_PER_WORKER = 4
_STOP_S = 3
_PR_SET_PDEATHSIG = 1  # prctl(2)


def serve(socket_path: Path, *, load: Callable[[], Any], begin: Callable[[], None] = lambda: None) -> None:
    """Serve what `load` returns until told to stop; a worker that dies or hangs is replaced.

    `begin` is called in each worker: it makes what no fork takes along, such as threads.
    """
    multiprocessing.set_start_method("fork")
    # What is loaded is shared by the workers for as long as nobody writes to it; the collector would.
    with loading():
        load()
    main_pid, heartbeats = os.getpid(), Heartbeats()
    server = Granian(
        "livehub.wsgi:application",
        uds=socket_path,
        uds_permissions=0o600,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        # A connection carries one request: with open ones nginx would go on handing requests to a worker that hangs.
        http1_settings=HTTP1Settings(keep_alive=False),
        workers=WORKERS,
        blocking_threads=THREADS_PER_WORKER,
        # No more than there are threads: the rest waits where the other worker can take it.
        backpressure=THREADS_PER_WORKER,
        respawn_failed_workers=True,
        workers_kill_timeout=_STOP_S,
        log_level=LogLevels.warning,
    )

    def load_in_worker() -> Any:
        _die_with(main_pid)
        heartbeats.beat()
        application = load()
        begin()
        return application

    heartbeats.watch()
    show_life()
    server.serve(target_loader=load_in_worker, wrap_loader=False)


def _die_with(main_pid: int) -> None:
    """Have the kernel end this process when the one that forked it is gone, however it went."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != main_pid:
        # It was gone before we asked.
        os._exit(1)


def _load() -> Any:
    from django.urls import get_resolver

    from livehub.wsgi import application

    # Else the first request loads all views, in each worker anew.
    get_resolver().url_patterns  # noqa: B018  # Read for that alone.
    return application


def _trace() -> None:
    # Django's settings are there by now.
    from livehub.core import tracing

    tracing.start("web")


if __name__ == "__main__":
    serve(Path(sys.argv[1]), load=_load, begin=_trace)
