"""The ways in: password and code, a forgotten password, an invitation; and the admin's door."""

import re
from collections.abc import Callable
from html import unescape
from urllib.parse import quote

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoCaptureOnCommitCallbacks as Capture

from livehub.core import clock
from streams.account import tasks
from streams.account.mail import invitation_link, reset_link
from streams.identity import passwords
from streams.models import AuditEntry, Invitation, LogIn, Member, PasswordReset, Role, User
from streams.organizations import members
from streams.organizations.selectors import find_membership
from streams.organizations.services import SYSTEM, NewOrganization
from tests.conftest import Broker
from tests.dashboard.conftest import squeezed
from tests.dashboard.test_people import NEW, PASSWORD, app_code, with_second_factor
from tests.identity.conftest import Time, time

__all__ = ["time", "with_second_factor"]


def token_of(link: str) -> str:
    return Client().get(link).context["token"]  # type: ignore[no-any-return]  # Text.


def password_step(user: User, *, going_to: str = "/account") -> Client:
    client = Client()
    form = {"username": user.email, "password": PASSWORD, "next": going_to}
    answer = client.post("/log-in", form)
    assert (answer.status_code, answer["Location"]) == (302, "/log-in/code")
    return client


def is_in(client: Client) -> bool:
    return client.get("/account").status_code == 200


class TestCodeStep:
    def test_comes_between_password_and_log_in(self, with_second_factor: User) -> None:
        client = password_step(with_second_factor)
        assert not is_in(client)
        assert not LogIn.objects.exclude(user=None).exists()
        assert 'autocomplete="one-time-code"' in client.get("/log-in/code").content.decode()

        answer = client.post("/log-in/code", {"code": app_code(with_second_factor)})

        assert (answer.status_code, answer["Location"]) == (303, "/account")
        assert is_in(client)
        assert LogIn.objects.get(user=with_second_factor).session_key == client.session.session_key

    def test_gives_the_log_in_another_key_and_its_full_length(self, with_second_factor: User) -> None:
        client = password_step(with_second_factor)
        before = client.session.session_key

        client.post("/log-in/code", {"code": app_code(with_second_factor)})

        assert client.session.session_key != before
        assert not LogIn.objects.filter(session_key=before).exists()
        assert client.session.get_expiry_age() > 86_400

    def test_takes_a_recovery_code_once(self, with_second_factor: User) -> None:
        from streams.identity.second_factor import remake_recovery_codes

        code = remake_recovery_codes(user=with_second_factor, password=PASSWORD, keep=None)[0]
        first, second = password_step(with_second_factor), password_step(with_second_factor)

        assert "Recovery code" in first.get("/log-in/code?with=recovery-code").content.decode()
        assert first.post("/log-in/code?with=recovery-code", {"code": code}).status_code == 303
        assert second.post("/log-in/code?with=recovery-code", {"code": code}).status_code == 422
        assert (is_in(first), is_in(second)) == (True, False)

    def test_stays_with_a_wrong_code(self, with_second_factor: User) -> None:
        client = password_step(with_second_factor)

        for code in ("12345", "abcde-fghjk", "", "x\x00y"):
            answer = client.post("/log-in/code", {"code": code})
            assert answer.status_code == 422
            assert 'role="alert"' in answer.content.decode()

        assert not is_in(client)

    @pytest.mark.parametrize(("form", "wrong"), [("", "000000"), ("?with=recovery-code", "abcde-fghjk")])
    def test_makes_guesses_wait_and_says_how_long(
        self, with_second_factor: User, time: Time, form: str, wrong: str
    ) -> None:
        guesser, owner = password_step(with_second_factor), password_step(with_second_factor)

        answers = [guesser.post(f"/log-in/code{form}", {"code": wrong}) for _ in range(9)]

        assert [answer.status_code for answer in answers] == [422] * 5 + [429] * 4
        assert answers[-1]["Retry-After"] == "12"
        assert "Wait 12 seconds" in answers[-1].content.decode()
        assert guesser.post("/log-in/code", {"code": app_code(with_second_factor)}).status_code == 429
        assert not is_in(guesser)
        time.passes(seconds=12)
        assert owner.post("/log-in/code", {"code": app_code(with_second_factor)}).status_code == 303

    def test_takes_few_guesses_a_day_from_everywhere_together(self, with_second_factor: User, time: Time) -> None:
        statuses = []
        # Half a day of it.
        for number in range(12 * 3):
            guesser = password_step(with_second_factor)
            for address in (f"203.0.113.{number}", f"198.51.100.{number}"):
                headers = {"X-Forwarded-For": address}
                answer = guesser.post("/log-in/code", {"code": "none of them"}, REMOTE_ADDR="", headers=headers)
                statuses.append(answer.status_code)
            time.passes(minutes=20)

        assert 48 <= statuses.count(422) <= 56
        assert int(answer["Retry-After"]) <= 15 * 60

    def test_gives_right_codes_back(self, with_second_factor: User) -> None:
        assert {self._status(with_second_factor) for _ in range(12)} == {303}

    def test_lets_a_browser_in_that_was_in_before_while_codes_are_guessed(self, with_second_factor: User) -> None:
        known = password_step(with_second_factor)
        known.post("/log-in/code", {"code": app_code(with_second_factor)})
        known.post("/log-out")
        for number in range(9):
            guesser = password_step(with_second_factor)
            headers = {"X-Forwarded-For": f"203.0.113.{number}"}
            answer = guesser.post("/log-in/code", {"code": "000000"}, REMOTE_ADDR="", headers=headers)

        assert (answer.status_code, self._status(with_second_factor)) == (429, 429)
        known.post("/log-in", {"username": with_second_factor.email, "password": PASSWORD})
        assert known.post("/log-in/code", {"code": app_code(with_second_factor)}).status_code == 303

    def _status(self, user: User) -> int:
        return password_step(user).post("/log-in/code", {"code": app_code(user)}).status_code

    def test_without_a_password_leads_back(self, with_second_factor: User) -> None:
        client = Client()

        assert client.get("/log-in/code")["Location"] == "/log-in"
        assert client.post("/log-in/code", {"code": app_code(with_second_factor)})["Location"] == "/log-in"
        assert not is_in(client)

    def test_is_over_after_ten_minutes(self, with_second_factor: User, monkeypatch: pytest.MonkeyPatch) -> None:
        client = password_step(with_second_factor)
        session = client.session
        session["awaiting_code"] |= {"until": clock.now().timestamp() - 1}
        session.save()

        assert client.post("/log-in/code", {"code": app_code(with_second_factor)})["Location"] == "/log-in"

    @pytest.mark.parametrize("change", ["password", "switched off"])
    def test_is_over_when_the_account_changes(self, with_second_factor: User, change: str) -> None:
        client = password_step(with_second_factor)
        if change == "password":
            passwords.change_password(user=with_second_factor, present=PASSWORD, new=NEW, keep=None)
        else:
            User.objects.filter(pk=with_second_factor.pk).update(is_active=False)

        assert client.post("/log-in/code", {"code": app_code(with_second_factor)})["Location"] == "/log-in"
        assert not is_in(client)

    def test_leads_nowhere_else(self, with_second_factor: User) -> None:
        client = password_step(with_second_factor, going_to="https://elsewhere.example/")

        answer = client.post("/log-in/code", {"code": app_code(with_second_factor)})

        assert answer["Location"] == "/"


class TestAdminDoor:
    @pytest.fixture
    def supporter(self, with_second_factor: User) -> User:
        User.objects.filter(pk=with_second_factor.pk).update(is_staff=True)
        with_second_factor.refresh_from_db()
        return with_second_factor

    def test_is_ours(self, db: None) -> None:
        answer = Client().get("/admin/", follow=True)

        assert answer.redirect_chain[-1] == ("/log-in?next=/admin/", 302)

    def test_takes_no_password_of_its_own(self, supporter: User) -> None:
        client = Client()

        client.post("/admin/login/?next=/admin/", {"username": supporter.email, "password": PASSWORD})

        assert client.get("/admin/").status_code == 302

    def test_asks_staff_for_their_second_factor(self, supporter: User) -> None:
        client = password_step(supporter, going_to="/admin/")
        assert client.get("/admin/").status_code == 302

        answer = client.post("/log-in/code", {"code": app_code(supporter)})

        assert answer["Location"] == "/admin/"
        assert client.get("/admin/").status_code == 200

    def test_turns_others_away_without_a_circle(self, browser: Client) -> None:
        answer = browser.get("/admin/", follow=True)

        assert answer.status_code == 403
        assert "for the support staff" in answer.content.decode()

    def test_leads_staff_who_are_in_already_on(self, supporter: User) -> None:
        client = Client()
        client.force_login(supporter)

        assert client.get("/admin/login/?next=/admin/streams/user/")["Location"] == "/admin/streams/user/"
        assert client.get("/admin/login/?next=https://elsewhere.example/")["Location"] == "/admin/"

    def test_changes_passwords_where_everybody_does(self, supporter: User) -> None:
        client = Client()
        client.force_login(supporter)

        assert client.get("/admin/password_change/")["Location"] == "/account/you/password"


class TestForgotten:
    @pytest.fixture
    def mail_server(self, settings: LazySettings) -> None:
        settings.MAIL_SERVER = object()

    def test_says_whom_to_ask_where_no_mail_is_sent(self, db: None) -> None:
        html = Client().get("/log-in/forgotten").content.decode()

        assert "Ask an owner" in html
        assert "<form" not in html

    @pytest.mark.usefixtures("mail_server")
    def test_answers_alike_and_with_the_same_work_whoever_is_asked_for(
        self, owner: User, broker: Broker, capture: Capture
    ) -> None:
        answers = []
        for email in (owner.email, "unknown@northwind.example"):
            with capture(execute=True), CaptureQueriesContext(connection) as queries:
                answer = Client().post("/log-in/forgotten", {"email": email})
            answers.append((answer.status_code, answer.content.decode().replace(email, ""), len(queries)))

        assert answers[0] == answers[1]
        assert "is on its way" in answers[0][1]
        assert broker.names == ["streams.mail_who_forgot"] * 2
        for _, asked in broker.arguments[:]:
            tasks.mail_who_forgot(**asked)
        assert PasswordReset.objects.get().user == owner

    @pytest.mark.usefixtures("mail_server")
    @pytest.mark.parametrize("email", ["", "nobody", "x\x00@northwind.example"])
    def test_says_what_is_wrong(self, db: None, email: str) -> None:
        assert Client().post("/log-in/forgotten", {"email": email}).status_code == 422


class TestReset:
    def test_sets_a_password_and_logs_nobody_in(self, owner: User, browser: Client) -> None:
        link = reset_link(passwords.make_reset(user=owner, actor=SYSTEM))
        visitor = Client()
        shown = visitor.get(link)
        assert owner.email in shown.content.decode()
        assert "no-store" in shown["Cache-Control"]

        answer = visitor.post("/password-reset", {"token": token_of(link), "password": NEW})

        assert answer["Location"] == "/log-in"
        assert not is_in(visitor)
        assert not is_in(browser)
        assert visitor.post("/log-in", {"username": owner.email, "password": NEW})["Location"] == "/"

    def test_still_asks_for_the_second_factor(self, with_second_factor: User) -> None:
        token = token_of(reset_link(passwords.make_reset(user=with_second_factor, actor=SYSTEM)))
        visitor = Client()
        visitor.post("/password-reset", {"token": token, "password": NEW})

        answer = visitor.post("/log-in", {"username": with_second_factor.email, "password": NEW})

        assert answer["Location"] == "/log-in/code"

    def test_says_what_is_wrong_and_can_be_tried_again(self, owner: User) -> None:
        token = token_of(reset_link(passwords.make_reset(user=owner, actor=SYSTEM)))

        for password, status in (("", 422), ("short", 422), (NEW, 302), (NEW, 410)):
            answer = Client().post("/password-reset", {"token": token, "password": password})
            assert answer.status_code == status

    def test_that_is_used_up_leads_to_another(self, owner: User) -> None:
        link = reset_link(passwords.make_reset(user=owner, actor=SYSTEM))
        Client().post("/password-reset", {"token": token_of(link), "password": NEW})

        assert 'href="/log-in/forgotten"' in Client().get(link).content.decode()

    @pytest.mark.parametrize("address", ["/password-reset", "/invitation"])
    def test_and_invitations_take_no_made_up_links(self, owner: User, home: NewOrganization, address: str) -> None:
        reset = passwords.make_reset(user=owner, actor=SYSTEM)
        invited = members.invite_member(
            organization=home.organization, email="new@northwind.example", role=Role.VIEWER, actor=SYSTEM
        )
        # Of the other kind, with another's id, without a signature.
        wrong = reset_link(reset) if address == "/invitation" else invitation_link(invited)
        signature = wrong.partition("%3A")[2]
        row = invited if address == "/invitation" else reset
        for token in (wrong.partition("token=")[2], f"{row.pk.hex}%3A{signature}", row.pk.hex, "", "%00", "a:b"):
            for answer in (Client().get(f"{address}?token={token}"), Client().post(address, {"token": token})):
                assert answer.status_code == 410, token
        assert not AuditEntry.objects.filter(action__in=["password.reset", "member.joined"]).exists()


class TestInvitation:
    @pytest.fixture
    def invited(self, home: NewOrganization) -> Invitation:
        return members.invite_member(
            organization=home.organization, email="new@northwind.example", role=Role.OPERATOR, actor=SYSTEM
        )

    def test_leads_a_new_person_in(self, invited: Invitation) -> None:
        visitor, link = Client(), invitation_link(invited)
        assert "Join <bdi>Northwind Events</bdi>" in visitor.get(link).content.decode()

        answer = visitor.post("/invitation", {"token": token_of(link), "name": "New Person", "password": NEW})

        assert answer["Location"] == "/"
        assert is_in(visitor)
        assert Member.objects.get(user__name="New Person").role == Role.OPERATOR
        assert visitor.get(link).status_code == 410

    def test_says_what_is_wrong(self, invited: Invitation) -> None:
        token = token_of(invitation_link(invited))

        for form in ({"password": "short"}, {"name": "bell\x07", "password": NEW}, {}):
            answer = Client().post("/invitation", {"token": token, **form})
            assert answer.status_code == 422
            assert "field-error" in answer.content.decode()

    @pytest.fixture
    def to_stranger(self, home: NewOrganization, stranger: User) -> str:
        made = members.invite_member(
            organization=home.organization, email=stranger.email, role=Role.VIEWER, actor=SYSTEM
        )
        return invitation_link(made)

    def test_asks_who_has_an_account_to_log_in_first(
        self, to_stranger: str, stranger: User, log_in: Callable[[User], Client]
    ) -> None:
        html = Client().get(to_stranger).content.decode()
        path = to_stranger.partition("//")[2].partition("/")[2]
        way_back = f"/log-in?next={quote(f'/{path}')}"
        assert way_back in html
        refused = Client().post("/invitation", {"token": token_of(to_stranger), "password": NEW})
        assert (refused.status_code, way_back in refused.content.decode()) == (403, True)

        answer = log_in(stranger).post("/invitation", {"token": token_of(to_stranger)})

        assert answer["Location"] == "/"
        assert Member.objects.filter(user=stranger).count() == 2
        # The organization that they have joined is what they see.
        assert find_membership(stranger) == Member.objects.get(user=stranger, role=Role.VIEWER)

    def test_is_for_nobody_else_who_is_logged_in(self, to_stranger: str, browser: Client, stranger: User) -> None:
        assert "You are logged in as" in browser.get(to_stranger).content.decode()

        assert browser.post("/invitation", {"token": token_of(to_stranger)}).status_code == 403

        assert Member.objects.filter(user=stranger).count() == 1

    def test_is_come_back_to_by_who_logs_out_for_it(self, to_stranger: str, browser: Client) -> None:
        (way_back,) = re.findall(r'name="next" value="([^"]+)"', browser.get(to_stranger).content.decode())

        answer = browser.post("/log-out", {"next": unescape(way_back)})

        assert to_stranger.endswith(answer["Location"])
        assert "You have an account already" in browser.get(answer["Location"]).content.decode()

    def test_tells_who_is_logged_in_that_joining_changes_that(self, invited: Invitation, browser: Client) -> None:
        html = squeezed(browser.get(invitation_link(invited)).content.decode())

        assert f"When you join, you are logged in as<b>{invited.email}</b>instead." in html


class TestFocus:
    def test_is_on_the_first_field_that_was_not_accepted(self, browser: Client) -> None:
        page = browser.post("/account/you/password", {"present": PASSWORD, "password": "short"})
        (field,) = re.findall(r"<input[^>]* autofocus[^>]*>", page.content.decode())

        assert 'name="password"' in field
