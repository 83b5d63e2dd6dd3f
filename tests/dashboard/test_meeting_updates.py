"""A meeting's page hears of who comes and goes, and of its livestream: over a real Redis, through the real consumer."""

import asyncio
import re
from collections.abc import Callable
from typing import NamedTuple

import pytest
from channels.db import database_sync_to_async
from django.test import Client

from streams.dashboard.open_pages import NOT_FOUND
from streams.livestreams.services import disable_livestream
from streams.meetings.broadcasts import start_meeting_livestream, stop_meeting_livestream
from streams.meetings.lifecycle import join_meeting, leave_meeting
from streams.meetings.room import kick_all
from streams.meetings.services.meetings import change_meeting, create_meeting
from streams.meetings.services.participants import delete_participant
from streams.models import Livestream, Meeting, Participant, Peer, User
from streams.organizations.services import SYSTEM
from tests.dashboard.conftest import HTMX, get_html
from tests.dashboard.websocket import opened
from tests.meetings.people import added
from tests.runs import connected

# The consumers read in threads of their own, which see only what is committed.
pytestmark = pytest.mark.django_db(transaction=True)


class Deed(NamedTuple):
    """Something that is done to a meeting, and what its page says then."""

    do: Callable[[Meeting, Participant], object]
    seen: str


def _start(meeting: Meeting) -> Livestream:
    return start_meeting_livestream(meeting=meeting, name="Standup", actor=SYSTEM)[0]


def _leave(meeting: Meeting) -> None:
    leave_meeting(peer=Peer.objects.get())


DEEDS = {
    "joined": Deed(lambda _, mary: join_meeting(participant=mary), "<bdi>Mary Sue</bdi>"),
    "added": Deed(lambda meeting, _: added(meeting, "joe", name="Joe Bloggs"), "Joe Bloggs"),
    "removed": Deed(lambda _, mary: delete_participant(participant=mary, actor=SYSTEM), "Nobody can join yet"),
    "renamed": Deed(
        lambda meeting, _: change_meeting(meeting=meeting, changes={"title": "Retro"}, actor=SYSTEM), "Retro"
    ),
    "started": Deed(lambda meeting, _: _start(meeting), "Connect an encoder"),
}
DEEDS_IN_SESSION = {
    "left": Deed(lambda meeting, _: _leave(meeting), "Nobody. "),
    "ended": Deed(lambda meeting, _: kick_all(meeting=meeting, actor=SYSTEM), "Ended by its host"),
}
DEEDS_WITH_LIVESTREAM = {
    "connected": Deed(lambda *_: connected(Livestream.objects.get()), "Encoder connected"),
    "disabled": Deed(lambda *_: disable_livestream(livestream=Livestream.objects.get(), actor=SYSTEM), "Disabled"),
    "stopped": Deed(lambda meeting, _: stop_meeting_livestream(meeting=meeting, actor=SYSTEM), "Its broadcasts"),
}


def heard(user: User, address: str, deed: Deed, meeting: Meeting, mary: Participant) -> tuple[str, str]:
    """Return what the page is sent at once, and the first that tells of the deed after it."""

    async def watch() -> tuple[str, str]:
        async with opened(address, user) as socket:
            first = await socket.fragments()
            await database_sync_to_async(deed.do)(meeting, mary)
            while deed.seen not in (text := await socket.fragments()):
                pass
            return first, text

    return asyncio.run(watch())


class TestMeetingPage:
    @pytest.mark.parametrize("deed", DEEDS)
    def test_hears_of_who_may_come_and_who_is_there(
        self, meeting: Meeting, mary: Participant, owner: User, deed: str
    ) -> None:
        first, _ = heard(owner, f"/ws/meetings/{meeting.pk}", DEEDS[deed], meeting, mary)

        assert DEEDS[deed].seen not in first

    @pytest.mark.parametrize("deed", DEEDS_IN_SESSION)
    def test_hears_of_who_goes(self, meeting: Meeting, mary: Participant, owner: User, deed: str) -> None:
        join_meeting(participant=mary)

        first, _ = heard(owner, f"/ws/meetings/{meeting.pk}", DEEDS_IN_SESSION[deed], meeting, mary)

        assert "<bdi>Mary Sue</bdi>" in first

    @pytest.mark.parametrize("deed", DEEDS_WITH_LIVESTREAM)
    def test_hears_of_its_livestream(self, meeting: Meeting, mary: Participant, owner: User, deed: str) -> None:
        address = f"/ws/meetings/{meeting.pk}?livestream={_start(meeting).pk.hex}"

        first, _ = heard(owner, address, DEEDS_WITH_LIVESTREAM[deed], meeting, mary)

        assert DEEDS_WITH_LIVESTREAM[deed].seen not in first

    def test_is_sent_as_a_whole_when_it_was_built_around_another_livestream(
        self, meeting: Meeting, mary: Participant, owner: User
    ) -> None:
        address = f"/ws/meetings/{meeting.pk}?page=1&livestream="

        parts, whole = heard(owner, address, DEEDS["started"], meeting, mary)

        assert parts.count("hx-swap-oob") == 5
        assert re.findall(r'id="([^"]+)"[^>]* hx-swap-oob', whole) == [f"meeting-{meeting.pk}"]
        # The next update fits the page as it is then.
        assert f"livestream={Livestream.objects.get().pk.hex}" in whole

    def test_holds_neither_key_nor_buttons_for_a_viewer(self, meeting: Meeting, viewer: User) -> None:
        livestream = _start(meeting)

        async def look() -> str:
            async with opened(f"/ws/meetings/{meeting.pk}", viewer) as socket:
                return await socket.fragments()

        html = asyncio.run(look())

        assert livestream.playback_url in html
        assert livestream.stream_key not in html
        assert "/livestream/stop" not in html
        assert "/participants/add" not in html

    def test_closes_for_whom_it_does_not_concern(self, meeting: Meeting, stranger: User) -> None:
        async def code() -> int:
            async with opened(f"/ws/meetings/{meeting.pk}", stranger) as socket:
                return await socket.closing_code()

        assert asyncio.run(code()) == NOT_FOUND

    def test_asks_for_the_same_where_websockets_do_not_get_through(self, meeting: Meeting, browser: Client) -> None:
        before = get_html(browser, f"/meetings/{meeting.pk}")
        [address] = re.findall(r'hx-get="(/meetings/[^"]+\?[^"]+)"', before.replace("&amp;", "&"))

        assert get_html(browser, address, **HTMX).count("hx-swap-oob") == 5
        livestream = _start(meeting)
        assert get_html(browser, address, **HTMX).count("hx-swap-oob") == 1
        around = f"/meetings/{meeting.pk}?livestream={livestream.pk.hex}"
        assert get_html(browser, around, **HTMX).count("hx-swap-oob") == 11


class TestMeetingList:
    @pytest.mark.parametrize(
        "deed",
        [
            Deed(lambda _, mary: join_meeting(participant=mary), ">1</span>"),
            Deed(lambda meeting, _: _start(meeting), "Offline"),
            Deed(
                lambda meeting, _: create_meeting(app=meeting.app, values={"title": "Stand-by"}, actor=SYSTEM),
                "1\u20132 of 2",
            ),
        ],
        ids=["joined", "started", "created"],
    )
    def test_hears_of_every_meeting_that_it_looks_for(
        self, meeting: Meeting, mary: Participant, owner: User, deed: Deed
    ) -> None:
        first, _ = heard(owner, "/ws/meetings?q=stand&page=1", deed, meeting, mary)

        assert deed.seen not in first
        assert first.count("hx-swap-oob") == 1

    def test_hears_of_no_other_organizations(self, meeting: Meeting, stranger: User) -> None:
        async def hears_nothing() -> bool:
            async with opened("/ws/meetings", stranger) as socket:
                assert meeting.title not in await socket.fragments()
                await database_sync_to_async(_start)(meeting)
                return await socket.hears_nothing(for_s=1)

        assert asyncio.run(hears_nothing())

    def test_asks_for_the_same_where_websockets_do_not_get_through(self, meeting: Meeting, browser: Client) -> None:
        html = get_html(browser, "/meetings?q=stand", **HTMX)

        assert "<html" not in html
        assert 'id="meeting-list" aria-label="Meetings" hx-swap-oob="outerMorph"' in html
