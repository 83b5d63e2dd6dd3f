"""How often secrets may be tried: budgets that fill up again.

Counted in PostgreSQL, for all processes and machines together, and in one statement, so that tries at the same moment
count one by one. It has no outage of its own: while the database is away nobody can log in anyway.
"""

import hashlib
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from livehub.core import clock
from livehub.core.errors import DomainError
from streams.organizations.models import AttemptBudget

# What one statement removes well within its bound.
_BATCH = 5000
# What is spent further ahead than a whole budget, and clocks are apart, was so before a clock was set back.
_CLOCKS_APART_S = 60
_SPEND = """
INSERT INTO streams_attemptbudget AS budget (key, spent_until)
VALUES (%(key)s, %(now)s + make_interval(secs => %(refill_s)s))
ON CONFLICT (key) DO UPDATE
SET spent_until = make_interval(secs => %(refill_s)s)
    + CASE WHEN budget.spent_until > %(before_step)s THEN %(now)s ELSE greatest(budget.spent_until, %(now)s) END
WHERE budget.spent_until > %(before_step)s
    OR greatest(budget.spent_until, %(now)s) + make_interval(secs => %(refill_s)s)
    <= %(now)s + make_interval(secs => %(whole_s)s)
RETURNING spent_until
"""
_GIVE_BACK = """
UPDATE streams_attemptbudget SET spent_until = spent_until - make_interval(secs => %(refill_s)s) WHERE key = %(key)s
"""


class TooManyAttemptsError(DomainError):
    """The budget is spent; whether the secret was right has not been looked at."""

    code = "rate_limited"
    http_status = 429
    retryable = True

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Budget:
    """`at_once` tries, and one more after each `refill_s`: `at_once + 60 / refill_s` in a minute at most."""

    name: str
    at_once: int
    refill_s: int

    @property
    def whole_s(self) -> int:
        """From nothing left to all there."""
        return self.refill_s * self.at_once


def ten_a_minute(name: str) -> Budget:
    """Return what a guesser gets: five at once, for fingers that slip, and one more every 12 s."""
    return Budget(name, at_once=5, refill_s=12)


def spend(budget: Budget, subject: str) -> None:
    """Count a try before it is made.

    :raises TooManyAttemptsError: when there is none left.
    """
    now, key = clock.now(), _key(budget, subject)
    values: dict[str, str | int | datetime] = {
        "key": key,
        "now": now,
        "refill_s": budget.refill_s,
        "whole_s": budget.whole_s,
        "before_step": _before_step(budget, now),
    }
    with connection.cursor() as cursor:
        cursor.execute(_SPEND, values)
        if cursor.fetchone() is None:
            raise TooManyAttemptsError("Too many tries.", retry_after_s=_wait_s(budget, key=key, now=now))


def check(budget: Budget, subject: str) -> None:
    """Ask whether another try may be made, for what only counts when it was wrong.

    :raises TooManyAttemptsError: when there is none left.
    """
    now, key = clock.now(), _key(budget, subject)
    spent = now + timedelta(seconds=budget.whole_s - budget.refill_s)
    before_step = _before_step(budget, now)
    if AttemptBudget.objects.filter(pk=key, spent_until__gt=spent, spent_until__lte=before_step).exists():
        raise TooManyAttemptsError("Too many tries.", retry_after_s=_wait_s(budget, key=key, now=now))


def give_back(budget: Budget, subject: str) -> None:
    """Forget one try: it was right, or was not made after all."""
    with connection.cursor() as cursor:
        cursor.execute(_GIVE_BACK, {"key": _key(budget, subject), "refill_s": budget.refill_s})


def forget_attempts() -> int:
    """Remove budgets that are whole again, and return how many; missing ones are whole."""
    count, now = 0, clock.now()
    while found := list(AttemptBudget.objects.filter(spent_until__lt=now).values_list("pk", flat=True)[:_BATCH]):
        # Asked again: somebody may have begun to spend it meanwhile.
        count += AttemptBudget.objects.filter(pk__in=found, spent_until__lt=now).delete()[0]
    return count


def _before_step(budget: Budget, now: datetime) -> datetime:
    return now + timedelta(seconds=budget.whole_s + _CLOCKS_APART_S)


def _wait_s(budget: Budget, *, key: str, now: datetime) -> int:
    spent_until = AttemptBudget.objects.filter(pk=key).values_list("spent_until", flat=True).first() or now
    return max(1, math.ceil((spent_until - now).total_seconds() + budget.refill_s - budget.whole_s))


def _key(budget: Budget, subject: str) -> str:
    # A hash: what stands in the field for the account is sometimes a password.
    return hashlib.sha256(f"{budget.name}\0{subject}".encode("utf-8", "surrogatepass")).hexdigest()
