"""How Celery's workers hold on to a broker that is away."""

from functools import partial
from typing import Any

from celery.worker.consumer import Consumer


class PromptConsumer(Consumer):  # type: ignore[misc]  # Celery ships no types.
    """Is back within seconds of the broker: Celery's own waits up to 30 s between two attempts."""

    def ensure_connected(self, conn: Any) -> Any:
        conn.ensure_connection = partial(conn.ensure_connection, interval_start=1, interval_step=0, interval_max=1)
        return super().ensure_connected(conn)
