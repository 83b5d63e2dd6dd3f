"""Open pages hear of changes: over a real Redis, through the real consumers."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from channels.db import database_sync_to_async
from django.conf import LazySettings

from livehub.core import clock, deferred
from streams.dashboard.open_pages import NOT_A_MEMBER, NOT_FOUND
from streams.livestreams import leases, repeats, tasks
from streams.livestreams.services import create_livestream, delete_livestream, rename_livestream
from streams.models import Connection, Lease, Livestream, Member, Session, User
from streams.organizations.services import SYSTEM, NewOrganization
from tests.dashboard.websocket import SIGN_OF_LIFE, Message, answer_to, application, cookie_of, opened, socket_scope
from tests.runs import connected, ended
from tests.services import HANG_S
from tests.streams.races import publish

# The consumers read in threads of their own, which see only what is committed.
pytestmark = pytest.mark.django_db(transaction=True)


# What each page of a livestream that is on air has to show at once.
DEEDS: dict[str, Callable[[Livestream], object]] = {
    "renamed": lambda livestream: rename_livestream(livestream=livestream, name="Winter keynote", actor=SYSTEM),
    "refused another encoder": lambda livestream: publish(livestream.stream_key),
    "interrupted": lambda _: repeats.retry_session(Lease.objects.get(), message="The disk answers too slowly."),
    "goes on": lambda _: leases.mark_live(Lease.objects.get()),
    "ended": lambda _: ended(Session.objects.get()),
}


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
        assert second.count("hx-swap-oob") == 15

    def test_hears_that_the_connection_lives_while_nothing_changes(self, livestream: Livestream, owner: User) -> None:
        async def watch() -> list[str]:
            async with opened(f"/ws/livestreams/{livestream.pk}", owner) as socket:
                return [await socket.text() for _ in range(3)]

        assert asyncio.run(watch())[1:] == [SIGN_OF_LIFE, SIGN_OF_LIFE]

    def test_shows_what_the_encoder_sends_now_though_no_change_is_told(
        self, live: Session, livestream: Livestream, owner: User
    ) -> None:
        assert "7.1 Mbit/s" in asyncio.run(_after_measuring(f"/ws/livestreams/{livestream.pk}", owner))

    def test_shows_that_encoders_are_let_in_again_though_nobody_tells_of_it(
        self, livestream: Livestream, owner: User
    ) -> None:
        async def watch() -> None:
            async with opened(f"/ws/livestreams/{livestream.pk}", owner) as socket:
                assert 'data-testid="held"' in await socket.fragments()
                async with asyncio.timeout(HANG_S):
                    while "Ready for an encoder." not in await socket.fragments():
                        pass

        Livestream.objects.update(held_until=clock.now() + timedelta(seconds=3))
        asyncio.run(watch())

    @pytest.mark.parametrize("deed", DEEDS)
    def test_hears_of_whatever_happens_to_a_broadcast(
        self, live: Session, livestream: Livestream, owner: User, deed: str
    ) -> None:
        async def watch() -> None:
            async with opened(f"/ws/livestreams/{livestream.pk}", owner) as socket:
                await socket.fragments()
                await database_sync_to_async(DEEDS[deed])(livestream)
                async with asyncio.timeout(HANG_S):
                    # What moves by itself, two fragments, may come before it, and goes on without it.
                    while (await socket.fragments()).count("hx-swap-oob") <= 2:
                        pass

        asyncio.run(watch())

    def test_hears_that_files_made_room(
        self, live: Session, livestream: Livestream, owner: User, settings: LazySettings, tmp_path: Path
    ) -> None:
        settings.PLAYBACK_DIR, settings.DISK_STOP_MB = tmp_path, 1_000_000_000
        # How full it is was known before: only the livestream's own page is told of its files.
        tasks.guard_disk()
        ended(live)
        Session.objects.update(stopped_at=clock.now() - timedelta(minutes=5))

        async def watch() -> None:
            async with opened(f"/ws/livestreams/{livestream.pk}", owner) as socket:
                assert "Files removed" not in await socket.fragments()
                await database_sync_to_async(tasks.guard_disk)()
                async with asyncio.timeout(HANG_S):
                    while "Files removed" not in await socket.fragments():
                        pass

        asyncio.run(watch())

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

            async with asyncio.timeout(HANG_S):
                await application(socket_scope(f"/ws/livestreams/{livestream.pk}", cookie), receive, send)
            return sent

        cookie = cookie_of(owner)

        assert asyncio.run(browse()) == ["websocket.accept", "websocket.send"]


class TestSessionPage:
    def test_shows_what_the_encoder_sends_now_though_no_change_is_told(
        self, live: Session, livestream: Livestream, owner: User
    ) -> None:
        html = asyncio.run(_after_measuring(f"/ws/livestreams/{livestream.pk}/sessions/{live.pk}", owner))

        assert "7.1 Mbit/s" in html
        assert "1 min 23 s" in html

    def test_closes_for_whom_it_does_not_concern(
        self, live: Session, livestream: Livestream, foreign_livestream: Livestream, owner: User, stranger: User
    ) -> None:
        async def code(of: Livestream, user: User) -> int:
            async with opened(f"/ws/livestreams/{of.pk}/sessions/{live.pk}", user) as socket:
                return await socket.closing_code()

        assert asyncio.run(code(livestream, stranger)) == NOT_FOUND
        assert asyncio.run(code(foreign_livestream, stranger)) == NOT_FOUND
        assert asyncio.run(code(foreign_livestream, owner)) == NOT_FOUND

    def test_hears_only_that_the_connection_lives_once_the_broadcast_is_over(
        self, live: Session, livestream: Livestream, owner: User
    ) -> None:
        ended(live)

        async def watch() -> list[str]:
            async with opened(f"/ws/livestreams/{livestream.pk}/sessions/{live.pk}", owner) as socket:
                await socket.fragments()
                return [await socket.text() for _ in range(2)]

        assert asyncio.run(watch()) == [SIGN_OF_LIFE, SIGN_OF_LIFE]


async def _after_measuring(path: str, user: User) -> str:
    """Return what an open page hears next once a worker has written down what comes."""

    def measure() -> None:
        leases.note_media(
            Connection.objects.get(), media_ms=83_000, measured={"video_kbps": 7_100, "fps": 24.0, "gop_s": 3.0}
        )

    async with opened(path, user) as socket:
        await socket.fragments()
        await database_sync_to_async(measure)()
        return await socket.fragments()


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

    @pytest.mark.parametrize("path", ["/ws/overview", "/ws/livestreams"])
    def test_hear_of_new_livestreams_and_of_those_that_go(
        self, home: NewOrganization, livestream: Livestream, owner: User, path: str
    ) -> None:
        async def watch() -> list[str]:
            async with opened(path, owner) as socket:
                heard = [await socket.fragments()]
                await database_sync_to_async(create_livestream)(app=home.app, name="Made later", actor=SYSTEM)
                heard.append(await socket.fragments())
                await database_sync_to_async(delete_livestream)(livestream=livestream, actor=SYSTEM)
                return [*heard, await socket.fragments()]

        first, second, third = asyncio.run(watch())

        assert first != second != third

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
