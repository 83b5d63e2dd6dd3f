"""Whether a viewer of an edge node may play: the hub is asked, as the viewer would ask it himself.

The edge shows nothing of its own and is believed nothing; what it may pass on is what its viewers have tokens for.
"""

import asyncio
import logging
import time

import httpx

from streams.media.origin import answers
from streams.media.origin.answers import Reply
from streams.media.origin.batches import UnansweredError
from streams.media.origin.hub import Hub
from streams.media.origin.permissions import Inquirer
from streams.media.origin.rules import Viewer

logger = logging.getLogger(__name__)

# A hub that works answers within some 10 ms, and one that does not know says so before this.
_BOUND_S = 2.5
# In all, before nginx gives up: a crowd waits for its turns.
_PATIENCE_S = 8.0
# More connections than that make a crowd's answers later, not sooner.
_AT_ONCE = 128
# After a question that was not answered nobody asks for so long; then one finds out for all.
_PAUSE_S = 3.0
_UNKNOWN_HOLDS_S = 4
# How long the hub's answer holds; not for caches on the way.
_HOLDS = "X-Playback-Holds"
_ANSWERS = frozenset({200, 401})


class RelayedPermissions:
    """The hub's answers; those who ask the same at once are one question."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._asking: dict[Viewer, asyncio.Task[Reply]] = {}
        self._is_failing = False
        self._silent_until = 0.0

    def ask(self, client: Inquirer, viewer: Viewer) -> None:
        """Have the client answered as the hub answers."""
        if not viewer.playback_id:
            # What lies at such an address nobody has.
            client.send(answers.refused("unknown", holds_s=_UNKNOWN_HOLDS_S))
            return
        asking = self._asking.get(viewer)
        if asking is None:
            asking = self._asking[viewer] = asyncio.get_running_loop().create_task(self._answer(viewer))
            asking.add_done_callback(lambda _: self._asking.pop(viewer))
        asking.add_done_callback(lambda done: client.send(done.result()))

    async def _answer(self, viewer: Viewer) -> Reply:
        try:
            async with asyncio.timeout(_PATIENCE_S), self._turns:
                return await self._ask_in_turn(viewer)
        except TimeoutError:
            return answers.unsure(viewer.token)
        except Exception:  # Without an answer nginx would take one question's mistake for a program that hangs.
            logger.exception("a question cannot be answered playback_id=%s", viewer.playback_id)
            return answers.failure(503)

    async def _ask_in_turn(self, viewer: Viewer) -> Reply:
        if not self._may_ask():
            return answers.unsure(viewer.token)
        try:
            async with asyncio.timeout(_BOUND_S):
                answer = await self._ask_hub(viewer)
        except (httpx.HTTPError, TimeoutError, OSError, UnansweredError) as error:
            logger.warning("the hub does not say who may play, and is not asked for %.0f s: %r", _PAUSE_S, error)
            self._is_failing, self._silent_until = True, time.monotonic() + _PAUSE_S
            return answers.unsure(viewer.token)
        self._is_failing, self._silent_until = False, 0.0
        return answer

    def _may_ask(self) -> bool:
        now = time.monotonic()
        if now < self._silent_until:
            return False
        if self._is_failing:
            self._silent_until = now + _PAUSE_S
        return True

    async def _ask_hub(self, viewer: Viewer) -> Reply:
        headers = {"Origin": viewer.origin} if viewer.origin else {}
        path = f"/{viewer.playback_id}/permission"
        async with self._hub.get(path, token=viewer.token, headers=headers) as response:
            if response.status_code in {429, 503}:
                # It knows others' livestreams, or we ask too much at once: others may be answered.
                return answers.unsure(viewer.token)
            if response.status_code not in _ANSWERS:
                raise UnansweredError(f"status {response.status_code}")
            said = {
                "Cache-Control": response.headers.get(_HOLDS, "no-store"),
                "X-Playback": response.headers.get("X-Playback", ""),
            }
            if pseudonym := response.headers.get("X-Playback-Viewer"):
                said["X-Playback-Viewer"] = pseudonym
            varies = {"Vary": "Origin"} if "origin" in response.headers.get("Vary", "").lower() else {}
            return answers.answer(response.status_code, {**said, **varies}, b"")
