"""Channels over Redis, where nobody waits for a Redis that hangs."""

import asyncio
from uuid import uuid4

from channels_redis.pubsub import RedisPubSubChannelLayer
from redis.exceptions import RedisError

# What an operation raises when Redis is away or hangs; a timeout is an OSError.
LAYER_OUTAGE = (RedisError, OSError)
# With the wait for those in front, who use the same connection one after the other.
_TIMEOUT_S = 2.0


class BoundedChannelLayer(RedisPubSubChannelLayer):  # type: ignore[misc]  # Ships no types.
    """Each operation ends within `_TIMEOUT_S`, one way or the other."""

    async def new_channel(self, prefix: str = "specific.") -> str:
        # Named here: the layer makes room for a channel before it tells Redis, and leaves it there when that fails.
        layer = self._get_layer()
        channel = f"{layer.prefix}{prefix}{uuid4().hex}"
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await layer._subscribe_to_channel(channel)
        except BaseException:
            layer.channels.pop(channel, None)
            raise
        return channel

    async def group_add(self, group: str, channel: str) -> None:
        async with asyncio.timeout(_TIMEOUT_S):
            await self._get_layer().group_add(group, channel)

    async def group_discard(self, group: str, channel: str) -> None:
        async with asyncio.timeout(_TIMEOUT_S):
            await self._get_layer().group_discard(group, channel)

    async def group_send(self, group: str, message: dict[str, object]) -> None:
        async with asyncio.timeout(_TIMEOUT_S):
            await self._get_layer().group_send(group, message)
