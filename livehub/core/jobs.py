"""Handing work to Celery by name, so that services need not import tasks."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from celery import current_app
from django.db import transaction
from kombu.exceptions import ChannelError, OperationalError
from redis.exceptions import RedisError

from livehub.core import deferred
from livehub.core.errors import DomainError


class BrokerUnavailableError(DomainError):
    """Redis is away, or hangs."""

    code = "broker_unavailable"
    http_status = 503
    retryable = True


def enqueue(task_name: str, *, queue: str | None = None, **ids: UUID | str | int) -> None:
    """Send a task when the current transaction commits; nothing is sent when it rolls back.

    Work that any node can do needs no queue: it goes to `CELERY_TASK_DEFAULT_QUEUE`. The change is committed by then,
    so a broker that is away or hangs holds up nobody and raises nothing: whatever must not get lost has a sweep that
    finds it again. Such a sweep asks `count_waiting` first, or its messages pile up where nobody takes them.
    """
    kwargs = {name: str(value) if isinstance(value, UUID) else value for name, value in ids.items()}

    def send() -> None:
        current_app.send_task(task_name, kwargs=kwargs, queue=queue)

    transaction.on_commit(lambda: deferred.post(send, what=task_name))


def queue_of(promise: str, *, node: str) -> str:
    """Return the queue of one node: for work of this promise that no other node can do."""
    return f"{promise}.{node}"


def count_waiting(queue: str) -> int:
    """Return how many messages lie in a queue that no worker has taken.

    :raises BrokerUnavailableError: when the broker does not tell, after a few seconds at most.
    """
    return count_waiting_in([queue])[queue]


def count_waiting_in(queues: Iterable[str]) -> dict[str, int]:
    """Return that of several queues, by name.

    :raises BrokerUnavailableError: when the broker does not tell, after a few seconds at most.
    """
    try:
        # One channel for all: each takes a client of Redis, and 4 ms of a core.
        with current_app.connection_for_write() as broker, broker.channel() as channel:
            return {queue: _count_in(channel, queue) for queue in queues}
    except (OSError, RedisError, OperationalError) as error:
        raise BrokerUnavailableError(f"How much waits in {', '.join(queues)} is not known: {error!r}") from error


def _count_in(channel: Any, queue: str) -> int:
    try:
        declared = channel.queue_declare(queue, passive=True)
    except ChannelError:
        return 0  # Redis knows no empty queues; and unlike AMQP's, its channel goes on after that.
    count: int = declared.message_count
    return count
