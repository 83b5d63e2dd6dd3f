"""The pages of members, as each role and another tenant meet them."""

from collections.abc import Callable

import pytest
from django.test import Client

from livehub.core import clock
from streams.account.mail import invitation_link, reset_link
from streams.identity import passwords
from streams.models import Invitation, Member, PasswordReset, Role, User
from streams.organizations import members
from streams.organizations.services import SYSTEM, Actor, NewOrganization
from tests.dashboard.conftest import HTMX, get_html

LogIn = Callable[[User], Client]


@pytest.fixture
def admin(home: NewOrganization) -> User:
    user = User.objects.create_user("admin@northwind.example", "correct horse battery", name="Ada Admin")
    Member.objects.create(organization=home.organization, user=user, role=Role.ADMIN)
    return user


@pytest.fixture
def invitation(home: NewOrganization) -> Invitation:
    return members.invite_member(
        organization=home.organization, email="new@northwind.example", role=Role.OPERATOR, actor=Actor(user=home.owner)
    )


def page_of(user: User) -> str:
    return f"/account/members/{Member.objects.get(user=user).pk}"


class TestInvite:
    def test_leads_to_the_link(self, browser: Client) -> None:
        assert "<dialog" not in get_html(browser, "/account/invitations/create", **HTMX)
        answer = browser.post("/account/invitations/create", {"email": "New@northwind.example", "role": "viewer"})

        invitation = Invitation.objects.get()
        assert answer["Location"] == f"/account/invitations/{invitation.pk}"
        shown = browser.get(answer["Location"])
        assert invitation_link(invitation).replace("&", "&amp;") in shown.content.decode()
        assert "no-store" in shown["Cache-Control"]
        assert "new@northwind.example" in get_html(browser, "/account")

    @pytest.mark.parametrize(
        "wrong", [{"email": ""}, {"email": "nobody"}, {"email": "owner@northwind.example"}, {"role": "emperor"}]
    )
    def test_says_what_is_wrong(self, browser: Client, wrong: dict[str, str]) -> None:
        answer = browser.post("/account/invitations/create", {"email": "x@y.example", "role": "viewer", **wrong})

        assert answer.status_code == 422
        assert "field-error" in answer.content.decode()
        assert not Invitation.objects.exists()

    def test_as_owner_is_for_owners(self, admin: User, log_in: LogIn, home: NewOrganization) -> None:
        desk = log_in(admin)
        owners = members.invite_member(
            organization=home.organization, email="boss@northwind.example", role=Role.OWNER, actor=SYSTEM
        )

        assert desk.post("/account/invitations/create", {"email": "x@y.example", "role": "owner"}).status_code == 422
        assert desk.get(f"/account/invitations/{owners.pk}").status_code == 403
        assert desk.post(f"/account/invitations/{owners.pk}/withdraw").status_code == 403
        assert f"/account/invitations/{owners.pk}" not in get_html(desk, "/account")
        members.get_open_invitation(owners.pk)

    def test_can_be_taken_back(self, browser: Client, invitation: Invitation) -> None:
        assert browser.post(f"/account/invitations/{invitation.pk}/withdraw")["Location"] == "/account"

        assert "no longer works" in get_html(browser, "/account")
        assert browser.get(f"/account/invitations/{invitation.pk}").status_code == 404
        assert Client().get(invitation_link(invitation)).status_code == 410

    def test_that_has_expired_says_so(self, browser: Client, invitation: Invitation) -> None:
        Invitation.objects.update(expires_at=clock.now())

        assert "Invitation expired" in get_html(browser, "/account")
        html = get_html(browser, f"/account/invitations/{invitation.pk}")
        assert "Its time is over" in html
        assert "token=" not in html


class TestMember:
    def test_gets_another_role_that_holds_at_once(self, browser: Client, viewer: User, log_in: LogIn) -> None:
        theirs = log_in(viewer)
        assert theirs.get("/livestreams/create").status_code == 403

        assert browser.post(f"{page_of(viewer)}/role", {"role": "operator"})["Location"] == "/account"

        assert theirs.get("/livestreams/create").status_code == 200
        assert "is operator from now on" in get_html(browser, "/account")

    def test_keeps_the_role_with_one_that_is_not_there(self, browser: Client, viewer: User) -> None:
        for form in ({"role": "emperor"}, {}):
            browser.post(f"{page_of(viewer)}/role", form)
            assert "There is no such role." in get_html(browser, page_of(viewer))

        assert Member.objects.get(user=viewer).role == Role.VIEWER

    def test_is_removed_at_once_after_a_question(self, browser: Client, viewer: User, log_in: LogIn) -> None:
        theirs, page = log_in(viewer), page_of(viewer)
        for headers in ({}, HTMX):
            assert "Remove <bdi>viewer@northwind.example</bdi>?" in get_html(browser, f"{page}/remove", **headers)
        assert theirs.get("/").status_code == 200

        assert browser.post(f"{page}/remove")["Location"] == "/account"

        assert theirs.get("/").status_code == 403
        assert browser.get(page).status_code == 404

    def test_may_leave(self, viewer: User, viewer_browser: Client) -> None:
        for headers in ({}, HTMX):
            assert "Leave <bdi>Northwind Events</bdi>?" in get_html(viewer_browser, "/account/you/leave", **headers)

        assert viewer_browser.post("/account/you/leave")["Location"] == "/"

        assert "You are in no organization" in viewer_browser.get("/").content.decode()

    def test_who_is_the_only_owner_stays(self, browser: Client, owner: User) -> None:
        page = page_of(owner)

        assert browser.post("/account/you/leave")["Location"] == "/account/you"
        assert "You are the only owner" in get_html(browser, "/account/you")
        assert browser.post(f"{page}/remove")["Location"] == page
        assert "is the only owner" in get_html(browser, page)
        assert browser.post(f"{page}/role", {"role": "viewer"})["Location"] == page
        assert "is the only owner" in get_html(browser, page)

        assert Member.objects.get(user=owner).role == Role.OWNER

    def test_gets_a_reset_link_from_an_owner(self, browser: Client, viewer: User) -> None:
        page = page_of(viewer)
        assert "token=" not in get_html(browser, page)

        assert browser.post(f"{page}/reset-password")["Location"] == page

        reset = PasswordReset.objects.get(user=viewer)
        assert not reset.drops_second_factor
        assert reset_link(reset) in get_html(browser, page)

    def test_may_lose_the_second_factor_with_it(self, browser: Client, viewer: User) -> None:
        browser.post(f"{page_of(viewer)}/reset-password", {"drops_second_factor": "on"})

        assert PasswordReset.objects.get().drops_second_factor

    def test_s_own_link_is_shown_to_nobody(self, browser: Client, viewer: User) -> None:
        reset = passwords.make_reset(user=viewer, actor=SYSTEM)

        assert reset.pk.hex not in get_html(browser, page_of(viewer))


class TestOtherRoles:
    @pytest.mark.parametrize("role", ["viewer", "operator"])
    def test_see_and_do_none_of_it(
        self, viewer: User, operator: User, owner: User, log_in: LogIn, invitation: Invitation, role: str
    ) -> None:
        client = log_in({"viewer": viewer, "operator": operator}[role])
        other = page_of(owner)

        for address in (
            other,
            f"{other}/remove",
            f"/account/invitations/{invitation.pk}",
            "/account/invitations/create",
        ):
            assert client.get(address).status_code == 403, address
        for deed in (f"{other}/role", f"{other}/remove", f"{other}/reset-password"):
            assert client.post(deed, {"role": "viewer"}).status_code == 403, deed
        for deed in ("/account/invitations/create", f"/account/invitations/{invitation.pk}/withdraw"):
            assert client.post(deed, {"email": "x@y.example", "role": "viewer"}).status_code == 403, deed
        html = get_html(client, "/account")
        assert "/account/invitations" not in html
        assert "new@northwind.example" not in html
        assert "Manage" not in html

    def test_admins_touch_no_owner_and_make_no_reset_link(
        self, admin: User, owner: User, viewer: User, log_in: LogIn
    ) -> None:
        desk, page = log_in(admin), page_of(owner)

        assert "Only owners can change owners." in get_html(desk, page)
        for deed in (f"{page}/role", f"{page}/remove", f"{page}/reset-password", f"{page_of(viewer)}/reset-password"):
            assert desk.post(deed, {"role": "viewer"}).status_code == 403, deed
        assert desk.post(f"{page_of(viewer)}/role", {"role": "owner"}).status_code == 403
        assert "Make reset link" not in get_html(desk, page_of(viewer))
        assert desk.post(f"{page_of(viewer)}/role", {"role": "operator"}).status_code == 303
        assert Member.objects.get(user=owner).role == Role.OWNER

    def test_another_tenant_finds_nothing(
        self, abroad: NewOrganization, viewer: User, log_in: LogIn, invitation: Invitation
    ) -> None:
        foreigner, page = log_in(abroad.owner), page_of(viewer)

        for address in (page, f"{page}/remove", f"/account/invitations/{invitation.pk}"):
            assert foreigner.get(address).status_code == 404, address
        for deed in (
            f"{page}/role",
            f"{page}/remove",
            f"{page}/reset-password",
            f"/account/invitations/{invitation.pk}/withdraw",
        ):
            assert foreigner.post(deed, {"role": "viewer"}).status_code == 404, deed
        assert "new@northwind.example" not in get_html(foreigner, "/account")
        assert Member.objects.filter(user=viewer).exists()
        members.get_open_invitation(invitation.pk)
