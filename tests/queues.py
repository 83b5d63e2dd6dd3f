"""Queues of the test run's own Redis, which no worker reads."""

from collections.abc import Iterator
from contextlib import contextmanager

from celery import current_app


def empty(queue: str) -> None:
    """Take everything out of a queue."""
    with current_app.connection_for_write() as broker, broker.channel() as channel:
        channel.queue_purge(queue)


@contextmanager
def untaken(queue: str) -> Iterator[None]:
    """Let a message lie in a queue, as when all slots are full, or the node is gone."""
    with current_app.connection_for_write() as broker, broker.channel() as channel:
        broker.Producer(channel).publish("a task", exchange="", routing_key=queue)
        try:
            yield
        finally:
            channel.queue_purge(queue)
