"""A Celery worker without Celery's command line, which holds 10 MB in each process for a shell that nobody opens.

Run by `python -m livehub.worker NAME --queues QUEUE[,QUEUE] --pool threads|prefork --slots N [--beat]`.
With `--beat` it sends what is due as well: a process for that alone would hold 30 MB.
"""

import argparse
import logging
import os
import signal
import sys
import threading

from celery import beat
from django.conf import settings

from livehub import open_files
from livehub.celery import app
from livehub.loading import loading
from livehub.task_counts import count_tasks

logger = logging.getLogger(__name__)
# Django's checks load every view; they were made when the product was started.
os.environ.setdefault("CELERY_SKIP_CHECKS", "true")


def run(name: str, *, queues: str, pool: str, slots: int, has_beat: bool) -> int:
    """Work until told to stop; returns the exit code."""
    # Each live session has seven of them open.
    open_files.allow_all()
    # The tasks, and all that they need.
    with loading():
        worker = app.Worker(
            # As `livehub/health.py` asks for it.
            hostname=f"{name}@{settings.NODE}",
            queues=queues,
            pool=pool,
            concurrency=slots,
            loglevel="INFO",
            # What workers tell one another is of use to nobody here.
            without_gossip=True,
            without_mingle=True,
        )
    count_tasks()
    if has_beat:
        threading.Thread(target=_send_what_is_due, name="beat", daemon=True).start()
    worker.start()
    return int(worker.exitcode or 0)


def _send_what_is_due() -> None:
    # It tells of every single task.
    logging.getLogger("celery.beat").setLevel(logging.WARNING)
    try:
        # Kept in memory: nothing is so rare that a restart may not begin its time anew, and a file would hold times
        # of a clock that has been set since.
        beat.Service(app, scheduler_cls=beat.Scheduler).start()
    except Exception:
        # A worker without it would look alive, and nothing would be swept: let the supervisor begin anew.
        logger.exception("the schedule cannot be kept")
        os.kill(os.getpid(), signal.SIGTERM)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run a Celery worker.")
    parser.add_argument("name")
    parser.add_argument("--queues", required=True)
    parser.add_argument("--pool", choices=("threads", "prefork"), required=True)
    parser.add_argument("--slots", type=int, required=True)
    parser.add_argument("--beat", dest="has_beat", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(run(**vars(_arguments())))
