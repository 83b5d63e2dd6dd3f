"""The wire from whoever commits to the couriers that are out: a message of Celery's costs more than a delivery.

Redis keeps nothing of what is said here, and tells how many heard it: where none did, one has to be called.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from contextlib import aclosing
from functools import cache
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from redis import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from livehub.core.redis_clients import async_redis_tried_once, redis_tried_once

logger = logging.getLogger(__name__)

_CHANNEL = "livehub:webhooks"
# While Redis is away.
_AGAIN_S = 1.0
_READ_S = 1.0
_CLOSE_S = 2.0


def tell(endpoint_ids: Collection[UUID]) -> int:
    """Tell the couriers that are out that something is due to these endpoints, and return how many hear it.

    :raises RedisError: when Redis is away, or hangs, after a few seconds at most.
    """
    return int(_redis().publish(_CHANNEL, " ".join(map(str, endpoint_ids))))


class CourierWire:
    """A courier's end of it; belongs to an event loop."""

    def __init__(self, hear: Callable[[list[UUID]], None]) -> None:
        self._hear = hear
        self._is_closed = False
        self._pubsub: PubSub | None = None
        self._listening: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Have `hear` called with what is told from about now on."""
        self._listening = asyncio.create_task(self._listen())

    async def close(self) -> None:
        """Be counted no more; what was told to us before is heard yet."""
        self._is_closed = True
        if self._listening is None:
            return
        try:
            async with asyncio.timeout(_CLOSE_S):
                if self._pubsub is not None:
                    await self._pubsub.unsubscribe(_CHANNEL)
                    await self._listening
        except (RedisError, OSError) as error:
            logger.warning("the wire is cut: %r", error)
        self._listening.cancel()
        await asyncio.wait([self._listening], timeout=_CLOSE_S)

    async def _listen(self) -> None:
        while not self._is_closed:
            try:
                await self._listen_once()
            except (RedisError, OSError) as error:
                # Others' endpoints are the sweep's meanwhile, and ours are looked at now and then.
                logger.warning("hears nothing: %r", error)
                await asyncio.sleep(_AGAIN_S)

    async def _listen_once(self) -> None:
        redis = async_redis_tried_once(_url(), **_bounds())
        async with aclosing(redis), aclosing(redis.pubsub()) as pubsub:
            await pubsub.subscribe(_CHANNEL)
            self._pubsub = pubsub
            try:
                while (message := await pubsub.get_message(timeout=_READ_S)) is None or self._take(message):
                    pass
            finally:
                self._pubsub = None

    def _take(self, message: dict[str, Any]) -> bool:
        """Tell whether more may come."""
        kind: str = message["type"]
        if kind == "message":
            self._hear([UUID(text) for text in message["data"].decode().split()])
        return kind != "unsubscribe"


@cache
def _redis() -> Redis:
    return redis_tried_once(_url(), **_bounds())


def _url() -> str:
    return str(settings.CACHES["default"]["LOCATION"])


def _bounds() -> dict[str, Any]:
    return cast(dict[str, Any], settings.CACHES["default"]["OPTIONS"])
