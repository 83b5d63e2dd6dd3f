"""Open pages while the database keeps one of them waiting, or Redis hangs."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.db import connection

from livehub.core.websockets import TRY_AGAIN, with_user
from streams.livestreams.consumers import FragmentConsumer
from streams.livestreams.live_updates import organization_group
from streams.livestreams.services import rename_livestream
from streams.models import Livestream, Member, User
from streams.organizations.services import SYSTEM
from tests.dashboard.websocket import application, cookie_of, opened, socket_scope
from tests.hangs.servers import hung_postgres, hung_redis, somebody_else
from tests.services import HANG_S

pytestmark = pytest.mark.django_db(transaction=True)

_LOCK = 20_26


class StuckPage(FragmentConsumer):
    """A page whose read waits for a lock that somebody else keeps."""

    def group(self, member: Member) -> str:
        return organization_group(member.organization_id)

    def render(self, member: Member) -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        return "not stuck"


class PageOfABusyLayer(FragmentConsumer):
    """A page that has its channel, and then waits in vain for the connection to Redis, which another one keeps."""

    def group(self, member: Member) -> str:
        for shard in loop_layer()._shards:
            with suppress(StopIteration):  # It is free, and so got at once.
                shard._lock.acquire().send(None)
        return organization_group(member.organization_id)


def loop_layer() -> Any:
    """Return what the channel layer holds for the running loop."""
    layer: Any = get_channel_layer()
    return layer._get_layer()


@contextmanager
def _lock() -> Iterator[None]:
    with somebody_else() as somebody, somebody.transaction():
        somebody.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        yield


class TestLockedRead:
    def test_stops_no_other_page_and_ends_with_come_again(self, livestream: Livestream, owner: User) -> None:
        async def watch() -> tuple[str, int]:
            stuck = ApplicationCommunicator(with_user(StuckPage.as_asgi()), socket_scope("/", cookie))
            await stuck.send_input({"type": "websocket.connect"})
            await stuck.receive_output(timeout=HANG_S)
            async with opened(f"/ws/livestreams/{livestream.pk}", owner) as other:
                await other.fragments()
                await database_sync_to_async(rename_livestream)(livestream=livestream, name="New", actor=SYSTEM)
                html = await other.fragments()
                assert await stuck.receive_nothing(timeout=0.1)
            close = await stuck.receive_output(timeout=HANG_S)
            await stuck.send_input({"type": "websocket.disconnect", "code": TRY_AGAIN})
            await stuck.wait(timeout=HANG_S)
            return html, int(close["code"])

        cookie = cookie_of(owner)
        with _lock():
            html, code = asyncio.run(watch())

        assert "New" in html
        assert code == TRY_AGAIN


class TestHungDatabase:
    def test_has_a_browser_come_again_before_it_knows_whose_it_is(self, owner: User) -> None:
        async def code() -> int:
            communicator = ApplicationCommunicator(application, socket_scope("/ws/overview", cookie))
            await communicator.send_input({"type": "websocket.connect"})
            assert (await communicator.receive_output(timeout=HANG_S))["type"] == "websocket.accept"
            return int((await communicator.receive_output(timeout=HANG_S))["code"])

        cookie = cookie_of(owner)

        with hung_postgres():
            assert asyncio.run(code()) == TRY_AGAIN
        connection.close()


class TestHungRedis:
    def test_leaves_pages_as_they_are_and_lets_them_come_and_go(self, livestream: Livestream, owner: User) -> None:
        async def browse() -> str:
            async with opened("/ws/overview", owner) as page:
                await page.fragments()
                with hung_redis():
                    async with opened("/ws/livestreams", owner) as another:
                        return await another.fragments()

        assert livestream.name in asyncio.run(browse())

    def test_has_the_first_page_of_a_process_come_again(self, owner: User) -> None:
        async def code() -> int:
            async with opened("/ws/overview", owner) as page:
                return await page.closing_code()

        with hung_redis():
            assert asyncio.run(code()) == TRY_AGAIN

    def test_leaves_nothing_behind_of_pages_that_come_in_vain(self, owner: User) -> None:
        async def channels() -> dict[str, object]:
            async with opened("/ws/overview", owner) as page:
                await page.closing_code()
            return dict(loop_layer().channels)

        with hung_redis():
            assert asyncio.run(channels()) == {}

    def test_leaves_nobody_in_a_group_who_was_turned_away(self, owner: User) -> None:
        async def groups() -> dict[str, object]:
            page = ApplicationCommunicator(with_user(PageOfABusyLayer.as_asgi()), socket_scope("/", cookie))
            await page.send_input({"type": "websocket.connect"})
            assert (await page.receive_output(timeout=HANG_S))["type"] == "websocket.accept"
            assert (await page.receive_output(timeout=HANG_S))["code"] == TRY_AGAIN
            await page.send_input({"type": "websocket.disconnect", "code": TRY_AGAIN})
            # It waits for the connection, and is broken off.
            await page.wait(timeout=8)
            for shard in loop_layer()._shards:
                shard._lock.release()
            return dict(loop_layer().groups)

        cookie = cookie_of(owner)
        assert asyncio.run(groups()) == {}

    def test_is_over_for_pages_as_soon_as_it_answers(self, livestream: Livestream, owner: User) -> None:
        async def browse() -> str:
            async with opened(f"/ws/livestreams/{livestream.pk}", owner) as page:
                await page.fragments()
                with hung_redis():
                    await asyncio.sleep(1)
                await database_sync_to_async(rename_livestream)(livestream=livestream, name="After", actor=SYSTEM)
                return await page.fragments()

        assert "After" in asyncio.run(browse())
