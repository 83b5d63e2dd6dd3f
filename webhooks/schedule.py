"""When a delivery is tried again, and for how long an endpoint that fails is left alone: functions of values."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from webhooks.states import PATIENCE

_MINUTE_S, _HOUR_S = 60.0, 3600.0
# Before the first attempt, the second...: about 3 days in all. Source: docs/webhooks.md, Delivery.
DELAYS_S = (0.0, 5.0, 30.0, *(n * _MINUTE_S for n in (5, 30)), *(n * _HOUR_S for n in (2, 5, 10, 14, 20, 24)))
# So that what failed together does not come back together.
JITTER = 0.2
# As long as a receiver may ask us to wait.
RETRY_AFTER_MAX_S = 24 * _HOUR_S
# So many failures in a row, and the endpoint is left alone for a while, which doubles with each one that follows.
FAILURES_TO_OPEN = 10
_OPEN_FIRST_S, OPEN_MAX_S = 5.0, 300.0


def delay_s(tries: int, *, retry_after_s: float | None = None) -> float | None:
    """Return for how long a delivery waits after so many tries, or None when that was the last one."""
    if tries >= len(DELAYS_S):
        return None
    # Not for secrets.
    spread = DELAYS_S[tries] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
    return max(spread, min(retry_after_s or 0.0, RETRY_AFTER_MAX_S))


def read_retry_after(text: str, *, now: datetime) -> float | None:
    """Return the seconds that an answer asks to wait, or None for nothing sensible. Source: RFC 9110, 10.2.3."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        # Of any length, and Python reads thousands of digits only slowly.
        return float(text[:10])
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        # The latter of a year or a zone that no number is for.
        return None
    aware = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max((aware - now).total_seconds(), 0.0)


@dataclass(frozen=True, kw_only=True)
class Health:
    """How an endpoint fares."""

    failures: int = 0
    failing_since: datetime | None = None
    last_success_at: datetime | None = None
    last_error: str = ""
    open_until: datetime | None = None

    @property
    def is_probed(self) -> bool:
        """Whether it gets only one delivery at a time, to see if it is back."""
        return self.failures >= FAILURES_TO_OPEN

    def is_given_up(self, now: datetime) -> bool:
        """Tell whether it has failed for so long that it is to be disabled."""
        if self.failing_since is None or self.failures < FAILURES_TO_OPEN:
            # As often within that time in any case, unless this machine was off, or its clock was wrong, for days.
            return False
        return now - self.failing_since >= PATIENCE


def health_after(health: Health, *, has_success: bool, failures: int, error: str, now: datetime) -> Health:
    """Return how an endpoint fares after attempts that ended about now: `failures` is how many since the last success.

    What was under way when it was first left alone does not count once more: a second of absence would else cost
    minutes.
    """
    before = 0 if has_success else health.failures
    count = _count(before, failures)
    if count == 0:
        return Health(last_success_at=now)
    return Health(
        failures=count,
        failing_since=(None if has_success else health.failing_since) or now,
        last_success_at=now if has_success else health.last_success_at,
        last_error=error,
        open_until=now + timedelta(seconds=open_s(count)) if count >= FAILURES_TO_OPEN else None,
    )


def open_s(failures: int) -> float:
    """Return for how long an endpoint is left alone that has failed so often in a row."""
    doublings = min(failures - FAILURES_TO_OPEN, 10)
    return min(_OPEN_FIRST_S * (1 << doublings), OPEN_MAX_S)


def _count(before: int, failures: int) -> int:
    if before >= FAILURES_TO_OPEN:
        return before + min(failures, 1)
    return min(before + failures, FAILURES_TO_OPEN)
