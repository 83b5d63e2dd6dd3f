"""Celery's side of meetings: tasks are idempotent, and make one call."""

from celery import shared_task

from livehub.core.deadline import deadline
from streams.meetings import sweeps

# The next one comes after 5 s.
_SWEEP_S = 10.0


@shared_task(name="streams.sweep_meetings")
def sweep_meetings() -> None:
    """End sessions that everybody has left."""
    with deadline(_SWEEP_S):
        sweeps.end_empty_sessions()
