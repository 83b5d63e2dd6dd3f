"""Open pages hear of changes: over a real Redis, through the real consumers."""

import asyncio

import pytest
from channels.db import database_sync_to_async
from django.conf import LazySettings

from livehub.core import deferred
from streams.dashboard.open_pages import NOT_A_MEMBER, NOT_FOUND
from streams.livestreams.services import create_livestream, delete_livestream, rename_livestream
from streams.models import Livestream, Member, User
from streams.organizations.services import SYSTEM, NewOrganization
from tests.dashboard.websocket import SIGN_OF_LIFE, Message, answer_to, application, cookie_of, opened, socket_scope
from tests.runs import connected

# The consumers read in threads of their own, which see only what is committed.
pytestmark = pytest.mark.django_db(transaction=True)


class TestLivestreamPage:
    def test_gets_the_present_state_at_once_and_each_change_after(self, livestream: Livestream, owner: User) -> None:
        async def watch() -> tuple[str, str]:
            async with opened(f"/ws/livestreams/{livestream.pk}", owner) as socket:
                first = await socket.fragments()
                await database_sync_to_async(connected)(livestream)
                return first, await socket.fragments()

        first, second = asyncio.run(watch())

        assert 'data-status="idle"' in first
        assert 'data-status="connecting"' in second
        assert "Encoder connected" in second
        assert second.count("hx-swap-oob") == 10

    def test_hears_that_the_connection_lives_while_nothing_changes(self, livestream: Livestream, owner: User) -> None:
        async def watch() -> list[str]:
            async with opened(f"/ws/livestreams/{livestream.pk}", owner) as socket:
                return [await socket.text() for _ in range(3)]

        assert asyncio.run(watch())[1:] == [SIGN_OF_LIFE, SIGN_OF_LIFE]

    def test_gathers_what_happens_at_once(self, livestream: Livestream, owner: User) -> None:
        async def watch() -> list[str]:
            async with opened(f"/ws/livestreams/{livestream.pk}", owner) as socket:
                messages = [await socket.fragments()]
                for number in range(20):
                    await database_sync_to_async(rename_livestream)(
                        livestream=livestream, name=f"Name {number}", actor=SYSTEM
                    )
                while "Name 19" not in messages[-1]:
                    messages.append(await socket.fragments())
                return messages

        assert len(asyncio.run(watch())) < 20

    def test_holds_neither_key_nor_buttons_for_a_viewer(self, livestream: Livestream, viewer: User) -> None:
        async def look() -> str:
            async with opened(f"/ws/livestreams/{livestream.pk}", viewer) as socket:
                return await socket.fragments()

        html = asyncio.run(look())

        assert livestream.stream_key not in html
        assert "/delete" not in html

    def test_closes_for_whom_it_does_not_concern(
        self, livestream: Livestream, owner: User, stranger: User, db: None
    ) -> None:
        nobody = User.objects.create_user("nobody@example.com", "correct horse battery")

        async def code(user: User) -> int:
            async with opened(f"/ws/livestreams/{livestream.pk}", user) as socket:
                return await socket.closing_code()

        assert asyncio.run(code(nobody)) == NOT_A_MEMBER
        assert asyncio.run(code(stranger)) == NOT_FOUND

    def test_closes_when_the_livestream_is_deleted_or_the_membership_ends(
        self, livestream: Livestream, owner: User, viewer: User
    ) -> None:
        async def code_after_leaving() -> int:
            async with opened(f"/ws/livestreams/{livestream.pk}", viewer) as socket:
                await socket.fragments()
                await database_sync_to_async(Member.objects.filter(user=viewer).delete)()
                await database_sync_to_async(rename_livestream)(livestream=livestream, name="New", actor=SYSTEM)
                return await socket.closing_code()

        async def code_after_deletion() -> int:
            async with opened(f"/ws/livestreams/{livestream.pk}", owner) as socket:
                await socket.fragments()
                await database_sync_to_async(delete_livestream)(livestream=livestream, actor=SYSTEM)
                return await socket.closing_code()

        assert asyncio.run(code_after_leaving()) == NOT_A_MEMBER
        assert asyncio.run(code_after_deletion()) == NOT_FOUND

    def test_ends_quietly_when_the_browser_vanishes(self, livestream: Livestream, owner: User) -> None:
        async def browse() -> list[object]:
            sent, has_vanished = [], asyncio.Event()
            heard: list[Message] = [{"type": "websocket.disconnect", "code": 1006}, {"type": "websocket.connect"}]

            async def receive() -> Message:
                message = heard.pop()
                if not heard:
                    await has_vanished.wait()
                return message

            async def send(message: Message) -> None:
                sent.append(message["type"])
                if message["type"] == "websocket.send":
                    has_vanished.set()
                    raise OSError("what the server raises once the connection is gone")

            async with asyncio.timeout(5):
                await application(socket_scope(f"/ws/livestreams/{livestream.pk}", cookie), receive, send)
            return sent

        cookie = cookie_of(owner)

        assert asyncio.run(browse()) == ["websocket.accept", "websocket.send"]


class TestUnknownAddress:
    @pytest.mark.parametrize("path", ["/ws/nothing-here", "/ws/livestreams/no-id", "/"])
    def test_is_refused_without_an_error_in_the_log(self, owner: User, path: str) -> None:
        # Closed before it is accepted: the server answers 403.
        assert asyncio.run(answer_to(socket_scope(path, cookie_of(owner)))) == "websocket.close"


class TestOverviewAndList:
    @pytest.mark.parametrize("path", ["/ws/overview", "/ws/livestreams?q=keynote&status=connecting"])
    def test_hear_of_their_organizations_livestreams(self, livestream: Livestream, owner: User, path: str) -> None:
        async def watch() -> tuple[str, str]:
            async with opened(path, owner) as socket:
                first = await socket.fragments()
                await database_sync_to_async(connected)(livestream)
                return first, await socket.fragments()

        first, second = asyncio.run(watch())

        assert "Autumn keynote" not in first
        assert "Autumn keynote" in second

    def test_hear_nothing_of_others(self, livestream: Livestream, abroad: NewOrganization, owner: User) -> None:
        async def watch() -> bool:
            async with opened("/ws/overview", owner) as socket:
                await socket.fragments()
                await database_sync_to_async(create_livestream)(app=abroad.app, name="Theirs", actor=SYSTEM)
                return await socket.hears_nothing(for_s=0.5)

        assert asyncio.run(watch())


class TestDeadChannelLayer:
    @pytest.fixture(autouse=True)
    def _no_redis(self, livestream: Livestream, settings: LazySettings) -> None:
        # What its creation sends would be the first to be lost, and the only one that is logged.
        assert deferred.flush(10)
        layers = {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer"}
        settings.CHANNEL_LAYERS = {"default": {**layers, "CONFIG": {"hosts": ["redis://127.0.0.1:1"]}}}

    def test_does_not_spoil_the_change(self, livestream: Livestream, caplog: pytest.LogCaptureFixture) -> None:
        rename_livestream(livestream=livestream, name="Winter keynote", actor=SYSTEM)

        assert deferred.flush(10)
        assert Livestream.objects.get().name == "Winter keynote"
        assert "not sent" in caplog.text


class TestListPage:
    def test_keeps_its_rows_where_they_are(self, livestream: Livestream, owner: User, home: NewOrganization) -> None:
        create_livestream(app=home.app, name="Made later", actor=SYSTEM)

        async def watch() -> str:
            async with opened("/ws/livestreams", owner) as socket:
                await socket.fragments()
                await database_sync_to_async(connected)(livestream)
                return await socket.fragments()

        html = asyncio.run(watch())

        assert "Connecting</span>" in html
        assert html.index("Made later</a>") < html.index(f"{livestream.name}</a>")
