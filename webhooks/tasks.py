"""Celery's side of webhooks: calls for couriers, the sweep for what nobody was called for, and forgetting."""

import threading
from collections.abc import Collection
from typing import TYPE_CHECKING
from uuid import UUID

from celery import shared_task
from celery.signals import worker_shutting_down

from livehub.core.deadline import deadline
from webhooks import feed, retention

if TYPE_CHECKING:
    from webhooks.courier import Courier

# The next one comes after 5 s.
_SWEEP_S = 5.0
# Less than the time between two of them: what is left is the next one's.
_FORGET_S = 60.0


class _Office:
    """This process's courier, if one is out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._courier: Courier | None = None
        self._is_closed = False

    def deliver(self, endpoint_ids: Collection[UUID]) -> None:
        """Have the courier that is out take these as well, or be the courier until nothing is due for a while."""
        # Not above: every worker reads this module, and the others send nothing.
        from webhooks.courier import Courier

        with self._lock:
            if self._is_closed or (self._courier is not None and self._courier.take(endpoint_ids)):
                return
            courier = self._courier = Courier()
        courier.run(endpoint_ids)

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            if self._courier is not None:
                self._courier.stop()


_office = _Office()


@worker_shutting_down.connect
def _hand_over(**_: object) -> None:
    _office.close()


# The threads of `webhooks` know no time limit: all that a courier waits for is bounded, and the sweep here.
@shared_task(name="webhooks.deliver")
def deliver(endpoint_ids: list[str]) -> None:
    """Send what is due to these endpoints."""
    _office.deliver([UUID(endpoint_id) for endpoint_id in endpoint_ids])


@shared_task(name="webhooks.sweep")
def sweep() -> None:
    """Send what is due and nobody was called for, or nobody came."""
    from webhooks import sweeps

    with deadline(_SWEEP_S):
        sweeps.release_of_the_dead()
        endpoint_ids = sweeps.find_due_endpoints()
    if endpoint_ids:
        _office.deliver(endpoint_ids)


@shared_task(name="webhooks.forget_old")
def forget_old() -> None:
    """Remove what is too old to be looked up."""
    with deadline(_FORGET_S):
        retention.forget_old()


@shared_task(name="webhooks.adopt_restored")
def adopt_restored() -> None:
    """Bring events of a restored database into the feed."""
    with deadline(_FORGET_S):
        feed.adopt_restored()


@shared_task(name="webhooks.answer_self_test")
def answer_self_test(self_test_id: str) -> None:
    """Tell a self-test whether its broadcast's event is in the outbox."""
    from webhooks import self_tests

    with deadline(_SWEEP_S):
        self_tests.answer(UUID(self_test_id))
