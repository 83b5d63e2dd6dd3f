"""Celery's side of figures."""

from celery import shared_task

from analytics import upkeep


# What it waits for is bounded step by step.
@shared_task(name="analytics.keep_up")
def keep_up() -> None:
    """Make days ahead, and remove and close what is over."""
    upkeep.keep_up()
