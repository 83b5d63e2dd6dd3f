"""The pages of one's own log-in, from the outside: password, second factor, log-ins."""

import re
from collections.abc import Callable

import pyotp
import pytest
from django.forms import Form
from django.test import Client

from livehub.core import clock
from streams.account import forms
from streams.identity import second_factor
from streams.identity.models import public_id_of
from streams.models import LogIn, Member, Role, SecondFactor, User
from streams.organizations.services import NewOrganization
from tests.dashboard.conftest import get_html

PASSWORD = "correct horse battery"
NEW = "a quite different sentence"
PAGES = ["", "/password", "/second-factor", "/second-factor/confirm", "/second-factor/off", "/recovery-codes/new"]


def app_code(user: User) -> str:
    """Return what the person's app shows, and have the step of it be untaken."""
    factor = SecondFactor.objects.get(user=user)
    SecondFactor.objects.filter(pk=factor.pk).update(last_step=0)
    return pyotp.TOTP(second_factor.secret_of(factor)).at(clock.now())


@pytest.fixture
def with_second_factor(owner: User) -> User:
    second_factor.start_second_factor(user=owner, password=PASSWORD)
    second_factor.confirm_second_factor(user=owner, code=app_code(owner), keep=None)
    return owner


@pytest.fixture
def elsewhere(owner: User, log_in: Callable[[User], Client]) -> Client:
    """Another browser of the owner's."""
    return log_in(owner)


class TestDoor:
    @pytest.mark.parametrize("page", PAGES)
    def test_is_shut_to_strangers(self, db: None, page: str) -> None:
        for answer in (Client().get(f"/account/you{page}"), Client().post(f"/account/you{page}")):
            assert (answer.status_code, answer["Location"]) == (302, f"/log-in?next=/account/you{page}")

    @pytest.mark.parametrize("page", PAGES[:3])
    def test_is_open_to_every_role_and_to_who_has_none(
        self, viewer: User, operator: User, log_in: Callable[[User], Client], page: str
    ) -> None:
        nobody = User.objects.create_user("nobody@example.com", PASSWORD)

        for person in (viewer, operator, nobody):
            assert person.email in get_html(log_in(person), f"/account/you{page}")


@pytest.mark.parametrize(
    "form",
    [
        forms.CodeForm,
        forms.RecoveryCodeForm,
        forms.PresentPasswordForm,
        forms.PasswordChangeForm,
        forms.NewPasswordForm,
        forms.ForgottenForm,
        forms.JoinForm,
        forms.LoginForm,
    ],
)
def test_what_is_missing_is_asked_for_by_its_name(form: Callable[..., Form]) -> None:
    for asked_for in (form(data={}), form(data={"email": "nobody"})):
        complaints = [complaint for found in asked_for.errors.values() for complaint in found]
        assert complaints
        assert all(str(complaint).startswith(("Type ", "Choose ")) for complaint in complaints), complaints


class TestPassword:
    def test_changes_here_and_ends_everything_elsewhere(self, browser: Client, elsewhere: Client, owner: User) -> None:
        answer = browser.post("/account/you/password", {"present": PASSWORD, "password": NEW})

        assert answer["Location"] == "/account/you"
        owner.refresh_from_db()
        assert owner.check_password(NEW)
        assert "Your password is changed." in get_html(browser, "/account/you")
        assert elsewhere.get("/account").status_code == 302

    @pytest.mark.parametrize(
        "wrong",
        [{"present": "wrong", "password": NEW}, {"present": PASSWORD, "password": "short"}, {"present": PASSWORD}, {}],
    )
    def test_stays_when_something_is_wrong(self, browser: Client, owner: User, wrong: dict[str, str]) -> None:
        answer = browser.post("/account/you/password", wrong)

        assert answer.status_code == 422
        assert 'role="alert"' in answer.content.decode()
        owner.refresh_from_db()
        assert owner.check_password(PASSWORD)

    def test_that_is_right_is_no_wrong_try_though_the_new_one_is_weak(self, browser: Client) -> None:
        answers = [
            browser.post("/account/you/password", {"present": PASSWORD, "password": "short"}).status_code
            for _ in range(12)
        ]

        assert set(answers) == {422}


class TestSecondFactor:
    def test_is_set_up_with_a_picture_a_key_and_a_first_code(
        self, browser: Client, elsewhere: Client, owner: User
    ) -> None:
        assert browser.post("/account/you/second-factor", {"present": "wrong"}).status_code == 422
        assert browser.post("/account/you/second-factor", {"present": PASSWORD})["Location"].endswith("/confirm")

        answer = browser.get("/account/you/second-factor/confirm")
        html = answer.content.decode()
        secret = second_factor.secret_of(SecondFactor.objects.get())
        assert 'src="data:image/svg+xml' in html
        assert " ".join(re.findall("....", secret)) in html
        assert "no-store" in answer["Cache-Control"]

        assert browser.post("/account/you/second-factor/confirm", {"code": "12345"}).status_code == 422
        done = browser.post("/account/you/second-factor/confirm", {"code": app_code(owner)})
        assert done["Location"] == "/account/you/recovery-codes"
        assert elsewhere.get("/account").status_code == 302
        assert "10 left" in get_html(browser, "/account/you")

    def test_shows_recovery_codes_once_that_work(self, browser: Client, with_second_factor: User) -> None:
        browser.force_login(with_second_factor)
        browser.post("/account/you/recovery-codes/new", {"present": PASSWORD})
        session = LogIn.objects.get(user=with_second_factor).get_decoded()

        shown = browser.get("/account/you/recovery-codes")
        codes = shown.context["text"].split()

        assert len(codes) == 10
        assert all(code in shown.content.decode() for code in codes)
        assert codes[0] not in str(session)
        assert "no-store" in shown["Cache-Control"]
        second_factor.use_code(user=with_second_factor, code=codes[3])
        assert browser.get("/account/you/recovery-codes")["Location"] == "/account/you"

    def test_turns_off_with_the_password(self, browser: Client, with_second_factor: User) -> None:
        browser.force_login(with_second_factor)
        for password, status in (("wrong", 422), (PASSWORD, 303)):
            answer = browser.post("/account/you/second-factor/off", {"present": password})
            assert answer.status_code == status

        assert not SecondFactor.objects.exists()

    @pytest.mark.parametrize("page", PAGES[3:])
    def test_pages_lead_back_when_there_is_nothing_to_do(self, browser: Client, page: str) -> None:
        assert browser.get(f"/account/you{page}")["Location"] == "/account/you"

    def test_is_not_replaced_through_the_form(self, browser: Client, with_second_factor: User) -> None:
        before = SecondFactor.objects.values().get()
        browser.force_login(with_second_factor)

        assert browser.post("/account/you/second-factor", {"present": PASSWORD}).status_code == 409
        assert SecondFactor.objects.values().get() == before


class TestOrganizations:
    def test_are_switched_between(self, browser: Client, owner: User, abroad: NewOrganization) -> None:
        second = Member.objects.create(organization=abroad.organization, user=owner, role=Role.VIEWER)
        html = get_html(browser, "/account/you")
        assert f"/organizations/{second.pk}/choose" in html

        assert browser.post(f"/account/you/organizations/{second.pk}/choose")["Location"] == "/"

        assert "Your role: viewer" in get_html(browser, "/account")
        assert browser.post("/account/api-keys/create").status_code == 403

    def test_of_others_are_not_there(self, browser: Client, stranger: User) -> None:
        theirs = Member.objects.get(user=stranger)

        assert browser.post(f"/account/you/organizations/{theirs.pk}/choose").status_code == 404


class TestLogIns:
    def test_are_listed_without_their_keys_and_ended_one_by_one(
        self, browser: Client, elsewhere: Client, owner: User
    ) -> None:
        html = get_html(browser, "/account/you")
        keys = list(LogIn.objects.filter(user=owner).values_list("session_key", flat=True))
        assert len(keys) == 2
        assert not [key for key in keys if key in html]
        other = public_id_of(elsewhere.session.session_key or "")

        assert browser.post(f"/account/you/log-ins/{other}/end")["Location"] == "/account/you"

        assert elsewhere.get("/account").status_code == 302
        assert browser.get("/account").status_code == 200

    def test_of_others_are_not_there(self, browser: Client, stranger: User, log_in: Callable[[User], Client]) -> None:
        theirs = log_in(stranger)
        their_id = public_id_of(theirs.session.session_key or "")

        assert str(their_id) not in get_html(browser, "/account/you")
        assert browser.post(f"/account/you/log-ins/{their_id}/end").status_code == 404
        assert theirs.get("/account").status_code == 200

    def test_elsewhere_end_all_at_once(self, browser: Client, elsewhere: Client) -> None:
        assert browser.post("/account/you/log-ins/end-others")["Location"] == "/account/you"

        assert elsewhere.get("/account").status_code == 302
        assert browser.get("/account").status_code == 200

    @pytest.mark.parametrize("deed", ["{id}/end", "end-others"])
    def test_end_by_a_form_only(self, browser: Client, elsewhere: Client, deed: str) -> None:
        other = public_id_of(elsewhere.session.session_key or "")

        assert browser.get(f"/account/you/log-ins/{deed.format(id=other)}").status_code == 405
