"""The doors as strangers meet them: the edge's nginx, the web and the ASGI program, PostgreSQL and Redis."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from channels.db import database_sync_to_async
from django.conf import LazySettings
from django.core.management import call_command
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from livehub.stack import nginx
from livehub.stack.edge import render_edge
from livehub.stack.folders import prepare_folders
from livehub.stack.instance import Instance
from livehub.stack.nginx import Host
from livehub.stack.programs import Program, programs
from streams.models import AuditEntry, LogIn, User
from streams.organizations.services import NewOrganization
from tests.dashboard.websocket import cookie_of
from tests.plain_http import plain_client
from tests.services import HANG_S, running, wait_until
from tests.stack.instances import fresh_instance
from tests.stack.test_nginx import accepts
from tests.stack.test_web_programs import on_test_database, started

__all__ = ["on_test_database"]

pytestmark = pytest.mark.django_db(transaction=True)
WRONG, RIGHT = "wrong horse battery", "correct horse battery"


@pytest.fixture
def real_passwords(settings: LazySettings) -> None:
    """As slow as they are."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]


@pytest.fixture(scope="module")
def static_files() -> None:
    """Pages name them by what was collected."""
    call_command("collectstatic", interactive=False, verbosity=0)


@contextmanager
def site(instance: Instance, *names: str, folder: Path) -> Iterator[str]:
    """Run programs with the edge before them, and yield its address."""
    prepare_folders(instance)
    instance.edge_config.write_text(render_edge(instance, Host.current()))
    found: dict[str, Program] = {each.name: each for each in programs(instance)}
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(started(found[name], log_path=folder / f"{name}.log"))
        argv = nginx.server_argv(config=instance.edge_config, prefix=instance.nginx_temp_dir)
        stack.enter_context(running(argv, log_path=folder / "edge.log"))
        wait_until(lambda: accepts(instance.http_port), what="the edge")
        yield f"http://127.0.0.1:{instance.http_port}"


class Visitor:
    """A browser that can forge any header."""

    def __init__(self, url: str) -> None:
        self.http = plain_client(base_url=url)

    def log_in(self, account: str, password: str, **headers: str) -> httpx.Response:
        if "sessionid" in self.http.cookies:
            self.http.cookies.delete("sessionid")
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.http.get("/log-in").text)
        assert token is not None
        form = {"username": account, "password": password, "csrfmiddlewaretoken": token[1]}
        forged = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post("/log-in", data=form, headers=forged)


def tries_until_refused(visitor: Visitor, forged: Callable[[int], dict[str, str]]) -> int:
    """Guess, each time with other headers, until the next try is seconds away; return how many were looked at."""
    statuses: list[int] = []

    def is_refused() -> bool:
        number = len(statuses)
        answer = visitor.log_in(f"person{number}@example.com", WRONG, **forged(number))
        statuses.append(answer.status_code)
        # On a slow machine there may be a try again meanwhile.
        return answer.status_code == 429 and int(answer.headers["Retry-After"]) > 5

    wait_until(is_refused, what="a refusal")
    assert set(statuses) == {422, 429}
    return statuses.count(422)


@pytest.mark.usefixtures("on_test_database", "real_passwords", "static_files")
class TestLogIn:
    def test_guessers_are_limited_whatever_they_forge_and_owners_get_in(
        self, instance: Instance, tmp_path: Path, home: NewOrganization
    ) -> None:
        with site(instance, "web", folder=tmp_path) as url:
            owner = Visitor(url)
            assert owner.log_in(home.owner.email, RIGHT).status_code == 302
            tries = tries_until_refused(
                Visitor(url),
                lambda number: dict.fromkeys(("X_Forwarded_For", "X_Real_IP", "Forwarded"), f"198.51.100.{number}"),
            )

            assert 5 <= tries <= 10
            # A stranger's browser at the same address has to wait, a known one has not.
            assert Visitor(url).log_in(home.owner.email, RIGHT).status_code == 429
            assert owner.log_in(home.owner.email, RIGHT).status_code == 302
        assert set(AuditEntry.objects.filter(action="user.log_in_failed").values_list("address", flat=True)) == {
            "127.0.0.1"
        }

    def test_clients_of_a_trusted_proxy_are_told_apart_by_what_it_adds(
        self, instance: Instance, tmp_path: Path, home: NewOrganization
    ) -> None:
        behind_proxies = replace(instance, trusted_proxies=("127.0.0.0/8", "192.0.2.0/24"))
        with site(behind_proxies, "web", folder=tmp_path) as url:
            # What it claims itself stands before what the proxies add.
            claims = tries_until_refused(
                Visitor(url), lambda number: {"X_Forwarded_For": f"{number}.9.9.9, 203.0.113.9, 192.0.2.1"}
            )
            assert 5 <= claims <= 10
            assert Visitor(url).log_in("other@example.com", WRONG, X_Forwarded_For="203.0.113.10").status_code == 422
            site_of_ipv6 = tries_until_refused(
                Visitor(url), lambda number: {"X_Forwarded_For": f"2001:db8:1:2::{number + 1}"}
            )
            assert 5 <= site_of_ipv6 <= 10
        assert set(AuditEntry.objects.filter(action="user.log_in_failed").values_list("address", flat=True)) >= {
            "203.0.113.9",
            "203.0.113.10",
            "2001:db8:1:2::1",
        }

    def test_pages_stay_quick_while_fifty_log_ins_are_tried_at_once(
        self, instance: Instance, tmp_path: Path, home: NewOrganization
    ) -> None:
        behind_proxies = replace(instance, trusted_proxies=("127.0.0.1",))

        def guess(number: int) -> int:
            at = f"198.51.{number}.1"
            return Visitor(url).log_in(f"person{number}@example.com", WRONG, X_Forwarded_For=at).status_code

        with site(behind_proxies, "web", folder=tmp_path) as url, ThreadPoolExecutor(max_workers=50) as executor:
            owner = Visitor(url)
            owner.log_in(home.owner.email, RIGHT, X_Forwarded_For="203.0.113.1")
            guesses = [executor.submit(guess, number) for number in range(50)]
            waits_s = []
            while not all(future.done() for future in guesses):
                started_at = time.monotonic()
                assert owner.http.get("/livestreams").status_code == 200
                waits_s.append(time.monotonic() - started_at)
            statuses = [future.result() for future in guesses]

        assert set(statuses) == {422, 503}
        # All of them together take two cores ten seconds.
        assert max(waits_s) < 8


@pytest.fixture(scope="class", name="url")
def _shared_url(tmp_path_factory: pytest.TempPathFactory, on_test_database: None, static_files: None) -> Iterator[str]:
    """Of the edge before an ASGI program that several tests share."""
    folder = tmp_path_factory.mktemp("asgi")
    with site(fresh_instance(folder), "asgi", folder=folder) as address:
        yield address


class TestWebsocket:
    def test_is_opened_to_pages_of_ours_with_a_log_in_and_ends_with_it(self, url: str, owner: User) -> None:
        asyncio.run(asyncio.wait_for(self.visit(url, cookie_of(owner)), 4 * HANG_S))

    async def visit(self, url: str, cookie: str) -> None:
        for origin, shown in [(url, ""), (url, "sessionid=forged"), (url.replace("http:", "https:"), cookie)]:
            assert await _refusal(url, cookie=shown, origin=origin) == 403
        assert await _refusal(url, cookie=cookie, origin=url.rpartition(":")[0]) == 403
        async with _opened(url, cookie=cookie, origin=url) as page:
            await page.recv()
            await database_sync_to_async(LogIn.objects.all().delete)()
            assert await _closing_code(page) == 4401

    def test_takes_a_page_over_tls_from_a_trusted_proxy_only(
        self, url: str, instance: Instance, tmp_path: Path, owner: User
    ) -> None:
        def opened(address: str) -> int:
            over_tls = {"origin": address.replace("http:", "https:"), "X-Forwarded-Proto": "https"}
            return asyncio.run(_refusal(address, cookie=cookie_of(owner), **over_tls))

        assert opened(url) == 403
        with site(replace(instance, trusted_proxies=("127.0.0.1",)), "asgi", folder=tmp_path) as behind_a_proxy:
            assert opened(behind_a_proxy) == 101

    def test_takes_no_large_message(self, url: str, owner: User) -> None:
        async def code() -> int:
            async with _opened(url, cookie=cookie, origin=url) as page:
                await page.recv()
                await page.send("x" * 5000)
                return await _closing_code(page)

        cookie = cookie_of(owner)
        # Too big. Source: RFC 6455 7.4.1.
        assert asyncio.run(code()) == 1009

    def test_of_one_person_in_plenty_takes_nothing_from_another(self, url: str, owner: User, stranger: User) -> None:
        async def browse() -> tuple[int, float]:
            async with _opened(url, cookie=theirs, origin=url) as page:
                await page.recv()
                async with asyncio.TaskGroup() as group:
                    crowd = [group.create_task(_try_open(url, cookie=cookie)) for _ in range(200)]
                    started_at = time.monotonic()
                    async with _opened(url, cookie=theirs, origin=url) as another:
                        await another.recv()
                    wait_s = time.monotonic() - started_at
                opened = [page_ for task in crowd if (page_ := task.result()) is not None]
                for page_ in opened:
                    await page_.close()
                return len(opened), wait_s

        cookie, theirs = cookie_of(owner), cookie_of(stranger)
        count, wait_s = asyncio.run(browse())

        assert count == 20
        assert wait_s < 10


def _opened(url: str, *, cookie: str, **headers: str) -> connect:
    address = f"{url.replace('http', 'ws', 1)}/ws/overview"
    return connect(address, additional_headers={**headers, "Cookie": cookie}, open_timeout=HANG_S)


async def _try_open(url: str, *, cookie: str) -> ClientConnection | None:
    try:
        return await _opened(url, cookie=cookie, origin=url)
    except InvalidStatus:
        return None


async def _refusal(url: str, *, cookie: str, **headers: str) -> int:
    """Return with which status the handshake is answered, at once."""
    try:
        async with asyncio.timeout(HANG_S), _opened(url, cookie=cookie, **headers):
            return 101
    except InvalidStatus as error:
        return error.response.status_code


async def _closing_code(page: ClientConnection) -> int:
    async with asyncio.timeout(HANG_S):
        with suppress(ConnectionClosed):
            while True:
                await page.recv()
        assert page.close_code is not None
        return page.close_code
