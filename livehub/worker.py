"""A Celery worker without Celery's command line, which holds 10 MB in each process for a shell that nobody opens.

Run by `python -m livehub.worker NAME --queues QUEUE[,QUEUE] --pool threads|prefork --slots N`.
"""

import argparse
import os
import sys

from django.conf import settings

from livehub.celery import app

# Django's checks load every view; they were made when the product was started.
os.environ.setdefault("CELERY_SKIP_CHECKS", "true")


def run(name: str, *, queues: str, pool: str, slots: int) -> int:
    """Work until told to stop; returns the exit code."""
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
    worker.start()
    return int(worker.exitcode or 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run a Celery worker.")
    parser.add_argument("name")
    parser.add_argument("--queues", required=True)
    parser.add_argument("--pool", choices=("threads", "prefork"), required=True)
    parser.add_argument("--slots", type=int, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(run(**vars(_arguments())))
