"""Counting what a worker does: each task that has ended, how it ended, and for how long it ran."""

import time

from celery import Task
from celery.signals import task_postrun, task_prerun

from livehub.core.counters import TASK_SECONDS, TASKS

# When those that run began, by a steady clock.
_began_s: dict[str, float] = {}


def count_tasks() -> None:
    """Count those of this process from now on, and of those that it forks."""
    task_prerun.connect(_begin)
    task_postrun.connect(_end)


def _begin(*, task_id: str, **_: object) -> None:
    _began_s[task_id] = time.monotonic()


def _end(*, task_id: str, task: Task, state: str | None = None, **_: object) -> None:
    began_s = _began_s.pop(task_id, None)
    # None: it was broken off, as at a time limit.
    TASKS.labels(task.name, (state or "broken_off").lower()).inc()
    if began_s is not None:
        TASK_SECONDS.labels(task.name).inc(time.monotonic() - began_s)
