"""Websockets of the dashboard: whatever changes is sent as the same fragments that the pages are made of."""

import asyncio
import logging
from collections.abc import Callable, Sequence
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
from streams.dashboard.open_pages import BROKEN, NOT_A_MEMBER, NOT_FOUND, OPEN_PAGES, Standing, TooManyPagesError
from streams.livestreams.forms import LivestreamFilterForm
from streams.livestreams.live_updates import livestream_group, organization_group
from streams.livestreams.selectors import (
    LivestreamScreen,
    get_livestream_list,
    get_livestream_screen,
    get_overview,
    get_session_screen,
)
from streams.organizations.models import Member, User
from streams.organizations.selectors import find_membership

logger = logging.getLogger(__name__)

# A message from a page, which has nothing to say. Source: RFC 6455 7.4.1.
_NOT_ASKED = 1008
# What happens at once (a hundred streams starting) becomes one fragment.
_GATHER_S = 0.15
# A page hears something this often, to tell a quiet livestream from a lost connection, of which no browser hears by
# itself. htmx swaps nothing for a message without content.
_PULSE_S = 2.0
_SIGN_OF_LIFE = "{}"


class FragmentConsumer(AsyncWebsocketConsumer):
    """Sends the page's live fragments on connection, and again after each change."""

    # Something on the page moves by itself.
    has_pulse = False
    standing: Standing | None = None
    _work: asyncio.Task[None] | None = None
    _group: str | None = None
    _changed: asyncio.Event
    _ended: int | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        except LAYER_OUTAGE as error:
            if hasattr(self, "channel_name"):
                raise
            # It gets a channel first of all, before `connect`.
            logger.warning("page not served, the channel layer is away error=%r", error)
            await turn_away(send)
        finally:
            OPEN_PAGES.leave(self)

    async def connect(self) -> None:
        try:
            OPEN_PAGES.enter(self)
        except TooManyPagesError:
            logger.info("page not served, its reader has too many user=%s", self.user_id)
            await self.close()
            return
        await self.accept()
        self._changed = asyncio.Event()
        try:
            member = await read(partial(_find_member, self.user_id), reader=self.user_id)
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
        self.standing = self._standing_of(member)
        self._changed.set()
        self._work = asyncio.create_task(self._send_changes())

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        self.end(_NOT_ASKED)

    def end(self, code: int) -> None:
        """Close soon, in place of whatever would be sent next."""
        self._ended = code
        self._changed.set()

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

    async def _send_changes(self) -> None:
        """Send until the page is gone; runs beside the message loop, so that messages that pile up are gathered."""
        while True:
            answer = await self._next_answer()
            try:
                if isinstance(answer, int):
                    await self.close(answer)
                    return
                await self.send(answer)
            except OSError:
                # The browser has vanished, and `disconnect` follows. Source: ASGI, "Disconnected Client - send".
                return
            await asyncio.sleep(_GATHER_S)

    def render_pulse(self, member: Member) -> str:
        """Return what moves by itself, without a change that is told; asked for only where `has_pulse`.

        :raises NotFoundError: as `render`.
        """
        raise NotImplementedError

    async def _next_answer(self) -> str | int:
        """Return what to send next: the fragments after a change, or the pulse after a while without one."""
        try:
            async with asyncio.timeout(_PULSE_S):
                await self._changed.wait()
        except TimeoutError:
            return await self._answer(self.render_pulse) if self.has_pulse else _SIGN_OF_LIFE
        self._changed.clear()
        return await self._answer(self.render) if self._ended is None else self._ended

    async def _answer(self, render: Callable[[Member], str]) -> str | int:
        """Return the fragments, or the code to close with when there is nothing to show any more."""
        try:
            fragments = await read(partial(_render_for, self.user_id, render), reader=self.user_id)
        except NotFoundError:
            return NOT_FOUND
        except (*DATABASE_OUTAGE, TimeoutError) as error:
            logger.warning("page not read, its browser will come back group=%s %s", self._group, describe(error))
            return TRY_AGAIN
        except Exception:  # Of whatever a page is made: without an end it would stay open, and hear of nothing.
            logger.exception("page not rendered group=%s", self._group)
            return BROKEN
        if self._ended is not None:
            return self._ended
        return NOT_A_MEMBER if fragments is None else fragments

    @property
    def user_id(self) -> UUID:
        return self._user.pk

    @property
    def query(self) -> dict[str, str]:
        """What the page's address says of which rows it shows."""
        return dict(parse_qsl(self.scope["query_string"].decode("ascii", "replace")))

    @property
    def _user(self) -> User:
        return cast(User, self.scope["user"])

    def _standing_of(self, member: Member) -> Standing:
        session_key = str(self.scope["session"].session_key)
        return Standing(session_key, self.user_id, self._user.get_session_auth_hash(), member.pk, member.role)


def _render_for(user_id: UUID, render: Callable[[Member], str]) -> str | None:
    """Return the fragments, or None when the reader has lost the membership since the last time."""
    member = _find_member(user_id)
    return render(member) if member else None


def _find_member(user_id: UUID) -> Member | None:
    user = User.objects.filter(pk=user_id, is_active=True).first()
    return find_membership(user) if user else None


def render_pulse_of(screen: LivestreamScreen, member: Member) -> str:
    """Return what moves by itself while a livestream is on air."""
    context = {"screen": screen, "member": member, "oob": True}
    parts = [
        "streams/_livestream_notices.html",
        "streams/_livestream_source.html",
        "streams/_livestream_health.html",
    ]
    if any(output.is_being_sent for output in screen.outputs):
        parts.append("streams/_livestream_outputs.html")
    return "".join(render_to_string(part, context) for part in parts)


class LivestreamConsumer(FragmentConsumer):
    """The page of one livestream."""

    def group(self, member: Member) -> str:
        return livestream_group(self._livestream_id)

    def render(self, member: Member) -> str:
        return render_to_string("streams/_livestream_live.html", {"screen": self._screen(member), "member": member})

    def render_pulse(self, member: Member) -> str:
        screen = self._screen(member)
        viewers = render_to_string("streams/_livestream_viewers.html", {"screen": screen, "oob": True})
        return render_pulse_of(screen, member) + viewers

    def _screen(self, member: Member) -> LivestreamScreen:
        screen = get_livestream_screen(organization=member.organization, livestream_id=self._livestream_id)
        self.has_pulse = screen.has_pulse
        return screen

    @property
    def _livestream_id(self) -> UUID:
        livestream_id: UUID = self.scope["url_route"]["kwargs"]["livestream_id"]
        return livestream_id


class SessionConsumer(LivestreamConsumer):
    """The page of one broadcast."""

    def render(self, member: Member) -> str:
        session_id: UUID = self.scope["url_route"]["kwargs"]["session_id"]
        screen = get_session_screen(
            organization=member.organization, livestream_id=self._livestream_id, session_id=session_id
        )
        self.has_pulse = screen.session.is_open
        return render_to_string("streams/_session_live.html", {"screen": screen, "is_update": True})

    def render_pulse(self, member: Member) -> str:
        return self.render(member)


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
        form = LivestreamFilterForm(self.query)
        found = get_livestream_list(owner=member.organization, wanted=form.wanted(), page=form.number())
        found = found.kept_in_place(self._shown)
        self._shown = [row.pk for row in found.rows]
        return render_to_string("streams/_livestream_list.html", {"found": found, "member": member, "is_update": True})
