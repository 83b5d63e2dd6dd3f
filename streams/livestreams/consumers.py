"""Websockets of the dashboard: whatever changes is sent as the same fragments that the pages are made of."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any, cast
from urllib.parse import parse_qsl
from uuid import UUID

from channels.generic.websocket import AsyncWebsocketConsumer
from django.template.loader import render_to_string

from livehub.core.channel_layer import LAYER_OUTAGE
from livehub.core.errors import NotFoundError
from livehub.core.outage import DATABASE_OUTAGE, describe
from livehub.core.readers import read
from livehub.core.websockets import TRY_AGAIN, turn_away
from streams.livestreams.forms import LivestreamFilterForm
from streams.livestreams.live_updates import livestream_group, organization_group
from streams.livestreams.selectors import get_livestream_list, get_livestream_screen, get_overview
from streams.organizations.models import Member, User
from streams.organizations.selectors import find_membership

logger = logging.getLogger(__name__)

# Codes of our own (4000-4999). htmx comes back after none of them, but after `TRY_AGAIN`.
NOT_LOGGED_IN, NOT_A_MEMBER, NOT_FOUND = 4401, 4403, 4404
# What happens at once (a hundred streams starting) becomes one fragment.
_GATHER_S = 0.15


class FragmentConsumer(AsyncWebsocketConsumer):
    """Sends the page's live fragments on connection, and again after each change."""

    _work: asyncio.Task[None] | None = None
    _group: str | None = None
    _changed: asyncio.Event

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        except LAYER_OUTAGE as error:
            if hasattr(self, "channel_name"):
                raise
            # It gets a channel first of all, before `connect`.
            logger.warning("page not served, the channel layer is away error=%r", error)
            await turn_away(send)

    async def connect(self) -> None:
        await self.accept()
        self._changed = asyncio.Event()
        if self._user is None:
            await self.close(NOT_LOGGED_IN)
            return
        try:
            member = await read(partial(_find_member, self._user.pk))
            if member is None:
                await self.close(NOT_A_MEMBER)
                return
            # First listen, then read: a change between the two is sent twice rather than never.
            self._group = self.group(member)
            await self.channel_layer.group_add(self._group, self.channel_name)
        except (*DATABASE_OUTAGE, *LAYER_OUTAGE) as error:
            logger.warning("page not served %s", describe(error))
            await self.close(TRY_AGAIN)
            return
        self._changed.set()
        self._work = asyncio.create_task(self._send_changes(self._user.pk))

    async def disconnect(self, code: int) -> None:
        try:
            if self._work is not None:
                self._work.cancel()
                with suppress(asyncio.CancelledError):
                    await self._work
        finally:
            # The layer notes and forgets the channel before it tells Redis, so one that is away changes nothing.
            if self._group is not None:
                with suppress(*LAYER_OUTAGE):
                    await self.channel_layer.group_discard(self._group, self.channel_name)

    async def page_changed(self, message: dict[str, object]) -> None:
        self._changed.set()

    def group(self, member: Member) -> str:
        """Return the name of the channel group whose messages concern the page."""
        raise NotImplementedError

    def render(self, member: Member) -> str:
        """Return the fragments as they stand now.

        :raises NotFoundError: when what the page shows is gone, or another tenant's.
        """
        raise NotImplementedError

    async def _send_changes(self, user_id: UUID) -> None:
        """Send until the page is gone; runs beside the message loop, so that messages that pile up are gathered."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            answer = await self._answer(user_id)
            try:
                if isinstance(answer, int):
                    await self.close(answer)
                    return
                await self.send(answer)
            except OSError:
                # The browser has vanished, and `disconnect` follows. Source: ASGI, "Disconnected Client - send".
                return
            await asyncio.sleep(_GATHER_S)

    async def _answer(self, user_id: UUID) -> str | int:
        """Return the fragments, or the code to close with when there is nothing to show any more."""
        try:
            fragments = await read(partial(self._render_for, user_id))
        except NotFoundError:
            return NOT_FOUND
        except (*DATABASE_OUTAGE, TimeoutError) as error:
            logger.warning("page not read, its browser will come back group=%s %s", self._group, describe(error))
            return TRY_AGAIN
        return NOT_A_MEMBER if fragments is None else fragments

    @property
    def _user(self) -> User | None:
        user = self.scope.get("user")
        return cast(User, user) if user is not None and user.is_authenticated else None

    def _render_for(self, user_id: UUID) -> str | None:
        """Return the fragments, or None when the reader has lost the membership since the last time."""
        member = _find_member(user_id)
        return self.render(member) if member else None


def _find_member(user_id: UUID) -> Member | None:
    user = User.objects.filter(pk=user_id, is_active=True).first()
    return find_membership(user) if user else None


class LivestreamConsumer(FragmentConsumer):
    """The page of one livestream."""

    def group(self, member: Member) -> str:
        return livestream_group(self._livestream_id)

    def render(self, member: Member) -> str:
        screen = get_livestream_screen(organization=member.organization, livestream_id=self._livestream_id)
        return render_to_string("streams/_livestream_live.html", {"screen": screen, "member": member})

    @property
    def _livestream_id(self) -> UUID:
        livestream_id: UUID = self.scope["url_route"]["kwargs"]["livestream_id"]
        return livestream_id


class OverviewConsumer(FragmentConsumer):
    """The overview of the reader's organization."""

    def group(self, member: Member) -> str:
        return organization_group(member.organization_id)

    def render(self, member: Member) -> str:
        context = {"overview": get_overview(member), "member": member, "is_update": True}
        return render_to_string("streams/_overview_live.html", context)


class LivestreamListConsumer(FragmentConsumer):
    """The list of livestreams, searched, filtered, sorted and paged as its URL says."""

    _shown: Sequence[UUID] = ()

    def group(self, member: Member) -> str:
        return organization_group(member.organization_id)

    def render(self, member: Member) -> str:
        form = LivestreamFilterForm(dict(parse_qsl(self.scope["query_string"].decode("ascii", "replace"))))
        found = get_livestream_list(owner=member.organization, wanted=form.wanted(), page=form.number())
        found = found.kept_in_place(self._shown)
        self._shown = [row.pk for row in found.rows]
        return render_to_string("streams/_livestream_list.html", {"found": found, "member": member, "is_update": True})
