"""The pages that listen for changes in this process: whose they are, how many each may have, and when they are to end.

Nobody has to tell: a look at all of them together, every two seconds, finds those whose log-in is over or whose
membership is another one, however that came about. While the database does not answer nothing is known, and nothing
ends; nothing new is read either.
"""

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Protocol
from uuid import UUID

from django.conf import settings

from livehub.core import clock
from livehub.core.outage import DATABASE_OUTAGE, describe
from livehub.core.readers import read
from livehub.core.websockets import TRY_AGAIN
from streams.organizations.models import Member, User
from streams.organizations.selectors import find_memberships

logger = logging.getLogger(__name__)

# Codes of our own (4000-4999). htmx comes back after none of them, but after `TRY_AGAIN`.
NOT_LOGGED_IN, NOT_A_MEMBER, NOT_FOUND, BROKEN = 4401, 4403, 4404, 4500
# Tabs in the background close theirs, so this is many windows.
PAGES_PER_USER = 20
# Promised: a page ends 5 s after its log-in. A look takes milliseconds, and may take as long as a read may.
_LOOK_EVERY_S = 2.0


class TooManyPagesError(Exception):
    """The person has as many pages open as one may."""


@dataclass(frozen=True)
class Standing:
    """What lets a page be open: a log-in, and a membership with its role."""

    session_key: str
    user_id: UUID
    # Another one after a change of the password.
    session_hash: str
    member_id: UUID
    role: str


class OpenPage(Protocol):
    """What a page's websocket has to be able to do."""

    @property
    def user_id(self) -> UUID: ...

    @property
    def standing(self) -> Standing | None:
        """None until it is known."""

    def end(self, code: int) -> None:
        """Close the page soon; must not wait."""


class OpenPages:
    """For one process's event loop."""

    def __init__(self) -> None:
        self._pages: set[OpenPage] = set()
        self._watch: asyncio.Task[None] | None = None

    def enter(self, page: OpenPage) -> None:
        """Count a page as open until it leaves.

        :raises TooManyPagesError: when the person has too many.
        """
        if sum(other.user_id == page.user_id for other in self._pages) >= PAGES_PER_USER:
            raise TooManyPagesError
        self._pages.add(page)
        if self._watch is None:
            self._watch = asyncio.create_task(self._look_regularly())

    def leave(self, page: OpenPage) -> None:
        """Forget a page; one that is not there changes nothing."""
        self._pages.discard(page)
        if not self._pages and self._watch is not None:
            self._watch.cancel()
            self._watch = None

    async def _look_regularly(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            try:
                await self._look()
            except (*DATABASE_OUTAGE, TimeoutError) as error:
                logger.warning("not known whose log-in is over %s", describe(error))
            except Exception:  # Whatever it was: without looks, pages would outlive their log-ins until a restart.
                logger.exception("not known whose log-in is over")

    async def _look(self) -> None:
        pages = [(page, page.standing) for page in self._pages]
        standings = {standing for _, standing in pages if standing is not None}
        ended = await read(partial(find_ended, standings), reader=self)
        for page, standing in pages:
            if standing in ended:
                page.end(ended[standing])


def find_ended(standings: Collection[Standing]) -> dict[Standing, int]:
    """Return those that hold no more, each with the code to close with."""
    sessions = _find_session_keys({standing.session_key for standing in standings})
    user_ids = {standing.user_id for standing in standings}
    hashes = {user.pk: user.get_session_auth_hash() for user in User.objects.filter(pk__in=user_ids, is_active=True)}
    members = find_memberships(user_ids)
    ended = {}
    for standing in standings:
        if standing.session_key not in sessions or hashes.get(standing.user_id) != standing.session_hash:
            ended[standing] = NOT_LOGGED_IN
        elif code := _code(standing, members.get(standing.user_id)):
            ended[standing] = code
    return ended


def _code(standing: Standing, member: Member | None) -> int:
    if member is None:
        return NOT_A_MEMBER
    # The page comes back as whoever they are now.
    return 0 if (member.pk, member.role) == (standing.member_id, standing.role) else TRY_AGAIN


def _find_session_keys(keys: set[str]) -> set[str]:
    """Return those of the sessions that are not over."""
    sessions = import_module(settings.SESSION_ENGINE).SessionStore.get_model_class().objects
    return set(sessions.filter(session_key__in=keys, expire_date__gt=clock.now()).values_list("session_key", flat=True))


OPEN_PAGES = OpenPages()
