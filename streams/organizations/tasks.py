"""Celery's side of organizations."""

from celery import shared_task

from livehub.core.deadline import deadline
from streams.organizations import attempts, kept_answers

_FORGET_S = 10.0


@shared_task(name="streams.forget_attempts")
def forget_attempts() -> None:
    """Remove what was counted of tries that count no more."""
    with deadline(_FORGET_S):
        attempts.forget_attempts()


@shared_task(name="streams.forget_answers")
def forget_answers() -> None:
    """Remove what programs were answered a day ago."""
    with deadline(_FORGET_S):
        kept_answers.forget_answers()
