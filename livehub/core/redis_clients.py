"""Clients of Redis that try each command once: whoever asks knows better what to do than to try again."""

from typing import Any

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry


def redis_tried_once(url: str, **bounds: Any) -> Redis:
    """Return one for threads; `bounds` are those of its sockets."""
    return Redis.from_url(url, retry=Retry(NoBackoff(), retries=0), **bounds)


def async_redis_tried_once(url: str, **bounds: Any) -> AsyncRedis:
    """Return one for an event loop; `bounds` are those of its sockets."""
    return AsyncRedis.from_url(url, retry=AsyncRetry(NoBackoff(), retries=0), **bounds)
