"""How many viewers play a livestream at once, counted in Redis for all processes and machines together.

A bound that an operator wants, no security: while Redis is away everybody is let in.
"""

import logging
import time
from collections.abc import Sequence
from functools import cache, cached_property

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

logger = logging.getLogger(__name__)

# Who has not asked for so long has gone. A player asks every few seconds, and is asked about every 4 to 8 of them.
GONE_AFTER_S = 15
# A livestream's playback id, how many it has, and whose it is to be.
Place = tuple[str, int, str]
# Nobody waits longer for Redis, and the next ones not at all for a while.
_REDIS_TIMEOUT_S = 0.1
_PAUSE_S = 5.0
# By Redis' own clock, in one step: of two who come for the last place one gets it.
_TAKE_PLACE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3])
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then
    return 0
end
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3] * 2)
return 1
"""


class Audience:
    """One process's way to the count."""

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url
        self._away_until = 0.0

    def take_places(self, wanted: Sequence[Place]) -> list[bool]:
        """Tell for each whether there is a place, and keep it for `GONE_AFTER_S`; who plays has one already."""
        if time.monotonic() < self._away_until:
            return [True] * len(wanted)
        try:
            return [bool(has_place) for has_place in self._ask(wanted)]
        except RedisError as error:
            logger.warning("viewers not counted for %.0f s: %s", _PAUSE_S, error)
            self._away_until = time.monotonic() + _PAUSE_S
            return [True] * len(wanted)

    def _ask(self, wanted: Sequence[Place]) -> list[int]:
        pipeline = self._redis.pipeline(transaction=False)
        for playback_id, places, viewer_id in wanted:
            key = f"livehub:viewers:{playback_id}"
            pipeline.eval(_TAKE_PLACE, 1, key, viewer_id, str(places), str(GONE_AFTER_S))
        return pipeline.execute()

    @cached_property
    def _redis(self) -> Redis:
        return Redis.from_url(
            self._redis_url,
            socket_timeout=_REDIS_TIMEOUT_S,
            socket_connect_timeout=_REDIS_TIMEOUT_S,
            retry=Retry(NoBackoff(), retries=0),
        )


@cache
def audience() -> Audience:
    """Return this process's."""
    return Audience(str(settings.CACHES["default"]["LOCATION"]))
