"""Handing work to Celery by name, so that services need not import tasks."""

from uuid import UUID

from celery import current_app
from django.db import transaction

from livehub.core import deferred


def enqueue(
    task_name: str, *, queue: str | None = None, expires_s: float | None = None, **ids: UUID | str | int
) -> None:
    """Send a task when the current transaction commits; nothing is sent when it rolls back.

    A task that no worker has taken after `expires_s` is dropped: for work that somebody asks for again.
    The queue is that of `CELERY_TASK_ROUTES` in the settings unless one is given. The change is committed by then, so a
    broker that is away or hangs holds up nobody and raises nothing: whatever must not get lost has a sweep that finds
    it again.
    """
    kwargs = {name: str(value) if isinstance(value, UUID) else value for name, value in ids.items()}

    def send() -> None:
        current_app.send_task(task_name, kwargs=kwargs, queue=queue, expires=expires_s)

    transaction.on_commit(lambda: deferred.post(send, what=task_name))
