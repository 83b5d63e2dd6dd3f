"""Celery's side of self-tests."""

from uuid import UUID

from celery import shared_task

from livehub.core.deadline import deadline
from streams.self_tests import chain, services

# The threads of `urgent` know no time limit.
_BOUND_S = 5.0


@shared_task(name="streams.run_self_test")
def run_self_test(self_test_id: str) -> None:
    """Begin a self-test, which goes on beside this task."""
    with deadline(_BOUND_S):
        chain.start_run(UUID(self_test_id))


@shared_task(name="streams.sweep_self_tests")
def sweep_self_tests() -> None:
    """End those that nobody runs any more."""
    with deadline(_BOUND_S):
        services.end_abandoned()
