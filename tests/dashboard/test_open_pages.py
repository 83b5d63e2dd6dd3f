"""Open pages: who may open one, how many, and that each ends with what let it be open."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from uuid import uuid4

import pytest
from channels.db import database_sync_to_async
from django.db.models import QuerySet
from django.test import Client

from livehub.core.websockets import TRY_AGAIN, with_user
from streams.dashboard.open_pages import BROKEN, NOT_A_MEMBER, NOT_LOGGED_IN, OPEN_PAGES, PAGES_PER_USER, Standing
from streams.livestreams.consumers import OverviewConsumer
from streams.models import Livestream, LogIn, Member, Role, User
from streams.organizations.members import choose_organization
from streams.organizations.services import NewOrganization
from tests.dashboard.websocket import SIGN_OF_LIFE, answer_to, cookie_of, opened, opened_with, socket_scope
from tests.services import HANG_S

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True)
class Visitor:
    """Somebody with a page open."""

    user: User
    session_key: str

    @property
    def session(self) -> QuerySet[LogIn]:
        return LogIn.objects.filter(session_key=self.session_key)


def log_out(visitor: Visitor) -> None:
    browser = Client()
    browser.cookies["sessionid"] = visitor.session_key
    browser.post("/log-out")


def change_password(user: User) -> None:
    user.set_password("another horse battery")
    user.save()


# What ends a log-in, or changes what it allows, and the code to close with.
DEEDS: dict[str, tuple[Callable[[Visitor], object], int]] = {
    "log-out": (log_out, NOT_LOGGED_IN),
    "password": (lambda visitor: change_password(visitor.user), NOT_LOGGED_IN),
    "ended-elsewhere": (lambda visitor: visitor.session.delete(), NOT_LOGGED_IN),
    "expired": (lambda visitor: visitor.session.update(expire_date="2020-01-01T00:00:00Z"), NOT_LOGGED_IN),
    "deactivated": (lambda visitor: User.objects.filter(pk=visitor.user.pk).update(is_active=False), NOT_LOGGED_IN),
    "role": (lambda visitor: Member.objects.filter(user=visitor.user).update(role=Role.VIEWER), TRY_AGAIN),
    "removed": (lambda visitor: Member.objects.filter(user=visitor.user).delete(), NOT_A_MEMBER),
}


class TestEnd:
    @pytest.fixture
    def visitors(self, home: NewOrganization) -> dict[str, Visitor]:
        """One for each deed."""
        found = {}
        for name in DEEDS:
            user = User.objects.create_user(f"{name}@northwind.example", "correct horse battery")
            Member.objects.create(organization=home.organization, user=user, role=Role.OPERATOR)
            found[name] = Visitor(user, cookie_of(user).removeprefix("sessionid="))
        return found

    def test_comes_with_the_end_of_the_log_in_though_nothing_else_happens(self, visitors: dict[str, Visitor]) -> None:
        async def browse() -> dict[str, int]:
            async with AsyncExitStack() as stack:
                pages = {}
                for name, visitor in visitors.items():
                    opening = opened_with("/ws/overview", f"sessionid={visitor.session_key}")
                    pages[name] = await stack.enter_async_context(opening)
                    await pages[name].fragments()
                for name, (deed, _) in DEEDS.items():
                    await database_sync_to_async(deed)(visitors[name])
                async with asyncio.timeout(HANG_S):
                    return {name: await page.closing_code() for name, page in pages.items()}

        assert asyncio.run(browse()) == {name: code for name, (_, code) in DEEDS.items()}

    def test_comes_to_no_other_page(self, owner: User, viewer: User) -> None:
        async def heard() -> str:
            async with opened("/ws/overview", owner) as page, opened("/ws/overview", viewer) as other:
                await page.fragments()
                await other.fragments()
                await database_sync_to_async(change_password)(viewer)
                await other.closing_code()
                return await page.text()

        assert asyncio.run(heard()) == SIGN_OF_LIFE

    def test_comes_once_another_organization_is_chosen_and_to_no_page_of_that_one(
        self, owner: User, abroad: NewOrganization
    ) -> None:
        second = Member.objects.create(organization=abroad.organization, user=owner, role=Role.VIEWER)

        async def browse() -> tuple[int, list[str]]:
            async with opened("/ws/overview", owner) as page:
                await page.fragments()
                await database_sync_to_async(choose_organization)(user=owner, member_id=second.pk)
                code = await page.closing_code()
            async with opened("/ws/overview", owner) as page:
                await page.fragments()
                # Long enough for a look at whose log-in is over.
                return code, [await page.text() for _ in range(2)]

        assert asyncio.run(browse()) == (TRY_AGAIN, [SIGN_OF_LIFE] * 2)

    def test_comes_as_well_after_a_look_that_failed(self, owner: User, caplog: pytest.LogCaptureFixture) -> None:
        class OddPage:
            user_id = uuid4()
            # No database can be asked for that.
            standing = Standing("\0", user_id, "", uuid4(), Role.VIEWER)

            def end(self, code: int) -> None:
                raise AssertionError(code)

        async def closing_code() -> int:
            odd = OddPage()
            async with opened("/ws/overview", owner) as page:
                await page.fragments()
                OPEN_PAGES.enter(odd)
                async with asyncio.timeout(HANG_S):
                    while "not known whose log-in is over" not in caplog.text:
                        await page.text()
                OPEN_PAGES.leave(odd)
                await database_sync_to_async(change_password)(owner)
                async with asyncio.timeout(HANG_S):
                    return await page.closing_code()

        assert asyncio.run(closing_code()) == NOT_LOGGED_IN

    def test_comes_to_one_that_cannot_be_rendered(self, owner: User) -> None:
        class BrokenPage(OverviewConsumer):
            def render(self, member: Member) -> str:
                raise KeyError(member)

        async def closing_code() -> int:
            async with opened("/ws/overview", owner, application=with_user(BrokenPage.as_asgi())) as page:
                return await page.closing_code()

        assert asyncio.run(closing_code()) == BROKEN

    def test_comes_to_whom_says_anything(self, owner: User) -> None:
        async def closing_code() -> int:
            async with opened("/ws/overview", owner) as page:
                await page.fragments()
                await page.say("hello")
                return await page.closing_code()

        assert asyncio.run(closing_code()) == 1008


class TestOpening:
    def test_is_refused_at_once_without_a_log_in(self, owner: User) -> None:
        for cookie in ("", "sessionid=", "other=1", "sessionid=forged"):
            assert asyncio.run(answer_to(socket_scope("/ws/overview", cookie))) == "websocket.close"

    def test_is_refused_with_a_log_in_that_is_over(self, owner: User) -> None:
        cookie = cookie_of(owner)
        change_password(owner)

        assert asyncio.run(answer_to(socket_scope("/ws/overview", cookie))) == "websocket.close"

    @pytest.mark.parametrize(
        ("origin", "expected"),
        [
            ("http://localhost", "websocket.accept"),
            # The public URL's, whatever a proxy makes of the host.
            ("http://localhost:8000", "websocket.accept"),
            ("https://localhost", "websocket.close"),
            ("http://localhost:81", "websocket.close"),
            ("http://localhost.example", "websocket.close"),
            ("http://elsewhere.example", "websocket.close"),
            ("null", "websocket.close"),
            ("", "websocket.close"),
        ],
    )
    def test_takes_a_page_of_ours(self, owner: User, origin: str, expected: str) -> None:
        scope = socket_scope("/ws/overview", cookie_of(owner), origin=origin)

        assert asyncio.run(answer_to(scope)) == expected

    @pytest.mark.parametrize(("scheme", "expected"), [("wss", "websocket.accept"), ("ws", "websocket.close")])
    def test_takes_a_page_over_tls_where_tls_ends_before_us(self, owner: User, scheme: str, expected: str) -> None:
        scope = {**socket_scope("/ws/overview", cookie_of(owner), origin="https://localhost"), "scheme": scheme}

        assert asyncio.run(answer_to(scope)) == expected

    def test_is_refused_by_a_name_that_is_not_ours(self, owner: User) -> None:
        named = "rebound.example"
        scope = socket_scope("/ws/overview", cookie_of(owner), origin=f"http://{named}", host=named)

        assert asyncio.run(answer_to(scope)) == "websocket.close"

    def test_is_refused_beyond_what_one_person_may_have_and_to_nobody_else(
        self, livestream: Livestream, owner: User, viewer: User
    ) -> None:
        cookie = cookie_of(owner)

        async def browse() -> tuple[str, str]:
            async with AsyncExitStack() as stack:
                for _ in range(PAGES_PER_USER - 1):
                    await stack.enter_async_context(opened_with("/ws/overview", cookie))
                async with opened_with("/ws/overview", cookie), opened("/ws/overview", viewer) as another:
                    await another.fragments()
                    one_more = await answer_to(socket_scope("/ws/overview", cookie))
                return one_more, await answer_to(socket_scope("/ws/overview", cookie))

        assert asyncio.run(browse()) == ("websocket.close", "websocket.accept")
