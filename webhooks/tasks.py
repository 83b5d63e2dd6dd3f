"""Celery's side of webhooks: tasks are idempotent, bounded, and make one call."""

from celery import shared_task

from livehub.core.deadline import deadline
from webhooks import feed, retention

# Less than the time between two of them: what is left is the next one's.
_FORGET_S = 60.0


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
