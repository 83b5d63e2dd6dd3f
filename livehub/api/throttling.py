"""How many requests an API key may send, counted in Redis for all processes and machines together.

Fairness between programs, no security: while Redis is away everybody is let in. Each process takes its share in
portions, so that most requests ask nobody.
"""

import logging
import threading
import time
from dataclasses import dataclass
from functools import cache, cached_property

from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

from livehub.core import clock
from livehub.core.errors import DomainError
from livehub.core.redis_clients import redis_tried_once

logger = logging.getLogger(__name__)

# Source: Cloudflare's limit is for 5 minutes.
WINDOW_S = 300
# What a process takes at once, of what is allowed in all: so much may stay unused in each process.
_PORTIONS = 200
# A request waits no longer for Redis, and the next ones not at all for a while.
_REDIS_TIMEOUT_S = 0.1
_PAUSE_S = 5.0


class RateLimitedError(DomainError):
    """The API key has sent too many requests."""

    code = "rate_limited"
    http_status = 429
    retryable = True

    def __init__(self, *, retry_after_s: int) -> None:
        super().__init__(f"This API key has sent too many requests. Go on in {retry_after_s} s.")
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Allowance:
    """What an API key may still send in this window."""

    limit: int
    # After this request; below zero when it is one too many.
    remaining: int
    reset_s: int

    @property
    def headers(self) -> dict[str, str]:
        """Source: draft-ietf-httpapi-ratelimit-headers-07, in the form that clients know."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(max(0, self.remaining)),
            "RateLimit-Reset": str(self.reset_s),
        }

    def check(self) -> None:
        """:raises RateLimitedError: when the request is one too many."""
        if self.remaining < 0:
            raise RateLimitedError(retry_after_s=self.reset_s)


@dataclass
class _Share:
    """What this process has taken for one API key."""

    # Taken and not yet used.
    left: int
    # Taken by nobody, as far as we know.
    untaken: int


class Throttle:
    """One process's view of all API keys."""

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url
        self._lock = threading.Lock()
        self._window = 0
        self._shares: dict[str, _Share] = {}
        self._away_until = 0.0

    def take(self, identity: str, *, limit: int) -> Allowance:
        """Count one request of this API key, and return what it may still send."""
        now_s = int(clock.now().timestamp())
        window, reset_s = now_s // WINDOW_S, WINDOW_S - now_s % WINDOW_S
        # Again when other requests were quicker to use what this one has taken.
        while (remaining := self._use(identity, window=window)) is None:
            self._take_portion(identity, window=window, limit=limit)
        return Allowance(limit, remaining, reset_s)

    def _use(self, identity: str, *, window: int) -> int | None:
        """Use one of our share; None when there is none left, or -1 when nobody may take any more."""
        with self._lock:
            # Not the one before: a request that began in it may come late. A clock that was set back counts anew.
            if window not in (self._window, self._window - 1):
                self._window, self._shares = window, {}
            share = self._shares.get(identity)
            if share is None:
                return None
            if share.left == 0:
                return -1 if share.untaken <= 0 else None
            share.left -= 1
            return max(0, share.untaken) + share.left

    def _take_portion(self, identity: str, *, window: int, limit: int) -> None:
        portion = max(1, limit // _PORTIONS)
        untaken = limit - self._count(identity, window=window, by=portion)
        # What was taken beyond the limit is not there.
        got = max(0, portion + min(0, untaken))
        with self._lock:
            share = self._shares.setdefault(identity, _Share(0, 0))
            share.left += got
            share.untaken = untaken

    def _count(self, identity: str, *, window: int, by: int) -> int:
        """Return how many have been taken of this window, by all processes."""
        if time.monotonic() < self._away_until:
            return by
        try:
            with self._redis.pipeline(transaction=False) as pipeline:
                key = f"livehub:requests:{identity}:{window}"
                pipeline.incrby(key, by)
                pipeline.expire(key, 2 * WINDOW_S)
                return int(pipeline.execute()[0])
        except RedisError as error:
            logger.warning("API requests not counted for %.0f s: %s", _PAUSE_S, error)
            self._away_until = time.monotonic() + _PAUSE_S
            return by

    @cached_property
    def _redis(self) -> Redis:
        return redis_tried_once(
            self._redis_url, socket_timeout=_REDIS_TIMEOUT_S, socket_connect_timeout=_REDIS_TIMEOUT_S
        )


@cache
def throttle() -> Throttle:
    """Return this process's."""
    return Throttle(str(settings.CACHES["default"]["LOCATION"]))


def find_allowance(identity: str) -> Allowance | None:
    """Count one request; None where any number is allowed."""
    limit: int = settings.API_REQUESTS_PER_KEY
    return throttle().take(identity, limit=limit) if limit else None
