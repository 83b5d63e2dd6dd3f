"""Whether somebody may play: what our own nginx asks about every few seconds for each who does.

The web program says what holds for a livestream's viewers; that is remembered for a moment, and whoever comes is
checked here. So a thousand who come at once are one question to the database, and none at all while it is away.
"""

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from streams.media.origin import answers
from streams.media.origin.answers import Reply
from streams.media.origin.batches import Batches, UnansweredError
from streams.media.origin.rules import PlaybackPermission, Rules, Viewer
from streams.media.origin.web import Place
from streams.media.viewer_tokens import PlaybackRefusedError

logger = logging.getLogger(__name__)

# How long nginx may go by an answer, and how long after that it may once more while it asks again. With how old the
# rules may be, that is how long a viewer who is sent away may go on: 10 s are promised.
_HOLDS_S, _RENEWED_WITHIN_S = 4, 2
_RULES_HOLD_S = 2.0
# The same of what everybody may play, where one answer serves all of them: nobody is sent away from it.
_RENEWED_BY_ALL_WITHIN_S = 60
# The same while this program is away, which a broadcast outlives; a token never outlives its own time.
_UNASKED_WITHIN_S = 86_400
# Before nginx gives up. It takes that long only where a crowd is counted: who does not answer is found out sooner.
_BOUND_S = 4.5
# Of one question to the web program.
_LIVESTREAMS_AT_ONCE, _VIEWERS_AT_ONCE = 200, 1000
# While the web program does not answer, what it said last holds for so long. As long as nginx remembers its answers.
_STALE_S = 3600.0
_SWEEP_S = 10.0
# What nobody asks for: a livestream's, and what was made up.
_FORGOTTEN_S, _UNKNOWN_FORGOTTEN_S = 600.0, 10.0


class _FullHouseError(Exception):
    """All places are taken; told to those only who could play otherwise."""


class Inquirer(Protocol):
    def send(self, answer: Reply) -> None: ...


class Authority(Protocol):
    """Who knows what holds, and who has a place; see `streams.media.origin.web.Web`."""

    async def rules(self, playback_ids: list[str]) -> dict[str, Rules]: ...

    async def places(self, wanted: list[Place]) -> dict[Place, bool]: ...


@dataclass
class _Known:
    """What was said of a livestream; None where there is none."""

    rules: Rules | None
    read_at: float
    asked_at: float


class Permissions:
    """All that is known of who may play."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self._known: dict[str, _Known] = {}
        self._rules = Batches(self._learn, at_most=_LIVESTREAMS_AT_ONCE)
        self._places = Batches(authority.places, at_most=_VIEWERS_AT_ONCE)
        self._asking: set[asyncio.Task[None]] = set()

    def ask(self, client: Inquirer, viewer: Viewer) -> None:
        """Have the client answered, now or soon."""
        task = asyncio.get_running_loop().create_task(self._answer(client, viewer))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def look_after(self) -> None:
        """Forget what nobody asks for; never returns."""
        while True:
            await asyncio.sleep(_SWEEP_S)
            now = time.monotonic()
            for playback_id, known in list(self._known.items()):
                kept_s = _UNKNOWN_FORGOTTEN_S if known.rules is None else _FORGOTTEN_S
                if known.asked_at + kept_s < now:
                    del self._known[playback_id]

    async def _answer(self, client: Inquirer, viewer: Viewer) -> None:
        try:
            async with asyncio.timeout(_BOUND_S):
                answer = await self._decide(viewer)
        except PlaybackRefusedError:
            answer = answers.refused("refused", holds_s=_HOLDS_S)
        except _FullHouseError:
            answer = answers.refused("full", holds_s=_HOLDS_S)
        except (UnansweredError, TimeoutError):
            answer = answers.unsure(viewer.token)
        except Exception:  # After two who are not answered nginx would take the program for one that hangs.
            logger.exception("a question cannot be answered playback_id=%s", viewer.playback_id)
            answer = answers.failure(503)
        client.send(answer)

    async def _decide(self, viewer: Viewer) -> Reply:
        rules = await self._rules_of(viewer.playback_id) if viewer.playback_id else None
        if rules is None:
            return answers.refused("unknown", holds_s=_HOLDS_S)
        permission = rules.check(viewer)
        if rules.places is not None and permission.viewer_id:
            await self._take_place((viewer.playback_id, rules.places, permission.viewer_id))
        return _permitted(permission)

    async def _rules_of(self, playback_id: str) -> Rules | None:
        now = time.monotonic()
        known = self._known.get(playback_id)
        if known is not None:
            known.asked_at = now
            if known.read_at + _RULES_HOLD_S > now:
                return known.rules
        try:
            renewed = self._rules.get(playback_id)
            # Nobody finds out anew that there is no answer.
            if known is None or not self._rules.is_failing:
                return await asyncio.shield(renewed)
        except UnansweredError:
            if known is None:
                raise
        if known.read_at + _STALE_S < now:
            raise UnansweredError
        return known.rules

    async def _learn(self, playback_ids: list[str]) -> dict[str, Rules]:
        began = time.monotonic()
        found = await self._authority.rules(playback_ids)
        now = time.monotonic()
        for playback_id in playback_ids:
            self._known[playback_id] = _Known(found.get(playback_id), read_at=began, asked_at=now)
        return found

    async def _take_place(self, wanted: Place) -> None:
        """Have a viewer counted; while nobody counts, there is a place for everybody.

        :raises _FullHouseError: when all places are taken.
        """
        try:
            placed = self._places.get(wanted)
            has_place = self._places.is_failing or bool(await asyncio.shield(placed))
        except UnansweredError:
            return
        if not has_place:
            raise _FullHouseError


def _permitted(permission: PlaybackPermission) -> Reply:
    holds_s, renewed_within_s, unasked_within_s = _HOLDS_S, _RENEWED_BY_ALL_WITHIN_S, _UNASKED_WITHIN_S
    if permission.expires_at is not None:
        left_s = int((permission.expires_at - datetime.now(UTC)).total_seconds())
        holds_s = max(1, min(_HOLDS_S, left_s))
        renewed_within_s = max(0, min(_RENEWED_WITHIN_S, left_s - holds_s))
        unasked_within_s = max(0, min(_UNASKED_WITHIN_S, left_s - holds_s))
    return answers.permitted(
        holds_s=holds_s,
        renewed_within_s=renewed_within_s,
        unasked_within_s=unasked_within_s,
        depends_on_origin=permission.depends_on_origin,
        pseudonym=permission.pseudonym,
    )
