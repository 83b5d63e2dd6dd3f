"""Every page with everybody who may open it, and everybody who may not."""

import re
from collections.abc import Callable
from uuid import UUID

from django.http import HttpResponse
from django.test import Client

from livehub.core.links import token_for
from streams.identity import passwords
from streams.models import Livestream, Role
from streams.organizations.services import SYSTEM
from tests.access.conftest import State, Tenant, invite, join, own_ids, state, undone
from tests.access.each import for_each
from tests.access.expected import LETS_IN, LINKED, MACHINES, OF_OWNERS, PAGES, WEBSOCKETS, Door
from tests.access.test_api import at_once
from tests.access.test_lists import leaked

Browsers = Callable[..., Client]
DEEDS = [(template, method) for template, methods in PAGES.items() for method in methods]
each_deed = for_each("template, method", DEEDS)
each_with_a_thing = for_each("template, method", [deed for deed in DEEDS if "{" in deed[0]])
PERSONS = [
    (template, method) for template, methods in PAGES.items() for method, door in methods.items() if door is Door.PERSON
]
HTMX = {"HX-Request": "true"}
# Right for some forms, so that there is a change to be kept from who may not.
SENT = b"name=Changed&role=viewer&email=new@northwind.example"
KEPT_BY_NO_CACHE = re.compile(r"no-cache.*private|private.*no-cache|no-store")
NOBODYS = "00000000-0000-4000-8000-000000000000"
# Another one in each answer.
TOKEN = re.compile(r'(csrfmiddlewaretoken" value|X-CSRFToken)[^\w]+\w{64}')


def visit(browser: Client, template: str, method: str, ids: dict[str, str], **headers: str) -> HttpResponse:
    address = template.format(**ids)
    return at_once(browser.generic(method, address, SENT, "application/x-www-form-urlencoded", headers=headers or None))


def changes_since(before: State) -> set[str]:
    """Return the models of which there are other rows now."""
    return {model for model, rows in state().items() if rows != before[model]}


def is_log_in(answer: HttpResponse) -> bool:
    return answer.status_code == 302 and answer.headers["Location"].startswith("/log-in?next=")


class TestPage:
    @each_deed
    def test_is_shut_to_who_is_no_member(
        self, template: str, method: str, ours: Tenant, browser_of: Browsers, before: State
    ) -> None:
        door = PAGES[template][method]
        nobodies = [browser_of(None, is_staff=is_staff) for is_staff in (False, True)]

        answer = visit(Client(), template, method, ours.ids)

        assert is_log_in(answer) is (door in LETS_IN or door is Door.PERSON)
        assert (answer.status_code == 405) is (door is Door.SHUT)
        for browser in nobodies:
            assert (visit(browser, template, method, ours.ids).status_code == 403) is (door in LETS_IN)
        ends_log_ins = (template, method) == ("/log-out", "POST")
        assert changes_since(before) == ({"LogIn"} if ends_log_ins else set())

    @each_deed
    def test_lets_each_role_do_what_it_may_and_see_nothing_of_another_tenants(
        self, template: str, method: str, ours: Tenant, theirs: Tenant, browser_of: Browsers, before: State
    ) -> None:
        door = PAGES[template][method]
        secret = Livestream.objects.get(pk=ours.ids["livestream_id"]).stream_key
        for role in Role if door in LETS_IN else ():
            browser = browser_of(role)

            with undone():
                answer = visit(browser, template, method, ours.ids)
                if role in LETS_IN[door]:
                    assert answer.status_code in {200, 303, 422}, role
                    # Told by the one deed that asks for it.
                    assert (secret in answer.content.decode(errors="replace")) is template.endswith("/stream-key")
                    assert KEPT_BY_NO_CACHE.search(answer.headers["Cache-Control"])
                    assert not list(leaked(answer, theirs))
                else:
                    assert answer.status_code == 403, role
                    assert state() == before

    @each_deed
    def test_takes_no_form_without_a_token(
        self, template: str, method: str, ours: Tenant, browser_of: Browsers, before: State
    ) -> None:
        browser = browser_of(Role.OWNER)
        browser.handler.enforce_csrf_checks = True

        assert method == "GET" or visit(browser, template, method, ours.ids).status_code == 403
        assert state() == before


class TestOnesOwnPage:
    @for_each("template, method", PERSONS)
    def test_is_for_whoever_is_logged_in(
        self, template: str, method: str, ours: Tenant, browser_of: Browsers, before: State
    ) -> None:
        for browser in [*map(browser_of, Role), browser_of(None), browser_of(None, is_staff=True)]:
            own = own_ids(browser)
            is_there = "{member_id}" not in template or "member_id" in own

            with undone():
                answer = visit(browser, template, method, {"member_id": NOBODYS, **own})
                assert answer.status_code in ({200, 303, 422} if is_there else {404})
                assert not is_there or KEPT_BY_NO_CACHE.search(answer.headers["Cache-Control"])
            assert state() == before

    @for_each("template, method", [person for person in PERSONS if "{" in person[0]])
    def test_is_about_nothing_of_a_colleagues(
        self, template: str, method: str, ours: Tenant, browser_of: Browsers, before: State
    ) -> None:
        browser = browser_of(Role.OWNER)

        assert visit(browser, template, method, ours.ids).status_code == 404
        assert state() == before


class TestPageOfAnothersThing:
    @each_with_a_thing
    def test_is_one_that_is_not_there(
        self, template: str, method: str, ours: Tenant, theirs: Tenant, browser_of: Browsers, before: State
    ) -> None:
        browser = browser_of(Role.OWNER)
        unknown = theirs.unknown()

        for headers in ({}, HTMX):
            of_foreign = visit(browser, template, method, theirs.ids, **headers)
            of_unknown = visit(browser, template, method, unknown, **headers)

            assert of_foreign.status_code == of_unknown.status_code == (200 if headers else 404)
            for answer in (of_foreign, of_unknown):
                del answer.headers["X-Request-Id"]
            assert dict(of_foreign.headers) == dict(of_unknown.headers)
            assert of_foreign.headers.get("HX-Refresh") == ("true" if headers else None)
            assert without(of_foreign, theirs.ids) == without(of_unknown, unknown)
        assert state() == before

    @each_with_a_thing
    def test_tells_nothing_to_who_may_not_ask(
        self, template: str, method: str, ours: Tenant, theirs: Tenant, browser_of: Browsers
    ) -> None:
        """A role that is too small is told so, whether the thing is there or not."""
        browser, unknown = browser_of(Role.VIEWER), theirs.unknown()

        of_ours, of_foreign = (visit(browser, template, method, ids) for ids in (ours.ids, theirs.ids))

        if PAGES[template][method] not in {Door.LOOK, Door.PERSON}:
            assert (of_ours.status_code, of_foreign.status_code) == (403, 403)
            assert without(of_ours, ours.ids) == without(of_foreign, theirs.ids)
        assert without(of_foreign, theirs.ids) == without(visit(browser, template, method, unknown), unknown)


@for_each("operation", sorted(OF_OWNERS))
def test_what_is_an_owners_is_for_owners(operation: str, ours: Tenant, browser_of: Browsers) -> None:
    method, _, template = operation.partition(" ")
    of_owner = {
        "member_id": str(join(ours.made, Role.OWNER).pk),
        "invitation_id": str(invite(ours.made, Role.OWNER).pk),
    }
    admin, owner = browser_of(Role.ADMIN), browser_of(Role.OWNER)
    before = state()

    assert visit(admin, template, method, of_owner).status_code == 403
    assert state() == before
    assert visit(owner, template, method, of_owner).status_code in {200, 303}
    assert (state() != before) is (method == "POST")


def test_nobody_makes_a_reset_link_for_themselves(ours: Tenant, browser_of: Browsers, before: State) -> None:
    owner = browser_of(Role.OWNER)

    answer = visit(owner, "/account/members/{member_id}/reset-password", "POST", own_ids(owner))

    assert answer.status_code == 403
    assert state() == before


@for_each("page", sorted(LINKED))
def test_without_its_link_a_page_is_shut_to_everybody(page: str, ours: Tenant, browser_of: Browsers) -> None:
    rows = {
        "/invitation": UUID(ours.ids["invitation_id"]),
        "/password-reset": passwords.make_reset(user=join(ours.made, Role.VIEWER).user, actor=SYSTEM).pk,
    }
    row = rows[page]
    others = [token_for(row, purpose=purpose) for other, purpose in LINKED.items() if other != page]
    browsers = [Client(), browser_of(None), browser_of(Role.OWNER)]
    before = state()

    for browser in browsers:
        for bad in ("", "nonsense", row.hex, *others):
            assert browser.get(page, {"token": bad}).status_code == 410
            assert browser.post(page, {"token": bad, "password": "another horse battery"}).status_code == 410
    assert Client().get(page, {"token": token_for(row, purpose=LINKED[page])}).status_code == 200
    assert state() == before


def without(answer: HttpResponse, ids: dict[str, str]) -> str:
    text = TOKEN.sub("TOKEN", answer.content.decode(errors="replace"))
    for known in ids.values():
        text = text.replace(known, "ID")
    return text


@for_each(
    "template, method, door",
    [(template, method, door) for template, methods in MACHINES.items() for method, door in methods.items()],
)
def test_what_is_for_our_own_servers_tells_people_nothing(
    template: str, method: str, door: Door, ours: Tenant, browser_of: Browsers, before: State
) -> None:
    browsers = [Client(), browser_of(Role.OWNER), browser_of(None, is_staff=True)]
    for browser in browsers:
        status = visit(browser, template, method, ours.ids).status_code
        assert (status == 200) if door is Door.OPEN else (status in {404, 405})
    assert state() == before


def test_every_websocket_has_a_page_whose_members_may_open_it() -> None:
    """Their own tests: tests/dashboard/test_live_updates.py."""
    for template in WEBSOCKETS:
        page = template.removeprefix("/ws").replace("/overview", "/")
        # The one of the instance: tests/dashboard/test_system.py.
        assert PAGES[page]["GET"] is (Door.INSTANCE if page == "/system" else Door.LOOK)
